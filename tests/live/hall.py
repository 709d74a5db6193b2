"""An event on sale whose seats a test changes as any server would: in one transaction."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from box_office.changes import SeatChanges
from box_office.database import Database
from tests.halls import build_hall

CHANGE_SEATS = """
    WITH seat AS (
        SELECT s.seat_index, s.state AS before, wish.state AS after
        FROM unnest($2::int[], $3::smallint[]) AS wish (seat_index, state)
        JOIN event_seats s ON s.event_id = $1 AND s.seat_index = wish.seat_index
        ORDER BY s.seat_index FOR UPDATE OF s
    ), written AS (
        UPDATE event_seats s SET state = seat.after,
            reservation_id = CASE WHEN seat.after IN (1, 2) THEN gen_random_uuid() END,
            held_until = CASE WHEN seat.after = 1 THEN now() + interval '1 hour' END
        FROM seat WHERE s.event_id = $1 AND s.seat_index = seat.seat_index
        RETURNING s.seat_index, seat.before, seat.after
    )
    SELECT array_agg(seat_index ORDER BY seat_index) AS seats,
           array_agg(before ORDER BY seat_index) AS before,
           array_agg(after ORDER BY seat_index) AS after
    FROM written
"""


@dataclass
class Hall:
    """Two sections: the first half of the seats is numbered, the rest is for standing."""

    database: Database
    event_id: UUID
    section_ids: tuple[UUID, UUID]
    seat_count: int
    dice: random.Random = field(default_factory=lambda: random.Random(7))

    async def change(self, seats: Mapping[int, int]) -> SeatChanges:
        """Commit one version; who it is told to is up to the test."""
        async with self.database.pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(
                CHANGE_SEATS, self.event_id, list(seats), list(seats.values())
            )
            assert row is not None
            made = await connection.fetchrow(
                "SELECT * FROM record_seat_changes($1, $2, $3, $4)", self.event_id, *row
            )
            assert made is not None
        version, as_of = made
        return SeatChanges(self.event_id, version, as_of, tuple(row["seats"]), bytes(row["after"]))

    async def change_at_random(self, seats_max: int = 4) -> SeatChanges:
        """Commit one version of a few seats, any of them, to any state."""
        count = self.dice.randint(1, seats_max)
        seats = self.dice.sample(range(self.seat_count), count)
        return await self.change({index: self.dice.randrange(4) for index in seats})

    async def truth(self) -> tuple[int, list[int]]:
        """Read version and states from the database."""
        async with self.database.pool.acquire() as connection, connection.transaction():
            version = await connection.fetchval(
                "SELECT version FROM event_ledgers WHERE event_id = $1 FOR UPDATE", self.event_id
            )
            rows = await connection.fetch(
                "SELECT state FROM event_seats WHERE event_id = $1 ORDER BY seat_index",
                self.event_id,
            )
        return version, [row["state"] for row in rows]

    async def restore(self, version: int) -> None:
        """Go back to what a backup may have held: that version, and every seat free."""
        async with self.database.pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "UPDATE event_seats SET state = 0, reservation_id = NULL, held_until = NULL"
                " WHERE event_id = $1",
                self.event_id,
            )
            await connection.execute(
                "UPDATE event_ledgers SET version = $2, available = seat_count, held = 0, sold = 0,"
                " blocked = 0 WHERE event_id = $1",
                self.event_id,
                version,
            )
            await connection.execute(
                "DELETE FROM seat_changes WHERE event_id = $1 AND version > $2",
                self.event_id,
                version,
            )

    async def forget_log(self, up_to_version: int) -> None:
        """Drop old rows of the change log, as the clean-up does after a quarter of an hour."""
        await self.database.pool.execute(
            "DELETE FROM seat_changes WHERE event_id = $1 AND version <= $2",
            self.event_id,
            up_to_version,
        )


async def open_hall(database: Database, seat_count: int = 20) -> Hall:
    """Put an event on sale, every seat free: half of them numbered, half of them standing."""
    half = seat_count // 2
    event_id, stalls_id, floor_id = await build_hall(database, half, seat_count - half, {})
    assert floor_id is not None
    return Hall(database, event_id, (stalls_id, floor_id), seat_count)
