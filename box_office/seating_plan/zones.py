"""Zones, rows and seats of a plan, read and placed: seat in row in zone, all in one plane."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from box_office.seating_plan.areas import read_area
from box_office.seating_plan.findings import Findings, Place
from box_office.seating_plan.limits import (
    CATEGORY_LENGTH_MAX,
    NUMBER_LENGTH_MAX,
    ROW_LENGTH_MAX,
    SECTION_NAME_LENGTH_MAX,
)
from box_office.seating_plan.names import unused_name
from box_office.seating_plan.plan import Decoration, Point
from box_office.seating_plan.values import (
    JsonObject,
    read_items,
    read_number,
    read_position,
    read_text,
)

#: How editors say that a wheelchair can use a place.
_ACCESSIBLE_KEYS = ("accessible", "is_accessible", "wheelchair", "wheelchair_accessible")
_ACCESSIBLE_WORDS = ("wheelchair", "accessible")


@dataclass(slots=True)
class PlacedSeat:
    """A seat of the file with its place in the plan."""

    place: Place
    row: str
    number: str
    x: float
    y: float
    category: str
    accessible: bool
    #: Nobody is known by it here, so that whatever it is hurts nothing.
    guid: str | None


@dataclass(slots=True)
class PlacedZone:
    """A zone of the file: a section to be."""

    place: Place
    name: str
    #: What else the file calls it: its name before it was told apart, its zone_id.
    other_names: tuple[str, ...]
    seats: list[PlacedSeat] = field(default_factory=list)
    decorations: list[Decoration] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ZoneReader:
    """Reads the zones of one file."""

    categories: frozenset[str]
    findings: Findings

    def read(self, document: JsonObject) -> list[PlacedZone]:
        """Read all zones; two of one name are told apart."""
        if document.get("zones") is None:
            self.findings.fault(Place().key("zones"), "is missing; a plan lists its zones there.")
        zones: list[PlacedZone] = []
        taken: set[str] = set()
        for place, zone in read_items(document, "zones", Place(), self.findings):
            placed = self._read_zone(zone, place, len(zones) + 1, taken)
            taken.add(placed.name)
            zones.append(placed)
        return zones

    def _read_zone(
        self, zone: JsonObject, place: Place, ordinal: int, taken: set[str]
    ) -> PlacedZone:
        given = read_text(zone, "name", place, self.findings, SECTION_NAME_LENGTH_MAX)
        zone_id = read_text(zone, "zone_id", place, self.findings, SECTION_NAME_LENGTH_MAX)
        wanted = given or zone_id or f"Zone {ordinal}"
        name = unused_name(wanted, taken, SECTION_NAME_LENGTH_MAX)
        if name != wanted:
            self.findings.warn(place.key("name"), f"{wanted!r} repeats; called {name!r} here.")
        placed = PlacedZone(place, name, tuple(n for n in (wanted, zone_id) if n))
        origin = read_position(zone, place, self.findings)
        for index, (place_of_row, row) in enumerate(
            read_items(zone, "rows", place, self.findings), start=1
        ):
            placed.seats += self._read_row(row, origin, place_of_row, index)
        for place_of_area, area in read_items(zone, "areas", place, self.findings):
            placed.decorations += read_area(area, origin, place_of_area, self.findings)
        return placed

    def _read_row(
        self, row: JsonObject, origin: Point, place: Place, ordinal: int
    ) -> Iterable[PlacedSeat]:
        name = self._name(row, "row_number", place, ROW_LENGTH_MAX, ordinal)
        x, y = read_position(row, place, self.findings)
        origin = (origin[0] + x, origin[1] + y)
        seats = read_items(row, "seats", place, self.findings)
        for index, (place_of_seat, seat) in enumerate(seats, start=1):
            placed = self._read_seat(seat, name, origin, place_of_seat, index)
            if placed is not None:
                yield placed

    def _read_seat(
        self, seat: JsonObject, row: str, origin: Point, place: Place, ordinal: int
    ) -> PlacedSeat | None:
        number = self._name(seat, "seat_number", place, NUMBER_LENGTH_MAX, ordinal)
        category = self._category(seat, place)
        x, y = self._coordinate(seat, "x", place), self._coordinate(seat, "y", place)
        if category is None or x is None or y is None:
            return None
        return PlacedSeat(
            place=place,
            row=row,
            number=number,
            x=origin[0] + x,
            y=origin[1] + y,
            category=category,
            accessible=_is_accessible(seat),
            guid=guid if isinstance(guid := seat.get("seat_guid"), str) else None,
        )

    def _name(
        self, owner: JsonObject, key: str, place: Place, length_max: int, ordinal: int
    ) -> str:
        """Read a row's or a seat's name; without one it is called by its place in the list."""
        name = read_text(owner, key, place, self.findings, length_max)
        if name is not None:
            return name
        value = owner.get(key)
        if value is None or (isinstance(value, str) and not value.strip()):
            self.findings.warn(place.key(key), f"is missing; called {ordinal} here.")
        return str(ordinal)

    def _category(self, seat: JsonObject, place: Place) -> str | None:
        given = seat.get("category")
        if isinstance(given, str) and given in self.categories:
            return given  # The way of nearly every seat.
        category = read_text(seat, "category", place, self.findings, CATEGORY_LENGTH_MAX)
        if category in self.categories:
            return category
        if category is not None:
            self.findings.fault(
                place.key("category"),
                f"{category!r} is not among the plan's categories; correct it or add it there.",
            )
        elif given is None or given == "":
            self.findings.fault(place.key("category"), "is missing; give the seat a category.")
        return None

    def _coordinate(self, seat: JsonObject, axis: str, place: Place) -> float | None:
        position = seat.get("position")
        place = place.key("position")
        if not isinstance(position, dict):
            if axis == "x":  # Said once, not for each axis.
                self.findings.fault(place, "must be an object with x and y.")
            return None
        value = position.get(axis)
        if value is None:
            self.findings.fault(place.key(axis), "is missing; give the seat its place.")
            return None
        return read_number(position, axis, place, self.findings)


def _is_accessible(seat: JsonObject) -> bool:
    if any(seat.get(key) is True for key in _ACCESSIBLE_KEYS):
        return True
    kind = seat.get("type")
    return isinstance(kind, str) and any(word in kind.lower() for word in _ACCESSIBLE_WORDS)
