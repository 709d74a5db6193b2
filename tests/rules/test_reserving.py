import asyncio
from uuid import uuid4

from box_office.batches import Again
from box_office.database import Database
from box_office.refusals import (
    EventNotFound,
    InvalidInput,
    NotOnSale,
    ReservationNotOpen,
    SeatLimitExceeded,
    SeatsUnavailable,
    SeatsUnknown,
)
from box_office.reservations import ReservationRow
from box_office.reserving import (
    RESERVATION_SEATS_MAX,
    RESERVE_NOW,
    GeneralAdmission,
    NamedSeat,
    Request,
    SeatWish,
    reserve_seats,
)
from models import EventStatus, ReservationStatus, SeatStatus
from tests.halls import Hall, open_hall


async def test_a_reservation_holds_its_seats_until_its_end(hall: Hall) -> None:
    reservation = await hall.held(3, 4)

    seats = await hall.seats()
    assert reservation.status is ReservationStatus.OPEN
    assert reservation.seat_indexes == (3, 4)
    assert reservation.expires_in_seconds == 600
    assert [seats[i]["state"] for i in (3, 4)] == [SeatStatus.HELD, SeatStatus.HELD]
    assert {seats[i]["reservation_id"] for i in (3, 4)} == {reservation.id}
    assert {seats[i]["held_until"] for i in (3, 4)} == {reservation.expires_at}


async def test_of_eight_buyers_racing_for_one_seat_exactly_one_gets_it(hall: Hall) -> None:
    answers = await asyncio.gather(*(hall.reserve(5) for _ in range(8)))

    won = [answer for answer in answers if isinstance(answer, ReservationRow)]
    lost = [answer for answer in answers if isinstance(answer, list)]
    assert len(won) == 1
    assert len(lost) == 7
    for refusals in lost:
        (refusal,) = refusals
        assert isinstance(refusal, SeatsUnavailable)
        assert refusal.seat_indexes == (5,)


async def test_one_taken_seat_refuses_the_whole_wish_and_names_it(hall: Hall) -> None:
    await hall.held(1)

    answer = await hall.reserve(0, 1, 2)

    assert isinstance(answer, list)
    (refusal,) = answer
    assert isinstance(refusal, SeatsUnavailable)
    assert refusal.seat_indexes == (1,)
    assert (await hall.states())[:3] == [0, 1, 0]


async def test_a_later_call_adds_to_the_reservation_and_prolongs_nothing(hall: Hall) -> None:
    buyer = uuid4()
    first = await hall.held(1, buyer=buyer)

    second = await hall.held(2, buyer=buyer)

    assert second.id == first.id
    assert second.seat_indexes == (1, 2)
    assert second.expires_at == first.expires_at


async def test_repeating_a_call_changes_nothing(hall: Hall) -> None:
    buyer = uuid4()
    first = await hall.held(1, 2, buyer=buyer, standing=3)
    version = (await hall.ledger())["version"]

    again = await hall.held(1, 2, buyer=buyer, standing=3)

    assert again.seat_indexes == first.seat_indexes
    assert (await hall.ledger())["version"] == version
    assert await hall.allowance(buyer) == 5


async def test_two_tabs_of_one_buyer_fill_one_reservation(hall: Hall) -> None:
    buyer = uuid4()

    answers = await asyncio.gather(*(hall.held(n, buyer=buyer) for n in range(6)))

    assert len({answer.id for answer in answers}) == 1
    assert await hall.allowance(buyer) == 6
    rows = await hall.fetch("SELECT seat_indexes FROM reservations")
    assert [sorted(row["seat_indexes"]) for row in rows] == [[0, 1, 2, 3, 4, 5]]


async def test_two_tabs_of_one_buyer_on_two_servers_fill_one_reservation(
    database: Database,
) -> None:
    async with open_hall(database) as hall, open_hall(database) as elsewhere:
        other = Hall(elsewhere.box_office, hall.event_id, hall.stalls_id, hall.floor_id, 12, 0)
        for _ in range(5):
            buyer = uuid4()
            answers = await asyncio.gather(
                hall.reserve(0, buyer=buyer),
                other.reserve(1, buyer=buyer),
                hall.reserve(2, buyer=buyer),
                other.reserve(3, buyer=buyer),
            )

            assert all(isinstance(answer, ReservationRow) for answer in answers), answers
            assert await hall.allowance(buyer) == 4
            await hall.execute("UPDATE reservations SET expires_at = now()")
            await hall.execute("UPDATE event_seats SET held_until = now() WHERE state = 1")


async def test_a_lapsed_hold_blocks_nobody_before_any_sweep(hall: Hall) -> None:
    buyer = uuid4()
    lapsed = await hall.held(7, buyer=buyer)
    await hall.lapse(lapsed.id)

    taken = await hall.held(7)

    assert (await hall.seats())[7]["reservation_id"] == taken.id
    # The first buyer's allowance moves by the reservation's own end, not by the takeover.
    assert await hall.allowance(buyer) == 1
    assert await hall.box_office.sweep() == 1
    assert await hall.allowance(buyer) == 0
    assert (await hall.seats())[7]["reservation_id"] == taken.id


async def test_adding_to_a_lapsed_reservation_makes_a_new_one(hall: Hall) -> None:
    buyer = uuid4()
    lapsed = await hall.held(1, 2, buyer=buyer)
    await hall.lapse(lapsed.id)

    new = await hall.held(2, 3, buyer=buyer)

    assert new.id != lapsed.id
    assert new.seat_indexes == (2, 3)
    assert (await hall.states())[:5] == [0, 0, 1, 1, 0]
    assert await hall.allowance(buyer) == 2
    rows = await hall.fetch("SELECT status FROM reservations ORDER BY id")
    assert [row["status"] for row in rows] == ["EXPIRED", "OPEN"]


async def test_a_refused_wish_still_ends_the_buyers_lapsed_reservation(hall: Hall) -> None:
    buyer = uuid4()
    lapsed = await hall.held(1, buyer=buyer)
    await hall.lapse(lapsed.id)
    await hall.held(2)

    assert isinstance(await hall.reserve(2, buyer=buyer), list)

    assert (await hall.states())[1:3] == [0, 1]
    assert await hall.allowance(buyer) == 0


async def test_a_buyer_has_up_to_the_limit_and_not_one_more(database: Database) -> None:
    async with open_hall(database, seats_per_buyer_max=3) as hall:
        buyer = uuid4()
        await hall.held(0, 1, buyer=buyer)

        over = await hall.reserve(2, 3, buyer=buyer)
        assert isinstance(over, list)
        (refusal,) = over
        assert isinstance(refusal, SeatLimitExceeded)
        assert (refusal.limit, refusal.remaining) == (3, 1)

        assert len((await hall.held(2, buyer=buyer)).seat_indexes) == 3
        assert isinstance(await hall.reserve(3, buyer=buyer), list)


async def test_a_reservation_has_at_most_twenty_seats(database: Database) -> None:
    async with open_hall(database, numbered=30, seats_per_buyer_max=50) as hall:
        for seats in (RESERVATION_SEATS_MAX - 1, RESERVATION_SEATS_MAX):
            reservation = await hall.held(*range(seats), buyer=uuid4())
            await hall.lapse(reservation.id)

        over = await hall.reserve(*range(RESERVATION_SEATS_MAX + 1))
        assert isinstance(over, list)
        assert isinstance(over[0], SeatLimitExceeded)
        assert over[0].limit == RESERVATION_SEATS_MAX


async def test_everything_that_is_wrong_is_said_at_once(database: Database) -> None:
    async with open_hall(database, standing=2, seats_per_buyer_max=3) as hall:
        await hall.held(0)

        answer = await hall.reserve(0, 1, standing=3)

    assert isinstance(answer, list)
    unavailable, limit = answer
    assert isinstance(unavailable, SeatsUnavailable)
    assert unavailable.seat_indexes == (0,)
    assert unavailable.section_ids == (hall.floor_id,)
    assert isinstance(limit, SeatLimitExceeded)
    assert limit.remaining == 3


async def test_standing_places_are_handed_out_and_none_twice(hall: Hall) -> None:
    answers = await asyncio.gather(*(hall.reserve(standing=2) for _ in range(6)))

    won = [answer for answer in answers if isinstance(answer, ReservationRow)]
    assert len(won) == 4
    places = [seat for reservation in won for seat in reservation.seat_indexes]
    assert sorted(places) == list(range(12, 20))
    for answer in answers:
        if isinstance(answer, list):
            (refusal,) = answer
            assert isinstance(refusal, SeatsUnavailable)
            assert refusal.section_ids == (hall.floor_id,)


async def test_numbered_seats_and_standing_places_go_together_or_not_at_all(hall: Hall) -> None:
    both = await hall.held(1, standing=7)
    assert len(both.seat_indexes) == 8

    assert isinstance(await hall.reserve(2, standing=2), list)
    assert (await hall.states())[2] == SeatStatus.AVAILABLE


async def test_the_quantity_is_the_total_of_the_section(hall: Hall) -> None:
    buyer = uuid4()
    await hall.held(buyer=buyer, standing=2)

    more = await hall.held(buyer=buyer, standing=5)
    less = await hall.held(buyer=buyer, standing=1)

    assert len(more.seat_indexes) == 5
    assert less.seat_indexes == more.seat_indexes


async def test_a_lapsed_standing_place_is_handed_out_again(hall: Hall) -> None:
    lapsed = await hall.held(standing=8)
    await hall.lapse(lapsed.id)

    assert len((await hall.held(standing=8)).seat_indexes) == 8


async def test_locked_places_are_waited_for_before_anybody_is_refused(hall: Hall) -> None:
    async with hall.box_office.database.pool.acquire() as other, other.transaction():
        await other.execute("SELECT 1 FROM event_seats WHERE seat_index >= 14 FOR UPDATE")
        asking = asyncio.create_task(hall.reserve(standing=5))
        await asyncio.sleep(0.3)
        assert not asking.done()

    answer = await asking
    assert isinstance(answer, ReservationRow)
    assert len(answer.seat_indexes) == 5


async def test_what_does_not_exist_is_named(hall: Hall) -> None:
    wish = SeatWish(
        hall.event_id,
        (-1, 3, 20),
        (NamedSeat("nonsense", None, 0), NamedSeat("elsewhere", uuid4(), 3)),
        (GeneralAdmission("nowhere", uuid4(), 1), GeneralAdmission("stalls", hall.stalls_id, 1)),
    )

    answer = await reserve_seats(hall.box_office, uuid4(), wish)

    assert isinstance(answer, list)
    (refusal,) = answer
    assert isinstance(refusal, SeatsUnknown)
    assert refusal.seat_indexes == (-1, 20)
    assert refusal.section_ids == ("nowhere", "stalls")
    assert refusal.seat_ids == ("nonsense", "elsewhere")


async def test_an_empty_or_senseless_wish_is_refused(hall: Hall) -> None:
    nothing = await hall.reserve()
    none = await reserve_seats(
        hall.box_office,
        uuid4(),
        SeatWish(hall.event_id, general_admission=(GeneralAdmission("floor", hall.floor_id, 0),)),
    )
    nowhere = await reserve_seats(hall.box_office, uuid4(), SeatWish(uuid4(), (1,)))

    assert isinstance(nothing, list)
    assert isinstance(nothing[0], InvalidInput)
    assert isinstance(none, list)
    assert isinstance(none[0], InvalidInput)
    assert isinstance(nowhere, list)
    assert isinstance(nowhere[0], EventNotFound)


async def test_only_an_event_on_sale_sells(database: Database) -> None:
    async with open_hall(database) as hall:
        for change, status in (
            ("state = 'PAUSED'", EventStatus.PAUSED),
            ("state = 'CANCELLED'", EventStatus.CANCELLED),
            ("state = 'PUBLISHED', sales_open_at = now() + interval '1 h'", EventStatus.SCHEDULED),
            ("sales_open_at = NULL, sales_close_at = now()", EventStatus.CLOSED),
            ("starts_at = now() - interval '3 h', ends_at = now()", EventStatus.ENDED),
        ):
            await hall.execute(f"UPDATE events SET {change}")
            answer = await hall.reserve(1)

            assert isinstance(answer, list)
            (refusal,) = answer
            assert isinstance(refusal, NotOnSale)
            assert refusal.status is status
    assert (await hall.ledger())["version"] == 0


async def test_a_reservation_that_is_being_paid_takes_no_more_seats(hall: Hall) -> None:
    buyer = uuid4()
    reservation = await hall.held(1, buyer=buyer)
    await hall.execute("UPDATE reservations SET status = 'PAYING' WHERE id = $1", reservation.id)

    answer = await hall.reserve(2, buyer=buyer)

    assert isinstance(answer, list)
    (refusal,) = answer
    assert isinstance(refusal, ReservationNotOpen)
    assert refusal.status is ReservationStatus.PAYING


async def test_every_change_has_its_version_and_the_counters_add_up(hall: Hall) -> None:
    for n in range(4):
        await hall.held(n)
    await hall.held(standing=4)

    ledger = await hall.ledger()
    log = await hall.fetch("SELECT * FROM seat_changes ORDER BY version")
    assert (ledger["version"], ledger["available"], ledger["held"]) == (5, 12, 8)
    assert [row["version"] for row in log] == [1, 2, 3, 4, 5]
    assert [row["seat_indexes"] for row in log[:4]] == [[0], [1], [2], [3]]
    assert all(state == SeatStatus.HELD for row in log for state in row["states"])
    assert [row["committed_at"] for row in log] == sorted(row["committed_at"] for row in log)


async def test_a_repeated_call_that_meets_its_own_commit_gets_the_same_reservation(
    hall: Hall,
) -> None:
    buyer = uuid4()
    async with hall.box_office.database.pool.acquire() as elsewhere:
        first = elsewhere.transaction()
        await first.start()
        request = Request(buyer, (1, 2), (), ())
        (won,) = (await RESERVE_NOW.write(elsewhere, hall.event_id, [request])).answers
        repeated = asyncio.create_task(hall.reserve(1, 2, buyer=buyer))
        await asyncio.sleep(0.2)
        await first.commit()

    answer = await repeated
    assert not isinstance(won, Again)
    assert isinstance(answer, ReservationRow)
    assert answer.id == won["o_reservation"]
    assert await hall.allowance(buyer) == 2


async def test_who_asks_for_too_much_stands_in_nobodys_way(database: Database) -> None:
    async with open_hall(database, seats_per_buyer_max=1) as hall:
        answers = await asyncio.gather(hall.reserve(0, 1), *(hall.reserve(0) for _ in range(30)))

    assert isinstance(answers[0], list)
    assert isinstance(answers[1], ReservationRow)
    assert not any(isinstance(answer, ReservationRow) for answer in answers[2:])


async def test_who_stood_behind_a_loser_is_served_before_those_who_came_later(
    hall: Hall,
) -> None:
    """The first loses for want of standing places, and only then its seat is free again."""
    await hall.held(standing=8)

    answers = await asyncio.gather(
        hall.reserve(0, standing=1), *(hall.reserve(0) for _ in range(5))
    )

    assert [isinstance(answer, ReservationRow) for answer in answers] == [
        False,
        True,
        *([False] * 4),
    ]


async def test_a_place_that_a_loser_named_is_there_for_others(hall: Hall) -> None:
    await hall.held(standing=7)
    await hall.held(3)

    loser, other = await asyncio.gather(hall.reserve(3, 19), hall.reserve(standing=1))

    assert isinstance(loser, list)
    assert isinstance(other, ReservationRow)
    assert other.seat_indexes == (19,)
