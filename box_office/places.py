"""How an event's seats are laid out in sections: what a request for seats is checked against."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

import sqlalchemy as sa

from box_office.database import Database
from models import SectionKind

EVENTS_KEPT_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Area:
    """A section's seats: first .. last, both included."""

    section_id: UUID
    kind: SectionKind
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class EventPlaces:
    """The sections of an event. Never changes once the event is published."""

    seat_count: int
    areas: tuple[Area, ...]

    def area(self, section_id: UUID) -> Area | None:
        """Find a section; None: the event has no such section."""
        return next((area for area in self.areas if area.section_id == section_id), None)

    def sections_from(self, first_seat_indexes: Iterable[int]) -> tuple[UUID, ...]:
        """Name the sections that begin at these seats."""
        by_first = {area.first: area.section_id for area in self.areas}
        return tuple(by_first[first] for first in first_seat_indexes)


SECTIONS_OF_EVENT = sa.text("""
    SELECT c.id, c.kind, c.first_seat_index, c.capacity
    FROM events e JOIN sections c ON c.seat_map_id = e.seat_map_id
    WHERE e.id = :event_id AND e.state <> 'DRAFT'
    ORDER BY c.first_seat_index
""")


@dataclass(slots=True)
class Places:
    """The places of the events that are asked for most recently."""

    database: Database
    _known: OrderedDict[UUID, EventPlaces] = field(default_factory=OrderedDict)
    _reading: dict[UUID, asyncio.Task[EventPlaces | None]] = field(default_factory=dict)

    async def of(self, event_id: UUID) -> EventPlaces | None:
        """Tell an event's places. None: there is no such public event."""
        known = self._known.get(event_id)
        if known is not None:
            self._known.move_to_end(event_id)
            return known
        reading = self._reading.get(event_id)
        if reading is None:
            reading = self._reading[event_id] = asyncio.create_task(self._read(event_id))
            reading.add_done_callback(lambda _: self._reading.pop(event_id, None))
        found = await asyncio.shield(reading)  # Who gives up must not stop the others' reading.
        if found is not None:
            self._known[event_id] = found
            if len(self._known) > EVENTS_KEPT_MAX:
                self._known.popitem(last=False)
        return found

    async def _read(self, event_id: UUID) -> EventPlaces | None:
        async with self.database.engine.connect() as connection:
            rows = (await connection.execute(SECTIONS_OF_EVENT, {"event_id": event_id})).all()
        if not rows:
            return None
        areas = tuple(
            Area(
                row.id,
                SectionKind(row.kind),
                row.first_seat_index,
                row.first_seat_index + row.capacity - 1,
            )
            for row in rows
        )
        return EventPlaces(seat_count=areas[-1].last + 1, areas=areas)
