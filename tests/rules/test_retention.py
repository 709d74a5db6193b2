"""What is old goes, what is not stays, and nobody waits for it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest

from box_office.database import Database
from box_office.purchases import PurchaseRequest, purchase_reservation
from box_office.releasing import cancel_reservation
from box_office.reservations import ReservationRow
from box_office.retention import (
    AUDITS_KEPT,
    IDEMPOTENCY_KEYS_KEPT,
    PAYMENT_HINTS_KEPT,
    RESERVATIONS_KEPT,
    RETENTION_LOCK,
    SEAT_CHANGES_KEPT,
    end_what_is_old,
)
from models import Order
from tests.halls import Hall, open_hall

A_MINUTE = timedelta(minutes=1)


@pytest.fixture
async def hall(database: Database) -> AsyncIterator[Hall]:
    async with open_hall(database, numbered=12, standing=8) as hall:
        yield hall


async def rows(hall: Hall, table: str) -> int:
    (row,) = await hall.fetch(f"SELECT count(*) FROM {table}")
    count: int = row["count"]
    return count


async def pay(hall: Hall, held: ReservationRow, token: str) -> Order | None:
    request = PurchaseRequest(held.buyer_id, held.id, "ada@example.org", token, str(uuid4()))
    answer = await purchase_reservation(hall.box_office, request)
    return answer if isinstance(answer, Order) else None


async def changes_aged(hall: Hall, age: timedelta) -> int:
    """Make three versions, the two older ones of this age; and say how many a sweep leaves."""
    held = await hall.held(1)
    await cancel_reservation(hall.box_office, held.buyer_id, held.id, None)
    await hall.held(2)
    await hall.execute("UPDATE seat_changes SET committed_at = now() - $1::interval", age)
    await end_what_is_old(hall.box_office.database)
    return await rows(hall, "seat_changes")


@pytest.mark.parametrize(
    ("age", "left"), [(SEAT_CHANGES_KEPT - A_MINUTE, 3), (SEAT_CHANGES_KEPT + A_MINUTE, 1)]
)
async def test_changes_are_kept_for_a_quarter_of_an_hour_and_the_newest_for_ever(
    hall: Hall, age: timedelta, left: int
) -> None:
    assert await changes_aged(hall, age) == left


async def ended_reservations(hall: Hall, age: timedelta) -> None:
    """One cancelled, one expired after a declined payment, one open, one purchased: so old."""
    cancelled = await hall.held(1)
    await cancel_reservation(hall.box_office, cancelled.buyer_id, cancelled.id, None)
    expired = await hall.held(2)
    await pay(hall, expired, "pretend_declined")
    await hall.lapse(expired.id)
    await hall.box_office.sweep()
    await hall.held(3)
    assert await pay(hall, await hall.held(4), "pretend_ok")
    await hall.execute(
        "UPDATE reservations SET expires_at = now() - $1::interval WHERE status <> 'OPEN'", age
    )
    await hall.execute("UPDATE payments SET updated_at = now() - $1::interval", age)
    await hall.execute("UPDATE idempotency_keys SET created_at = now() - $1::interval", age)


async def test_what_ended_without_an_order_is_forgotten_after_a_month(hall: Hall) -> None:
    await ended_reservations(hall, RESERVATIONS_KEPT + A_MINUTE)

    gone = await end_what_is_old(hall.box_office.database)

    assert gone == {"idempotency_keys": 2, "reservations": 2}
    left = await hall.fetch("SELECT status FROM reservations ORDER BY status")
    assert [row["status"] for row in left] == ["OPEN", "PURCHASED"]
    assert [row["state"] for row in await hall.fetch("SELECT state FROM payments")] == ["CAPTURED"]


async def test_what_ended_is_kept_for_a_month(hall: Hall) -> None:
    await ended_reservations(hall, RESERVATIONS_KEPT - A_MINUTE)

    await end_what_is_old(hall.box_office.database)

    assert await rows(hall, "reservations") == 4
    assert await rows(hall, "payments") == 2


@pytest.mark.parametrize("state", ["REFUNDING", "REFUNDED", "VOIDING", "ACTION_REQUIRED"])
@pytest.mark.untrue_books(reason="The payment's state is set by hand.")
async def test_a_payment_that_took_or_may_take_money_is_kept_with_its_reservation(
    hall: Hall, state: str
) -> None:
    await ended_reservations(hall, RESERVATIONS_KEPT + A_MINUTE)
    await hall.execute(
        f"UPDATE payments SET state = '{state}', provider_reference = 'r' WHERE state = 'DECLINED'"
    )

    await end_what_is_old(hall.box_office.database)

    assert await rows(hall, "payments") == 2
    assert await rows(hall, "reservations") == 3


@pytest.mark.parametrize(
    ("age", "left"), [(IDEMPOTENCY_KEYS_KEPT - A_MINUTE, 1), (IDEMPOTENCY_KEYS_KEPT + A_MINUTE, 0)]
)
async def test_keys_are_kept_for_a_week(hall: Hall, age: timedelta, left: int) -> None:
    await pay(hall, await hall.held(1), "pretend_ok")
    await hall.execute("UPDATE idempotency_keys SET created_at = now() - $1::interval", age)

    await end_what_is_old(hall.box_office.database)

    assert await rows(hall, "idempotency_keys") == left


async def test_the_key_of_a_payment_that_goes_on_is_kept(hall: Hall) -> None:
    await pay(hall, await hall.held(1), "pretend_action_required")
    await hall.execute("UPDATE idempotency_keys SET created_at = now() - interval '1 year'")

    await end_what_is_old(hall.box_office.database)

    assert await rows(hall, "idempotency_keys") == 1


@pytest.mark.parametrize(
    ("age", "left"), [(PAYMENT_HINTS_KEPT - A_MINUTE, 2), (PAYMENT_HINTS_KEPT + A_MINUTE, 1)]
)
async def test_hints_are_kept_for_a_month_and_until_they_are_handled(
    hall: Hall, age: timedelta, left: int
) -> None:
    await hall.execute(
        "INSERT INTO payment_hints VALUES"
        " ('pretend', 'done', gen_random_uuid(), true, now() - $1::interval),"
        " ('pretend', 'waits', gen_random_uuid(), false, now() - $1::interval)",
        age,
    )

    await end_what_is_old(hall.box_office.database)

    assert await rows(hall, "payment_hints") == left


@pytest.mark.parametrize(
    ("age", "left"), [(AUDITS_KEPT - A_MINUTE, 1), (AUDITS_KEPT + A_MINUTE, 0)]
)
async def test_audits_are_kept_for_a_week(hall: Hall, age: timedelta, left: int) -> None:
    await hall.execute(
        "INSERT INTO audits VALUES (gen_random_uuid(), '{}', 0.1, now() - $1::interval)", age
    )

    await end_what_is_old(hall.box_office.database)

    assert await rows(hall, "audits") == left


async def test_how_long_is_a_setting(hall: Hall) -> None:
    held = await hall.held(1)
    await cancel_reservation(hall.box_office, held.buyer_id, held.id, None)
    await hall.execute("UPDATE seat_changes SET committed_at = now() - interval '2 minutes'")

    await end_what_is_old(hall.box_office.database, {"seat_changes": timedelta(minutes=1)})

    assert await rows(hall, "seat_changes") == 1


async def test_thousands_go_in_small_steps(hall: Hall) -> None:
    await hall.execute(
        "INSERT INTO seat_changes (event_id, version, seat_indexes, states, committed_at)"
        " SELECT $1, n, '{1}', CASE WHEN n % 2 = 1 THEN '{1}' ELSE '{0}' END::smallint[],"
        " now() - interval '1 day' + n * interval '1 s' FROM generate_series(1, 2500) n",
        hall.event_id,
    )
    await hall.execute("UPDATE event_ledgers SET version = 2500")

    assert await end_what_is_old(hall.box_office.database) == {"seat_changes": 2_499}


async def test_nobody_waits_for_it_and_it_waits_for_nobody(hall: Hall) -> None:
    await ended_reservations(hall, RESERVATIONS_KEPT + A_MINUTE)
    async with hall.box_office.database.pool.acquire() as somebody, somebody.transaction():
        await somebody.execute("SELECT 1 FROM reservations WHERE status = 'CANCELLED' FOR UPDATE")

        async with asyncio.timeout(1):
            gone = await end_what_is_old(hall.box_office.database)
            assert isinstance(await hall.reserve(7), ReservationRow)

    assert gone["reservations"] == 1


async def test_one_process_does_it_at_a_time(hall: Hall) -> None:
    await ended_reservations(hall, RESERVATIONS_KEPT + A_MINUTE)
    async with hall.box_office.database.pool.acquire() as other, other.transaction():
        await other.execute("SELECT pg_advisory_xact_lock($1)", RETENTION_LOCK)

        assert await end_what_is_old(hall.box_office.database) == {}
