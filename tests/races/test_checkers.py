"""Each checker can fail: the books are spoilt as a broken rule would spoil them, and it objects."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from box_office.audit import ALWAYS, AT_REST
from box_office.cancelling import CancelOrderRequest, cancel_order
from box_office.database import Database
from box_office.purchases import PurchaseRequest, purchase_reservation
from box_office.releasing import cancel_reservation
from models import Audit, Order, SeatStatus
from onsale.payments.pretend.own import RECORD
from tests.halls import Hall, open_hall
from tests.payments.pretending import within_this_process
from tests.races.chain import Change, differences, every_seat_has_one_chain_of_owners
from tests.races.checkers import objections, the_provider_remembers_the_same_payments
from tests.races.doors import is_late
from tests.races.record import Action, Answer, Held, Record, Sold, Told
from tests.races.record_checkers import (
    RECORD_CHECKERS,
    contradictions,
    every_acknowledged_sale_is_in_the_database,
    every_card_was_answered_as_it_may_be,
    every_request_was_answered,
    nobody_lost_a_reservation_before_its_time,
    only_what_was_held_was_sold,
)
from tests.races.verdict import the_servers_own_audits_found_nothing

#: Seats of the hall in which something has happened, see `busy_hall`.
SOLD, SOLD_TOO, HELD, HELD_TOO, RETURNED, UNTOUCHED = 1, 2, 3, 4, 5, 9

MONEY = (
    "no_money_is_without_tickets_and_no_ticket_without_money"
    " what_was_taken_is_what_the_live_tickets_cost"
)

#: The rules that are broken, separated by a space; how; and the SQL that does it.
SPOILERS: list[tuple[str, str, str]] = [
    (
        (
            "no_seat_is_sold_twice"
            " a_purchased_reservation_has_an_order_with_a_ticket_for_each_of_its_seats"
        ),
        "a second live ticket, and nothing to forbid it",
        (
            "DROP INDEX uq_tickets_one_live_per_seat;"
            "INSERT INTO tickets (id, code, order_id, event_id, seat_index, price_minor, status)"
            f" SELECT gen_random_uuid(), 'AGAIN', order_id, event_id, {SOLD}, 0, 'VALID'"
            f" FROM tickets WHERE seat_index = {SOLD}"
        ),
    ),
    (
        "no_seat_is_sold_twice",
        "a seat was sold again between two versions",
        (
            f"SELECT record_seat_changes(id, '{{{RETURNED}}}', '{{0}}', '{{1}}') FROM events;"
            f"SELECT record_seat_changes(id, '{{{RETURNED}}}', '{{1}}', '{{2}}') FROM events;"
            f"SELECT record_seat_changes(id, '{{{RETURNED}}}', '{{2}}', '{{0}}') FROM events"
        ),
    ),
    (
        "what_is_sold_has_a_live_ticket_and_nothing_else_has",
        "a sold seat is given back, its ticket forgotten",
        (
            "UPDATE event_seats SET state = 0, reservation_id = NULL"
            f" WHERE seat_index = {SOLD};"
            f"SELECT record_seat_changes(id, '{{{SOLD}}}', '{{2}}', '{{0}}') FROM events"
        ),
    ),
    (
        "no_seat_is_sold_to_somebody_who_does_not_hold_it",
        "sold without asking for ownership",
        f"UPDATE event_seats SET reservation_id = gen_random_uuid() WHERE seat_index = {SOLD}",
    ),
    (
        "a_purchased_reservation_has_an_order_with_a_ticket_for_each_of_its_seats",
        "one seat of two was sold",
        (
            f"UPDATE reservations SET seat_indexes = seat_indexes || {UNTOUCHED}"
            f" WHERE {SOLD} = ANY (seat_indexes);"
            "UPDATE allowances a SET seats = a.seats + 1 FROM reservations r"
            f" WHERE r.buyer_id = a.buyer_id AND {SOLD} = ANY (r.seat_indexes)"
        ),
    ),
    (
        "tickets_live_as_long_as_their_order",
        "the money went back and the tickets stayed",
        (
            "UPDATE payments SET state = 'REFUNDED' WHERE state = 'CAPTURED';"
            "UPDATE orders SET status = 'REFUNDED' WHERE status = 'PAID';"
            "UPDATE allowances a SET seats = 0 FROM orders o WHERE o.buyer_id = a.buyer_id"
        ),
    ),
    (
        "an_order_costs_what_its_tickets_cost",
        "a total of its own",
        "UPDATE orders SET total_minor = total_minor + 1 WHERE status = 'PAID'",
    ),
    (
        MONEY,
        "another amount was taken",
        "UPDATE payments SET amount_minor = amount_minor - 1 WHERE state = 'CAPTURED'",
    ),
    (
        MONEY,
        "the money went back and the order did not notice",
        "UPDATE payments SET state = 'REFUNDED' WHERE state = 'CAPTURED'",
    ),
    (
        MONEY,
        "money was taken of somebody who holds and has not bought",
        (
            "INSERT INTO payments (id, reservation_id, attempt, state, provider,"
            " provider_reference, amount_minor, currency_code)"
            " SELECT gen_random_uuid(), id, 1, 'CAPTURED', 'pretend', 'x', 1, 'GBP'"
            " FROM reservations WHERE status = 'OPEN'"
        ),
    ),
    (
        "an_allowance_counts_the_seats_that_its_buyer_has",
        "one too low",
        (
            "UPDATE allowances a SET seats = a.seats - 1 FROM reservations r"
            " WHERE r.buyer_id = a.buyer_id AND r.status = 'OPEN'"
        ),
    ),
    (
        "an_allowance_counts_the_seats_that_its_buyer_has",
        "none at all",
        (
            "DELETE FROM allowances a USING reservations r"
            " WHERE r.buyer_id = a.buyer_id AND r.status = 'OPEN'"
        ),
    ),
    (
        "the_ledger_counts_the_seats",
        "a hold was not counted",
        "UPDATE event_ledgers SET available = available + 1, held = held - 1",
    ),
    (
        "versions_have_no_hole",
        "a version that nobody wrote down",
        "UPDATE event_ledgers SET version = version + 1",
    ),
    (
        "versions_have_no_hole",
        "a seat changed under no version, and came back",
        (
            "UPDATE seat_changes SET version = version + 1 WHERE version ="
            " (SELECT max(version) FROM seat_changes)"
        ),
    ),
    (
        "commit_times_rise_with_the_version",
        "numbered before the lock was there",
        "UPDATE seat_changes SET committed_at = committed_at + interval '1 hour' WHERE version = 1",
    ),
    (
        "the_change_log_leads_to_the_seats_as_they_are",
        "a seat changed without a version",
        (
            f"UPDATE event_seats SET state = 3 WHERE seat_index = {RETURNED};"
            "UPDATE event_ledgers SET available = available - 1, blocked = blocked + 1"
        ),
    ),
    (
        "the_change_log_leads_to_the_seats_as_they_are",
        "the log lost a seat",
        (
            "UPDATE seat_changes SET seat_indexes = seat_indexes[2:], states = states[2:]"
            f" WHERE seat_indexes @> '{{{HELD}, {HELD_TOO}}}'"
        ),
    ),
    (
        "no_seat_changes_in_a_way_that_no_rule_allows",
        "what was sold was sold on",
        f"SELECT record_seat_changes(id, '{{{SOLD}}}', '{{2}}', '{{2}}') FROM events",
    ),
    (
        "a_held_seat_has_a_reservation_that_is_not_over",
        "expired, and its seats forgotten",
        (
            "UPDATE allowances a SET seats = 0 FROM reservations r"
            " WHERE r.buyer_id = a.buyer_id AND r.status = 'OPEN';"
            "UPDATE reservations SET status = 'EXPIRED' WHERE status = 'OPEN'"
        ),
    ),
    (
        "a_reservation_has_all_its_seats_until_its_time_is_over",
        "a held seat was treated as free",
        (
            "UPDATE event_seats SET state = 0, reservation_id = NULL, held_until = NULL"
            f" WHERE seat_index = {HELD};"
            f"SELECT record_seat_changes(id, '{{{HELD}}}', '{{1}}', '{{0}}') FROM events"
        ),
    ),
    (
        "a_reservation_has_all_its_seats_until_its_time_is_over",
        "a hold ends before its reservation",
        f"UPDATE event_seats SET held_until = now() + interval '1 s' WHERE seat_index = {HELD}",
    ),
    (
        "nothing_is_left_between_two_states",
        "a payment that nobody goes on with",
        (
            "UPDATE reservations SET status = 'PAYING', expires_at = now() + interval '2 minutes'"
            " WHERE status = 'OPEN';"
            "UPDATE event_seats SET held_until = now() + interval '2 minutes' WHERE state = 1"
        ),
    ),
    (
        "whatever_has_lapsed_has_been_swept",
        "nobody swept",
        "UPDATE reservations SET expires_at = now() - interval '1 s' WHERE status = 'OPEN'",
    ),
]


@dataclass(frozen=True)
class BusyHall:
    """A hall in which something has happened, and the provider's book about it."""

    hall: Hall
    order: Order
    book: Path


@pytest.fixture
async def busy_hall(database: Database, tmp_path: Path) -> BusyHall:
    """Sold, held, returned and given back: a row of every kind, all in order."""
    async with (
        within_this_process(tmp_path) as provider,
        open_hall(database, standing=4, provider=provider) as hall,
    ):
        bought = await buy(hall, SOLD, SOLD_TOO)
        await hall.held(HELD, HELD_TOO)
        returned = await buy(hall, RETURNED)
        request = CancelOrderRequest(returned.buyer_id, returned.id, None, "back")
        assert isinstance(await cancel_order(hall.box_office, request), Order)
        given_up = await hall.held(6, 7, standing=2)
        await cancel_reservation(hall.box_office, given_up.buyer_id, given_up.id, None)
    return BusyHall(hall, bought, tmp_path / RECORD)


async def buy(hall: Hall, *seats: int) -> Order:
    held = await hall.held(*seats)
    request = PurchaseRequest(held.buyer_id, held.id, "ada@example.org", "pretend_ok", "key")
    order = await purchase_reservation(hall.box_office, request)
    assert isinstance(order, Order)
    return order


async def test_books_that_are_in_order_meet_no_objection(busy_hall: BusyHall) -> None:
    database = busy_hall.hall.box_office.database
    assert await objections(database) == {}
    assert await the_provider_remembers_the_same_payments(database, busy_hall.book) == []


@pytest.mark.parametrize(
    ("broken", "spoiler"), [pytest.param(c, sql, id=what) for c, what, sql in SPOILERS]
)
@pytest.mark.untrue_books(reason="They are spoilt.")
async def test_exactly_the_right_checker_objects_to_spoilt_books(
    busy_hall: BusyHall, broken: str, spoiler: str
) -> None:
    await busy_hall.hall.execute(spoiler)

    found = await objections(busy_hall.hall.box_office.database)

    assert set(found) == set(broken.split()), found


def test_every_checker_is_shown_to_be_able_to_object() -> None:
    shown = {name for broken, _, _ in SPOILERS for name in broken.split()}
    assert shown == {invariant.name for invariant in (*ALWAYS, *AT_REST)}


@pytest.mark.parametrize(
    "spoiler",
    [
        "UPDATE charges SET state = 'REFUNDED' WHERE state = 'CAPTURED'",
        "UPDATE charges SET amount_minor = amount_minor + 1",
        "DELETE FROM charges WHERE state = 'CAPTURED'",
        "INSERT INTO charges VALUES ('of nobody', 'x', 'y', 'z', 1, 'GBP', 'CAPTURED', NULL, 0)",
    ],
)
async def test_a_provider_who_remembers_something_else_is_noticed(
    busy_hall: BusyHall, spoiler: str
) -> None:
    with closing(sqlite3.connect(busy_hall.book)) as book:
        book.execute(spoiler)
        book.commit()

    database = busy_hall.hall.box_office.database
    assert await the_provider_remembers_the_same_payments(database, busy_hall.book) != []


@pytest.mark.untrue_books(reason="An order is refunded by hand.")
async def test_a_sale_that_was_acknowledged_and_is_not_in_the_books_is_noticed(
    busy_hall: BusyHall,
) -> None:
    database, order = busy_hall.hall.box_office.database, busy_hall.order
    sold = Sold(order.id, "PAID", (SOLD, SOLD_TOO), order.total_minor)
    told = Told(
        Action.PURCHASE, order.buyer_id, order.reservation_id, "ok", 0, 1, Answer(order=sold)
    )
    lost = [
        replace(sold, id=uuid4()),
        replace(sold, seats=(SOLD,)),
        replace(sold, total_minor=1),
    ]

    assert await every_acknowledged_sale_is_in_the_database(database, Record([told])) == []
    for other in lost:
        record = Record([replace(told, answer=Answer(order=other))])
        assert await every_acknowledged_sale_is_in_the_database(database, record) != []
    await busy_hall.hall.execute("UPDATE orders SET status = 'REFUNDED'")
    assert await every_acknowledged_sale_is_in_the_database(database, Record([told])) != []


async def test_a_finding_of_a_servers_own_audit_is_noticed(database: Database) -> None:
    async with database.session() as session:
        session.add(Audit(findings={}, seconds=0.1))
        await session.commit()
        assert await the_servers_own_audits_found_nothing(database) == []

        session.add(Audit(findings={"versions_have_no_hole": {"count": 1}}, seconds=0.1))
        await session.commit()

    assert len(await the_servers_own_audits_found_nothing(database)) == 1


ADA, BOB, RESERVATION, ORDER = uuid4(), uuid4(), uuid4(), uuid4()
BOBS = uuid4()
ADA_HOLDS = Told(
    Action.RESERVE, ADA, None, None, 0, 1, Answer(Held(RESERVATION, "OPEN", (7, 8), 100))
)
BOB_HOLDS = Told(Action.RESERVE, BOB, None, None, 50, 51, Answer(Held(BOBS, "OPEN", (8, 9), 150)))
BOB_GIVES_BACK_AT_ONCE = Told(Action.CANCEL, BOB, BOBS, None, 51, 52, Answer())
ADA_GIVES_BACK = Told(
    Action.CANCEL,
    ADA,
    RESERVATION,
    None,
    40,
    49,
    Answer(Held(RESERVATION, "CANCELLED", (7,), None)),
)
ADA_RELEASES_7 = replace(ADA_GIVES_BACK, action=Action.RELEASE, seats=(7,), answer=Answer())
ADA_RELEASES_8 = replace(ADA_RELEASES_7, seats=(8,))
ADA_LEAVES = Told(Action.LET_LAPSE, ADA, RESERVATION, None, 30, 31, Answer())
ADA_BUYS = Told(
    Action.PURCHASE,
    ADA,
    RESERVATION,
    "pretend_ok",
    5,
    6,
    Answer(order=Sold(ORDER, "PAID", (7, 8), 1)),
)
ADA_BUYS_AT_LAST = replace(ADA_BUYS, sent_at=160, received_at=161)
ADA_PAYS_IN_VAIN = replace(ADA_BUYS, answer=Answer(refusals=("PAYMENT_DECLINED",)))
ADA_RETURNS = Told(Action.CANCEL_ORDER, ADA, ORDER, None, 45, 46, Answer())

LIES: list[tuple[Callable[[Record], list[object]], list[Told]]] = [
    (every_request_was_answered, [replace(ADA_HOLDS, answer=Answer(fault="HTTP 500"))]),
    (every_request_was_answered, [replace(ADA_HOLDS, received_at=10.1)]),
    (every_seat_has_one_chain_of_owners, [ADA_HOLDS, BOB_HOLDS]),
    (
        every_seat_has_one_chain_of_owners,
        [ADA_HOLDS, BOB_HOLDS, replace(ADA_GIVES_BACK, sent_at=60, received_at=61)],
    ),
    # Another seat than the one he gets.
    (every_seat_has_one_chain_of_owners, [ADA_HOLDS, ADA_RELEASES_7, BOB_HOLDS]),
    # He has it for an instant, in the middle of her time.
    (every_seat_has_one_chain_of_owners, [ADA_HOLDS, BOB_HOLDS, BOB_GIVES_BACK_AT_ONCE]),
    (every_seat_has_one_chain_of_owners, [ADA_HOLDS, ADA_BUYS, replace(BOB_HOLDS, received_at=52)]),
    # Her time is over before he comes; but she buys what she then no longer had.
    (
        every_seat_has_one_chain_of_owners,
        [ADA_HOLDS, replace(BOB_HOLDS, sent_at=110, received_at=111), ADA_BUYS_AT_LAST],
    ),
    (
        nobody_lost_a_reservation_before_its_time,
        [ADA_HOLDS, replace(ADA_BUYS, answer=Answer(refusals=("RESERVATION_EXPIRED",)))],
    ),
    (only_what_was_held_was_sold, [ADA_BUYS]),
    (
        every_card_was_answered_as_it_may_be,
        [ADA_HOLDS, replace(ADA_BUYS, token="pretend_declined")],
    ),
    (
        every_card_was_answered_as_it_may_be,
        [ADA_HOLDS, replace(ADA_BUYS, token="pretend_action_required")],
    ),
    (every_card_was_answered_as_it_may_be, [ADA_HOLDS, ADA_PAYS_IN_VAIN]),
    (
        every_card_was_answered_as_it_may_be,
        [ADA_HOLDS, replace(ADA_PAYS_IN_VAIN, answer=Answer(refusals=("OUTCOME_UNKNOWN",)))],
    ),
    (
        every_card_was_answered_as_it_may_be,
        [
            ADA_HOLDS,
            replace(ADA_PAYS_IN_VAIN, answer=Answer(refusals=("PAYMENT_ACTION_REQUIRED",))),
        ],
    ),
]


@pytest.mark.parametrize(("checker", "told"), LIES)
def test_exactly_the_right_checker_objects_to_a_false_record(
    checker: Callable[[Record], list[object]], told: list[Told]
) -> None:
    assert list(contradictions(Record(told))) == [checker.__name__]


def test_every_checker_of_the_record_is_shown_to_be_able_to_object() -> None:
    assert {checker for checker, _ in LIES} == set(RECORD_CHECKERS)


@pytest.mark.parametrize(
    "told",
    [
        [ADA_HOLDS, ADA_BUYS, ADA_RETURNS, BOB_HOLDS],
        [ADA_HOLDS, BOB_HOLDS, ADA_GIVES_BACK],
        [ADA_HOLDS, ADA_RELEASES_8, BOB_HOLDS],
        [ADA_HOLDS, ADA_LEAVES, BOB_HOLDS],
        [ADA_HOLDS, replace(BOB_HOLDS, sent_at=100, received_at=101)],
        [ADA_HOLDS, ADA_BUYS],
        # He may have had it before her answer, or after she asked to give it back.
        [replace(ADA_HOLDS, sent_at=45, received_at=52), BOB_HOLDS, BOB_GIVES_BACK_AT_ONCE],
        [
            ADA_HOLDS,
            BOB_HOLDS,
            BOB_GIVES_BACK_AT_ONCE,
            replace(ADA_GIVES_BACK, sent_at=50.5, received_at=53),
        ],
        # The door at which Ada first gave it back was shut before it answered.
        [
            ADA_HOLDS,
            BOB_HOLDS,
            replace(ADA_GIVES_BACK, sent_at=60, received_at=61, asked_since=40),
        ],
        # Sold, and the bank took its promise back.
        [ADA_HOLDS, replace(ADA_PAYS_IN_VAIN, token="pretend_capture_refused"), BOB_HOLDS],
        [ADA_HOLDS, replace(ADA_PAYS_IN_VAIN, asked_since=-30)],
    ],
)
def test_a_true_record_meets_no_objection(told: list[Told]) -> None:
    assert contradictions(Record(told)) == {}


FREE, TAKEN, GONE = SeatStatus.AVAILABLE, SeatStatus.HELD, SeatStatus.SOLD
TRUE_LOG = {
    7: [Change(0.5, TAKEN), Change(45, FREE)],
    8: [Change(0.5, TAKEN), Change(45, FREE), Change(50.5, TAKEN)],
    9: [Change(50.5, TAKEN), Change(60, GONE)],
}
BOTH_HOLD = Record([ADA_HOLDS, ADA_GIVES_BACK, BOB_HOLDS])


@pytest.mark.parametrize(
    "lie",
    [
        {8: []},
        # Two were told that they took it, and it was taken once.
        {8: [Change(0.5, TAKEN), Change(45, FREE)]},
        {8: [Change(0.5, TAKEN), Change(45, FREE), Change(52, TAKEN)]},
        # Taken, or given back, while she had it.
        {7: [Change(0.5, TAKEN), Change(30, TAKEN), Change(45, FREE)]},
        {7: [Change(0.5, TAKEN), Change(30, FREE)]},
    ],
)
def test_a_log_that_tells_another_chain_is_noticed(lie: dict[int, list[Change]]) -> None:
    assert differences(BOTH_HOLD, TRUE_LOG) == []
    assert differences(BOTH_HOLD, TRUE_LOG | lie) != []


@pytest.mark.parametrize(
    ("status", "text", "late"),
    [
        (503, '{"errors":[{"message":"…","extensions":{"code":"TIMEOUT"}}]}', True),
        (503, '{"errors":[{"message":"…","extensions":{"code":"INTERNAL_ERROR"}}]}', False),
        (503, "Service Unavailable", False),
        (500, '{"errors":[{"message":"…","extensions":{"code":"TIMEOUT"}}]}', False),
    ],
)
def test_only_an_answer_that_says_so_is_a_late_one(status: int, text: str, late: bool) -> None:
    assert is_late(httpx.Response(status, text=text)) is late
