"""What a batch costs does not grow with the sale: no statement reads what it does not ask about."""

import asyncio
from uuid import uuid4

import pytest

from box_office.database import Database
from box_office.purchases import PurchaseRequest, purchase_reservation
from box_office.reservations import ReservationRow
from box_office.statistics import refresh_statistics
from models import Order
from tests.halls import Hall, open_hall

BUYERS, AT_ONCE = 600, 50
#: Reservations that others are just paying, as a statement of its own, for buying takes long.
OTHERS = 4_000
OTHERS_PAY = """
    INSERT INTO reservations (id, event_id, buyer_id, status, seat_indexes, expires_at,
                              hold_ends_at, payment_attempts)
    SELECT gen_random_uuid(), $1, gen_random_uuid(), 'PAYING', '{0}', now() + interval '1 minute',
           now() + interval '1 minute', 1
    FROM generate_series(1, $2::int)
"""
OTHERS_LEAVE = "DELETE FROM reservations WHERE status = 'PAYING'"
#: What the own connection has read, which is told with the statement before.
READ = """
    SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::int AS rows
    FROM pg_stat_user_tables WHERE relname IN ('reservations', 'allowances')
"""


async def test_a_batch_reads_its_own_buyers_and_nobody_elses(database: Database) -> None:
    """In the first minute of a sale, too, when PostgreSQL has not counted the tables yet."""
    async with open_hall(database, numbered=BUYERS) as hall:
        for first in range(0, BUYERS, AT_ONCE):
            await asyncio.gather(*(hall.held(seat) for seat in range(first, first + AT_ONCE)))

        assert await rows_read(hall) <= 2 * BUYERS


@pytest.mark.parametrize("token", ["pretend_ok", "pretend_declined"])
async def test_plans_made_before_a_sale_are_made_anew_when_it_has_grown(
    database: Database, token: str
) -> None:
    """However many pay at the same time, a purchase reads nobody else's reservation."""
    async with open_hall(database, numbered=60) as hall:
        held = await asyncio.gather(*(hall.held(seat) for seat in range(40)))
        for reservation in held[:20]:  # Their plans are kept.
            await buy(hall, reservation, token)
        await hall.execute(OTHERS_PAY, hall.event_id, OTHERS)
        read_before = await rows_read(hall)

        counted = await refresh_statistics(database)
        for reservation in held[20:]:
            await buy(hall, reservation, token)

        assert "reservations" in counted
        assert await rows_read(hall) - read_before <= 30 * 20
        await hall.execute(OTHERS_LEAVE)


async def test_a_table_that_has_not_grown_is_not_counted_again(database: Database) -> None:
    async with open_hall(database) as hall:
        await hall.execute(OTHERS_PAY, hall.event_id, OTHERS)
        await rows_read(hall)  # What was changed is told with the next statement.
        assert await refresh_statistics(database) == ["reservations"]

        await hall.execute(OTHERS_PAY, hall.event_id, OTHERS // 2 - 1)
        await rows_read(hall)

        assert await refresh_statistics(database) == []
        await hall.execute(OTHERS_LEAVE)


async def buy(hall: Hall, reservation: ReservationRow, token: str) -> None:
    request = PurchaseRequest(
        buyer_id=reservation.buyer_id,
        reservation_id=reservation.id,
        email="ada@example.org",
        payment_token=token,
        idempotency_key=str(uuid4()),
    )
    answer = await purchase_reservation(hall.box_office, request)
    assert isinstance(answer, Order) == (token == "pretend_ok"), answer


async def rows_read(hall: Hall) -> int:
    """Sum up the rows of reservations and allowances that the batches have looked at."""
    await hall.fetch("SELECT pg_stat_force_next_flush()")
    (row,) = await hall.fetch(READ)
    rows: int = row["rows"]
    return rows
