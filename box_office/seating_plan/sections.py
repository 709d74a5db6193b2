"""From zones to sections: standing places take the place of seats where an organiser says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from box_office.seating_plan.areas import corners_of
from box_office.seating_plan.findings import Findings, Place
from box_office.seating_plan.geometry import area_of, outline_of
from box_office.seating_plan.limits import (
    NUMBER_LENGTH_MAX,
    SEATS_MAX,
    SECTION_NAME_LENGTH_MAX,
)
from box_office.seating_plan.names import unused_name
from box_office.seating_plan.plan import PlanCategory, Point
from box_office.seating_plan.zones import PlacedSeat, PlacedZone


@dataclass(slots=True)
class DraftSection:
    """A section before its seats are counted through; `standing` places, or numbered seats."""

    name: str
    seats: list[PlacedSeat] = field(default_factory=list)
    standing: int | None = None
    category: str | None = None
    outline: tuple[Point, ...] | None = None

    @property
    def capacity(self) -> int:
        """Count the places."""
        return len(self.seats) if self.standing is None else self.standing


@dataclass(slots=True)
class Arrangement:
    """The sections of a plan, and its categories with those that standing zones brought."""

    sections: list[DraftSection]
    categories: list[PlanCategory]


def arrange(
    zones: Sequence[PlacedZone],
    categories: Sequence[PlanCategory],
    general_admission: Mapping[str, int],
    findings: Findings,
) -> Arrangement:
    """Make a section of every zone with seats, and one of everything declared general admission."""
    arrangement = Arrangement([], list(categories))
    standing_zones, standing_categories = _declared(zones, categories, general_admission, findings)
    standing_seats: dict[str, list[PlacedSeat]] = {name: [] for name in standing_categories}
    for zone in zones:
        if zone.name in standing_zones:
            capacity = standing_zones[zone.name]
            arrangement.sections.append(_standing_zone(zone, capacity, arrangement, findings))
            continue
        seated: list[PlacedSeat] = []
        for seat in zone.seats:
            standing_seats.get(seat.category, seated).append(seat)
        if seated:
            outline = outline_of((seat.x, seat.y) for seat in seated)
            arrangement.sections.append(DraftSection(zone.name, seated, outline=outline))
    for category in categories:
        if category.name in standing_categories:
            capacity = standing_categories[category.name]
            seats = standing_seats[category.name]
            arrangement.sections.append(
                _standing_category(category, capacity, seats, arrangement.sections)
            )
    return arrangement


def _declared(
    zones: Sequence[PlacedZone],
    categories: Sequence[PlanCategory],
    general_admission: Mapping[str, int],
    findings: Findings,
) -> tuple[dict[str, int], dict[str, int]]:
    """Find out which zones and which categories are meant, each with its capacity."""
    of_zones: dict[str, int] = {}
    of_categories: dict[str, int] = {}
    for name, capacity in general_admission.items():
        place = Place(step=f"general admission {name}")
        if not 0 < capacity <= SEATS_MAX:
            findings.fault(place, f"has {capacity:,} places; give 1 to {SEATS_MAX:,}.")
        meant = [zone for zone in zones if zone.name == name] or [
            zone for zone in zones if name in zone.other_names
        ]
        if meant:
            of_zones |= {zone.name: capacity for zone in meant[:1]}
        elif category := next((c for c in categories if name in (c.name, c.label)), None):
            of_categories[category.name] = capacity
        else:
            known = ", ".join([zone.name for zone in zones] + [c.label for c in categories])
            findings.fault(place, f"is neither a zone nor a category; there are: {known[:500]}.")
    return of_zones, of_categories


def _standing_zone(
    zone: PlacedZone, capacity: int, arrangement: Arrangement, findings: Findings
) -> DraftSection:
    counted = Counter(seat.category for seat in zone.seats).most_common()
    if len(counted) > 1:
        findings.warn(
            zone.place,
            f"has {len(counted)} categories; general admission there has {counted[0][0]!r}.",
        )
    category = counted[0][0] if counted else _category_named_like(zone, arrangement)
    if zone.seats:
        outline: tuple[Point, ...] | None = outline_of((seat.x, seat.y) for seat in zone.seats)
    else:
        shapes: list[list[Point]] = [corners_of(decoration) for decoration in zone.decorations]
        largest = max(shapes, key=area_of, default=[])
        outline = tuple(largest) or None
    return DraftSection(zone.name, standing=capacity, category=category, outline=outline)


def _category_named_like(zone: PlacedZone, arrangement: Arrangement) -> str:
    """Find the category of a zone without seats: the one with its name, made when there is none."""
    names = (zone.name, *zone.other_names)
    for category in arrangement.categories:
        if category.name in names or category.label in names:
            return category.name
    arrangement.categories.append(PlanCategory(zone.name, zone.name))
    return zone.name


def _standing_category(
    category: PlanCategory,
    capacity: int,
    seats: Sequence[PlacedSeat],
    sections: Sequence[DraftSection],
) -> DraftSection:
    taken = {section.name for section in sections}
    name = unused_name(category.label, taken, SECTION_NAME_LENGTH_MAX)
    outline = outline_of((seat.x, seat.y) for seat in seats) if seats else None
    return DraftSection(name, standing=capacity, category=category.name, outline=outline)


def tell_seats_apart(section: DraftSection, findings: Findings) -> None:
    """Give every seat of a section a row and number of its own, and bring rows together.

    Of seats with the same row and number the leftmost keeps it, the upper one of those beside it:
    whatever the order in the file, the names come out the same.
    """
    rows: dict[str, list[PlacedSeat]] = {}
    for seat in section.seats:
        rows.setdefault(seat.row, []).append(seat)
    for seats in rows.values():
        _tell_row_apart(seats, section.name, findings)
    section.seats = [seat for seats in rows.values() for seat in seats]


def _tell_row_apart(seats: list[PlacedSeat], section_name: str, findings: Findings) -> None:
    numbers = Counter(seat.number for seat in seats)
    if len(numbers) == len(seats):
        return
    taken = set(numbers)
    again: set[str] = set()
    renamed: dict[int, PlacedSeat] = {}
    for index, seat in sorted(enumerate(seats), key=lambda item: (item[1].x, item[1].y, item[0])):
        if seat.number not in again:
            again.add(seat.number)
            continue
        number = unused_name(seat.number, taken, NUMBER_LENGTH_MAX)
        taken.add(number)
        renamed[index] = replace(seat, number=number)
        findings.warn(
            seat.place,
            f"{section_name}, row {seat.row}, seat {seat.number} repeats; called {number!r} here.",
        )
    seats[:] = [renamed.get(index, seat) for index, seat in enumerate(seats)]
