"""What the seat boards read: an event's seats at one version, what changed since, how far it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from box_office.changes import SeatChanges
from box_office.database import Database


@dataclass(frozen=True, slots=True)
class BoardSection:
    """A section's place among the seats: first_seat_index .. first_seat_index + capacity - 1."""

    section_id: UUID
    first_seat_index: int
    capacity: int


@dataclass(frozen=True, slots=True)
class BoardRow:
    """An event's seats as the database has them, all at one version."""

    event_id: UUID
    version: int
    as_of: datetime
    #: One byte a seat: its `SeatStatus`.
    states: bytes
    #: One byte a seat: the position of its price level.
    price_levels: bytes
    #: Minor units, by the position of the price level.
    level_prices: tuple[int, ...]
    sections: tuple[BoardSection, ...]


# One statement, so one snapshot: version and seats belong together. The subselects keep their order
# by index; a published event's seats are dense, 0 .. n-1. The log knows when they came to be so;
# where nobody has reserved yet, or after a restore, it knows nothing, and they are so as of now.
LOAD_BOARD = sa.text("""
    SELECT l.version,
        coalesce((SELECT c.committed_at FROM seat_changes c
                  WHERE c.event_id = e.id AND c.version = l.version), clock_timestamp()) AS as_of,
        (SELECT string_agg(set_byte('\\x00', 0, s.state), '' ORDER BY s.seat_index)
         FROM event_seats s WHERE s.event_id = e.id) AS states,
        (SELECT string_agg(set_byte('\\x00', 0, s.price_level), '' ORDER BY s.seat_index)
         FROM event_seats s WHERE s.event_id = e.id) AS price_levels,
        (SELECT array_agg(p.price_minor ORDER BY p.position)
         FROM price_levels p WHERE p.event_id = e.id) AS level_prices,
        (SELECT array_agg(c.id ORDER BY c.first_seat_index)
         FROM sections c WHERE c.seat_map_id = e.seat_map_id) AS section_ids,
        (SELECT array_agg(c.first_seat_index ORDER BY c.first_seat_index)
         FROM sections c WHERE c.seat_map_id = e.seat_map_id) AS section_firsts,
        (SELECT array_agg(c.capacity ORDER BY c.first_seat_index)
         FROM sections c WHERE c.seat_map_id = e.seat_map_id) AS section_capacities
    FROM events e JOIN event_ledgers l ON l.event_id = e.id
    WHERE e.id = :event_id AND e.state <> 'DRAFT'
""")

CHANGES_SINCE = sa.text("""
    SELECT c.version, c.committed_at, c.seat_indexes, c.states FROM seat_changes c
    WHERE c.event_id = :event_id AND c.version > :version
    ORDER BY c.version LIMIT :most
""")

#: More than this is loaded anew rather than caught up with.
CHANGES_MAX = 10_000


@dataclass(frozen=True, slots=True)
class PostgresBooks:
    """Implements `subscriptions.books.SeatBooks`: the seats, versions and changes of record."""

    database: Database

    async def load_board(self, event_id: UUID) -> BoardRow | None:
        """Read version and seats in one statement. None: there is no such public event."""
        async with self.database.engine.connect() as connection:
            row = (await connection.execute(LOAD_BOARD, {"event_id": event_id})).one_or_none()
        if row is None:
            return None
        sections = zip(row.section_ids, row.section_firsts, row.section_capacities, strict=True)
        return BoardRow(
            event_id=event_id,
            version=row.version,
            as_of=row.as_of,
            states=row.states,
            price_levels=row.price_levels,
            level_prices=tuple(row.level_prices),
            sections=tuple(BoardSection(*section) for section in sections),
        )

    async def changes_since(self, event_id: UUID, version: int) -> list[SeatChanges]:
        """Read what came after a version, ascending and without a hole (see `whole_story`)."""
        async with self.database.engine.connect() as connection:
            rows = await connection.execute(
                CHANGES_SINCE, {"event_id": event_id, "version": version, "most": CHANGES_MAX}
            )
            changes = [
                SeatChanges(
                    event_id,
                    row.version,
                    row.committed_at,
                    tuple(row.seat_indexes),
                    bytes(row.states),
                )
                for row in rows
            ]
        return whole_story(changes, version)

    async def versions_of(self, event_ids: Sequence[UUID]) -> dict[UUID, int]:
        """Read how far each event is, all in one statement."""
        statement = sa.text(
            "SELECT event_id, version FROM event_ledgers WHERE event_id = ANY(:ids)"
        )
        async with self.database.engine.connect() as connection:
            rows = await connection.execute(statement, {"ids": list(event_ids)})
            return {row.event_id: row.version for row in rows}


def whole_story(changes: list[SeatChanges], version: int) -> list[SeatChanges]:
    """Give the change log's rows after a version, if they are all that happened since.

    [] if the log lacks any of it, or has so much that loading anew is cheaper.
    """
    if len(changes) >= CHANGES_MAX:
        return []
    gapless = all(change.version == version + n for n, change in enumerate(changes, start=1))
    return changes if gapless else []
