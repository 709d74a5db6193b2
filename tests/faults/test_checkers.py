"""The judges of these tests find what they look for."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest

from box_office.database import Database
from tests.faults.conftest import new_books
from tests.faults.judging import faults, troubled, unanswered, untrue
from tests.faults.machine import OwnPostgres
from tests.faults.sales import Sales, selling
from tests.faults.screens import DELTA, SNAPSHOT, STALE, Screen
from tests.given_time import eventually
from tests.halls import Hall
from tests.races.doors import DirectDoor
from tests.races.record import Action, Answer, Record, Told


@pytest.fixture
async def database_url(postgres: OwnPostgres) -> str:
    """Books to be spoilt; nobody audits them."""
    return await asyncio.to_thread(new_books, postgres)


@pytest.fixture
async def record(hall: Hall) -> Record:
    """Some of everything, sold directly at the box office."""
    sales = Sales(hall, [DirectDoor(hall.box_office, hall)])
    async with selling(sales, 2):
        await eventually(
            lambda: all(len(sales.done(a)) >= 3 for a in (Action.CANCEL, Action.PURCHASE)), 20
        )
    return sales.record


SPOILERS = {
    "reservations lost": "UPDATE reservations SET buyer_id = gen_random_uuid() WHERE id ="
    " (SELECT id FROM reservations LIMIT 1)",
    "cancellations lost": "UPDATE reservations SET status = 'EXPIRED' WHERE status = 'CANCELLED'",
    "sales lost": "UPDATE orders SET status = 'COMMITTED'",
    "both ended and sold": "UPDATE reservations SET status = 'EXPIRED' WHERE status = 'PURCHASED'",
}


@pytest.mark.parametrize("spoilt", SPOILERS)
async def test_what_was_acknowledged_and_is_no_longer_in_the_books_is_found(
    database: Database, hall: Hall, record: Record, spoilt: str
) -> None:
    assert await untrue(database, record) == {}

    await hall.execute(SPOILERS[spoilt])

    assert spoilt in await untrue(database, record)


async def test_a_seat_that_two_were_given_at_once_is_found(
    database: Database, record: Record
) -> None:
    one = record.of(Action.RESERVE)[0]
    assert one.answer.reservation is not None
    another = replace(one.answer.reservation, id=uuid4())
    record.told.append(replace(one, buyer=uuid4(), answer=Answer(reservation=another)))

    assert "of two at once" in await untrue(database, record)


def told(answer: Answer, seconds: float = 1.0) -> Told:
    return Told(Action.RESERVE, uuid4(), None, None, 100.0, 100.0 + seconds, answer)


def test_silence_is_no_answer_and_neither_is_one_after_ten_seconds() -> None:
    silent, slow = told(Answer(fault="ReadTimeout")), told(Answer(), seconds=10.1)
    fault, prompt = told(Answer(fault="HTTP 500: …")), told(Answer(refusals=("SEATS_UNAVAILABLE",)))

    assert unanswered(Record([silent, slow, fault, prompt])) == [silent, slow]


def test_a_fault_is_trouble_and_so_is_an_unknown_outcome() -> None:
    fault, unknown = told(Answer(fault="…")), told(Answer(refusals=("OUTCOME_UNKNOWN",)))
    record = Record([fault, unknown, told(Answer())])

    assert troubled(record) == [fault, unknown]
    assert troubled(record, since=101.0) == []
    assert faults(record) == [fault]


def test_a_screen_knows_a_skipped_version_an_old_map_and_the_truth(hall: Hall) -> None:
    screen = Screen(hall)
    screen.take({"__typename": SNAPSHOT, "availability": {"version": 3, "states": "AA=="}})
    delta = {"__typename": DELTA, "changes": [{"index": 1, "status": "SOLD"}]}

    with pytest.raises(AssertionError, match="skipped"):
        screen.take(delta | {"fromVersion": 4, "version": 5})
    screen.take(delta | {"fromVersion": 3, "version": 4})

    assert screen.shows((4, bytes([0, 2])))
    assert not screen.shows((4, bytes([0, 1])))
    assert not screen.shows((5, bytes([0, 2])))
    screen.take({"__typename": STALE})
    assert not screen.shows((4, bytes([0, 2])))
