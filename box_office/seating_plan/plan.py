"""A seating plan that has been read: plain columns by seat index, ready to be stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from box_office.seating_plan.findings import PlanWarning
from models import SectionKind

Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class PlanCategory:
    """What an event's price levels are for. The name may be a UUID; people read the label."""

    name: str
    label: str
    color: str | None = None


@dataclass(frozen=True, slots=True)
class PlanSection:
    """A zone's numbered seats, or standing places. Its seats are first_seat_index, and so on."""

    name: str
    kind: SectionKind
    capacity: int
    first_seat_index: int
    #: General admission's category; numbered seats carry their own.
    category: str | None = None
    #: A polygon; its last point joins its first.
    outline: tuple[Point, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What shapes have in common: colours, and whether this is the stage."""

    fill: str | None = None
    border: str | None = None
    is_stage: bool = False


@dataclass(frozen=True, slots=True)
class Rectangle(Shape):
    """A rectangle by its upper left corner, turned clockwise about it."""

    x: float
    y: float
    width: float
    height: float
    rotation: float = 0.0


@dataclass(frozen=True, slots=True)
class Ellipse(Shape):
    """An ellipse, or a circle, by its centre, turned clockwise about it."""

    x: float
    y: float
    radius_x: float
    radius_y: float
    rotation: float = 0.0


@dataclass(frozen=True, slots=True)
class Polygon(Shape):
    """A polygon; its last point joins its first."""

    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """Words on the plan, centred at their place."""

    x: float
    y: float
    text: str
    size: float
    color: str | None = None
    rotation: float = 0.0


Decoration: TypeAlias = Rectangle | Ellipse | Polygon | Text


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatingPlan:
    """A venue's layout. Seat indexes are dense, 0 .. n-1, section after section."""

    name: str
    width: float
    height: float
    #: All that the file declares, also those no seat has.
    categories: tuple[PlanCategory, ...]
    sections: tuple[PlanSection, ...]
    # By seat index; general admission has no place, row and number.
    xs: tuple[float | None, ...]
    ys: tuple[float | None, ...]
    rows: tuple[str | None, ...]
    numbers: tuple[str | None, ...]
    seat_categories: tuple[str, ...]
    accessible: tuple[bool, ...]
    decorations: tuple[Decoration, ...]
    warnings: tuple[PlanWarning, ...]

    @property
    def seat_count(self) -> int:
        """Count the seats, standing places included."""
        return len(self.seat_categories)

    def used_categories(self) -> tuple[PlanCategory, ...]:
        """Give the categories that seats have, in the order of the file."""
        used = set(self.seat_categories)
        return tuple(category for category in self.categories if category.name in used)
