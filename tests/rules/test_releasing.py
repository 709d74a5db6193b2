import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest
import sqlalchemy as sa

from box_office.database import Database
from box_office.refusals import ReservationNotFound, ReservationNotOpen, SeatsUnknown
from box_office.releasing import REASON_LENGTH_MAX, cancel_reservation, release_seats
from box_office.reservations import (
    RESERVATIONS_KNOWN_MAX,
    EventsOfReservations,
    ReservationRow,
    reservations_by_ids,
)
from box_office.reserving import NamedSeat
from models import ReservationStatus, SeatStatus
from tests.halls import Hall, open_hall


async def test_released_seats_are_free_at_once_and_the_others_stay(hall: Hall) -> None:
    buyer = uuid4()
    reservation = await hall.held(1, 2, 3, buyer=buyer)

    left = await release_seats(hall.box_office, buyer, reservation.id, [2, 9])

    assert isinstance(left, ReservationRow)
    assert left.status is ReservationStatus.OPEN
    assert left.seat_indexes == (1, 3)
    assert left.expires_at == reservation.expires_at
    assert (await hall.states())[1:4] == [1, 0, 1]
    assert await hall.allowance(buyer) == 2


async def test_releasing_the_last_seat_cancels_the_reservation(hall: Hall) -> None:
    buyer = uuid4()
    reservation = await hall.held(1, 2, buyer=buyer)

    over = await release_seats(hall.box_office, buyer, reservation.id, [1, 2])

    assert isinstance(over, ReservationRow)
    assert over.status is ReservationStatus.CANCELLED
    assert over.seat_indexes == (1, 2)
    assert over.expires_at is None
    assert (await hall.ledger())["available"] == 20
    assert await hall.allowance(buyer) == 0


async def test_releasing_what_is_not_in_it_changes_nothing(hall: Hall) -> None:
    buyer = uuid4()
    reservation = await hall.held(1, buyer=buyer)

    same = await release_seats(hall.box_office, buyer, reservation.id, [5, 6])

    assert isinstance(same, ReservationRow)
    assert same.seat_indexes == (1,)
    assert (await hall.ledger())["version"] == 1


async def test_seats_that_do_not_exist_are_named(hall: Hall) -> None:
    buyer = uuid4()
    reservation = await hall.held(1, buyer=buyer)

    nonsense = NamedSeat("nonsense", None, 0)
    answer = await release_seats(hall.box_office, buyer, reservation.id, [1, 20], [nonsense])

    assert isinstance(answer, list)
    (refusal,) = answer
    assert isinstance(refusal, SeatsUnknown)
    assert (refusal.seat_indexes, refusal.seat_ids) == ((20,), ("nonsense",))


async def test_a_cancelled_reservation_frees_everything_and_cancelling_again_answers_it(
    hall: Hall,
) -> None:
    buyer = uuid4()
    reservation = await hall.held(1, 2, buyer=buyer, standing=2)

    first = await cancel_reservation(hall.box_office, buyer, reservation.id, "changed my mind")
    again = await cancel_reservation(hall.box_office, buyer, reservation.id, None)

    assert isinstance(first, ReservationRow)
    assert first == again
    assert first.status is ReservationStatus.CANCELLED
    assert await hall.states() == [SeatStatus.AVAILABLE] * 20
    (row,) = await hall.fetch("SELECT cancel_reason FROM reservations")
    assert row["cancel_reason"] == "changed my mind"


async def test_somebody_elses_reservation_does_not_exist(hall: Hall) -> None:
    reservation = await hall.held(1)

    for buyer, reservation_id in ((uuid4(), reservation.id), (uuid4(), uuid4())):
        released = await release_seats(hall.box_office, buyer, reservation_id, [1])
        cancelled = await cancel_reservation(hall.box_office, buyer, reservation_id, None)
        assert isinstance(released, list)
        assert isinstance(cancelled, list)
        assert released == cancelled
        assert isinstance(released[0], ReservationNotFound)
    assert (await hall.states())[1] == SeatStatus.HELD


async def test_what_was_reserved_here_is_given_back_without_asking_for_its_event(
    hall: Hall,
) -> None:
    buyer = uuid4()
    reservation = await hall.held(1, 2, buyer=buyer)
    asked: list[str] = []

    def ask(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    engine = hall.box_office.database.engine.sync_engine
    sa.event.listen(engine, "before_cursor_execute", ask)
    try:
        await release_seats(hall.box_office, buyer, reservation.id, [1])
        cancelled = await cancel_reservation(hall.box_office, buyer, reservation.id, None)
        assert asked == []
        await cancel_reservation(hall.box_office, uuid4(), reservation.id, None)
        assert len(asked) == 1, "Whoever it is not known of is looked up."
    finally:
        sa.event.remove(engine, "before_cursor_execute", ask)

    assert isinstance(cancelled, ReservationRow)
    assert cancelled.status is ReservationStatus.CANCELLED


async def test_what_was_reserved_elsewhere_is_given_back_all_the_same(hall: Hall) -> None:
    buyer = uuid4()
    reservation = await hall.held(1, 2, buyer=buyer)
    events = EventsOfReservations(hall.box_office.database)
    another = replace(hall.box_office, events_of_reservations=events)

    cancelled = await cancel_reservation(another, buyer, reservation.id, None)

    assert isinstance(cancelled, ReservationRow)
    assert await hall.states() == [SeatStatus.AVAILABLE] * 20


async def test_no_more_reservations_are_remembered_than_so_many(hall: Hall) -> None:
    buyer = uuid4()
    reservation = await hall.held(1, buyer=buyer)
    events = hall.box_office.events_of_reservations
    for _ in range(RESERVATIONS_KNOWN_MAX):
        events.learn(uuid4(), uuid4(), hall.event_id)

    assert len(events._known) == RESERVATIONS_KNOWN_MAX
    assert await events.of(buyer, reservation.id) == hall.event_id, "It is forgotten, not gone."


async def test_a_lapsed_reservation_releases_nothing_and_reads_expired(hall: Hall) -> None:
    buyer = uuid4()
    reservation = await hall.held(1, buyer=buyer)
    await hall.lapse(reservation.id)

    released = await release_seats(hall.box_office, buyer, reservation.id, [1])
    cancelled = await cancel_reservation(hall.box_office, buyer, reservation.id, None)
    read = (await reservations_by_ids(hall.box_office.database, [reservation.id]))[reservation.id]

    assert isinstance(released, list)
    assert isinstance(released[0], ReservationNotOpen)
    assert released[0].status is ReservationStatus.EXPIRED
    assert isinstance(cancelled, ReservationRow)
    assert cancelled.status is ReservationStatus.EXPIRED
    assert read.status is ReservationStatus.EXPIRED
    assert read.expires_at is None


async def test_a_sweep_frees_what_lapsed_and_nothing_else(hall: Hall) -> None:
    buyer = uuid4()
    lapsed = await hall.held(1, 2, buyer=buyer, standing=1)
    open_one = await hall.held(5)
    await hall.lapse(lapsed.id)

    assert await hall.box_office.sweep() == 1
    assert await hall.box_office.sweep() == 0

    states = await hall.states()
    assert states[1:3] == [0, 0]
    assert states[5] == SeatStatus.HELD
    assert await hall.allowance(buyer) == 0
    rows = await hall.fetch("SELECT id, status FROM reservations")
    assert {row["id"]: row["status"] for row in rows} == {
        lapsed.id: "EXPIRED",
        open_one.id: "OPEN",
    }
    assert (await hall.ledger())["version"] == 3


async def test_many_sweepers_at_once_free_each_seat_once(hall: Hall) -> None:
    for n in range(10):
        await hall.lapse((await hall.held(n)).id)

    swept = await asyncio.gather(*(hall.box_office.sweep() for _ in range(5)))

    assert sum(set(swept)) <= 10
    assert await hall.states() == [0] * 20
    assert (await hall.ledger())["available"] == 20


@pytest.mark.parametrize(
    ("reason", "refused"),
    [("x" * REASON_LENGTH_MAX, False), ("x" * (REASON_LENGTH_MAX + 1), True), ("a\0b", True)],
)
async def test_a_reason_has_up_to_500_characters_that_can_be_stored(
    hall: Hall, reason: str, refused: bool
) -> None:
    buyer = uuid4()
    reservation = await hall.held(1, buyer=buyer)

    answer = await cancel_reservation(hall.box_office, buyer, reservation.id, reason)

    assert isinstance(answer, list) is refused


async def test_an_event_whose_sweep_is_stuck_holds_up_no_other(database: Database) -> None:
    async with open_hall(database) as stuck, open_hall(database) as other:
        for hall in (stuck, other):
            await hall.lapse((await hall.held(1)).id)
        async with database.pool.acquire() as somebody, somebody.transaction():
            await somebody.execute(
                "SELECT 1 FROM event_ledgers WHERE event_id = $1 FOR UPDATE", stuck.event_id
            )
            sweep = asyncio.create_task(other.box_office.sweep())
            async with asyncio.timeout(1):
                while (await other.states())[1] != SeatStatus.AVAILABLE:  # noqa: ASYNC110 - in SQL.
                    await asyncio.sleep(0.02)
        await sweep
        await stuck.box_office.sweep()

        assert (await stuck.states())[1] == SeatStatus.AVAILABLE
