"""Seat maps and their sections, as clients see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

import strawberry

from box_office.published_seat_maps import SeatMapRow
from schema.context import Context, Info
from schema.enums import SectionKind
from schema.ids import NodeKind, encode_id
from schema.nodes import Node


@strawberry.type
class Point:
    """A place on a seat map, in the units of the plan: `x` to the right, `y` down."""

    x: float
    """From the left, in the units of the plan; the map is `SeatMap.width` wide."""
    y: float
    """From the top, in the units of the plan; the map is `SeatMap.height` high."""


class SectionRow(Protocol):
    """A section as it is stored, or as it is kept in memory."""

    @property
    def id(self) -> UUID: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def kind(self) -> SectionKind: ...  # noqa: D102
    @property
    def capacity(self) -> int: ...  # noqa: D102
    @property
    def first_seat_index(self) -> int: ...  # noqa: D102
    @property
    def outline(self) -> Sequence[Sequence[float]] | None: ...  # noqa: D102


@strawberry.type
class Section(Node):
    """A part of a seat map, sold in one way: numbered seats, or general admission."""

    name: str
    """The name on the plan and on the ticket, such as `Balcony left`."""
    kind: SectionKind
    """Whether its seats are sold by number or by quantity."""
    capacity: int
    """How many seats or standing places it has."""
    first_seat_index: int
    """The index of its first seat: its seats are `firstSeatIndex` to `firstSeatIndex + capacity -
    1`, in the seat map, in `availability.states` and everywhere else."""
    corners: strawberry.Private[Sequence[Sequence[float]] | None]

    @strawberry.field
    def outline(self) -> list[Point] | None:
        """Its shape on the map, as a closed polygon; null when the plan draws none."""
        return None if self.corners is None else [Point(x=x, y=y) for x, y in self.corners]

    @classmethod
    def of(cls, row: SectionRow) -> Section:
        """Show a section that was read."""
        return cls(
            id=encode_id(NodeKind.SECTION, row.id),
            name=row.name,
            kind=row.kind,
            capacity=row.capacity,
            first_seat_index=row.first_seat_index,
            corners=row.outline,
        )

    @classmethod
    async def load(cls, context: Context, key: UUID) -> Section | None:
        """Find a section by its key."""
        row = await context.loaders.sections.load(key)
        return None if row is None else cls.of(row)


@strawberry.type
class SeatMap(Node):
    """A version of a venue's layout: where each seat is. It never changes, so keep it."""

    key: strawberry.Private[UUID]
    version: int
    """The venue's layouts are numbered from 1; a new layout is a new seat map."""
    width: float
    """The plan's width, in the units that every `x` counts in."""
    height: float
    """The plan's height, in the units that every `y` counts in."""
    seat_count: int
    """How many seats and standing places it has; their indexes are 0 to `seatCount - 1`."""
    layout_url: str
    """Where the whole layout lies as one file, to draw the map from: JSON of columns by seat index
    (`x`, `y`, number and row of each seat), rows, sections and the decorations of the plan. Fetch
    it from this server, once: its name changes with its content, so caches keep it for ever."""

    @strawberry.field
    async def sections(self, info: Info) -> list[Section]:
        """Its sections, in the order of their seats' indexes."""
        rows = await info.context.loaders.sections_of_seat_map.load(self.key)
        return [Section.of(row) for row in rows]

    @classmethod
    def of(cls, row: SeatMapRow) -> SeatMap:
        """Show a seat map that was read."""
        seat_map_id = encode_id(NodeKind.SEAT_MAP, row.id)
        return cls(
            id=seat_map_id,
            key=row.id,
            version=row.version,
            width=row.width,
            height=row.height,
            seat_count=row.seat_count,
            layout_url=f"/layouts/{seat_map_id}-{row.layout_hash}.json",
        )

    @classmethod
    async def load(cls, context: Context, key: UUID) -> SeatMap | None:
        """Find a seat map by its key."""
        row = await context.loaders.seat_maps.load(key)
        return None if row is None else cls.of(row)
