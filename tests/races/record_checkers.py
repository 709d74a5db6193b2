"""What must be true of everything that clients were told. Each gives what contradicts it."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any
from uuid import UUID

from box_office.database import Database
from tests.races.record import Action, Record, Told

ANSWER_SECONDS_MAX = 10.0

GIVES_BACK = (Action.RELEASE, Action.CANCEL)


@dataclass(frozen=True, slots=True)
class Ownership:
    """From when to when a seat was surely this buyer's, by what the buyer was told and did."""

    buyer: UUID
    since: float
    until: float


def every_request_was_answered(record: Record) -> list[Any]:
    """No 5xx, no INTERNAL_ERROR, no lost connection, and nobody waited longer than ten seconds."""
    return [
        told
        for told in record.told
        if told.answer.fault is not None or told.received_at - told.sent_at > ANSWER_SECONDS_MAX
    ]


def no_seat_belonged_to_two_at_once(record: Record) -> list[Any]:
    """Where one was told "yours until then", nobody else was told so of a time before."""
    contradictions = []
    for seat, owned in ownerships(record).items():
        for n, one in enumerate(owned):
            contradictions += [
                (seat, one, other)
                for other in owned[n + 1 :]
                if one.buyer != other.buyer
                and max(one.since, other.since) < min(one.until, other.until)
            ]
    return contradictions


def nobody_lost_a_reservation_before_its_time(record: Record) -> list[Any]:
    """Nobody heard EXPIRED before the moment they were promised."""
    promised: dict[UUID, float] = {}
    early = []
    for told in record.told:
        if told.answer.reservation is not None and told.answer.reservation.expires_at is not None:
            promised[told.answer.reservation.id] = told.answer.reservation.expires_at
        if told.action is Action.PURCHASE and "RESERVATION_EXPIRED" in told.answer.refusals:
            assert told.about is not None
            if told.received_at < promised.get(told.about, -inf):
                early.append(told)
    return early


def whoever_was_let_pay_kept_the_seats(record: Record, seconds: float) -> list[Any]:
    """Nobody heard EXPIRED after so long a time: the payment had begun, as nothing else is slow.

    Only for payments that take far longer than anything else in the race.
    """
    return [
        told
        for told in record.of(Action.PURCHASE)
        if "RESERVATION_EXPIRED" in told.answer.refusals
        and told.received_at - told.sent_at >= seconds
    ]


def only_what_was_held_was_sold(record: Record) -> list[Any]:
    """A purchase sells the seats that the buyer was last shown, and no other."""
    shown: dict[UUID, tuple[int, ...]] = {}
    strange = []
    for told in record.told:
        if told.answer.reservation is not None and told.answer.reservation.status == "OPEN":
            shown[told.answer.reservation.id] = told.answer.reservation.seats
        if told.action is Action.PURCHASE and told.answer.order is not None:
            assert told.about is not None
            if sorted(told.answer.order.seats) != sorted(shown.get(told.about, ())):
                strange.append(told)
    return strange


def a_declined_card_bought_nothing(record: Record) -> list[Any]:
    return [
        told
        for told in record.of(Action.PURCHASE)
        if told.token == "pretend_declined" and told.answer.order is not None
    ]


RECORD_CHECKERS: tuple[Callable[[Record], list[Any]], ...] = (
    every_request_was_answered,
    no_seat_belonged_to_two_at_once,
    nobody_lost_a_reservation_before_its_time,
    only_what_was_held_was_sold,
    a_declined_card_bought_nothing,
)


def contradictions(record: Record) -> dict[str, list[Any]]:
    """Ask every checker; gives those that found something, and what."""
    found = {checker.__name__: checker(record) for checker in RECORD_CHECKERS}
    return {name: what for name, what in found.items() if what}


ORDERS = """
    SELECT o.id, o.buyer_id, o.reservation_id, o.status, o.total_minor,
           array_agg(t.seat_index ORDER BY t.seat_index) AS seats
    FROM orders o JOIN tickets t ON t.order_id = o.id GROUP BY o.id
"""


async def every_acknowledged_sale_is_in_the_database(
    database: Database, record: Record
) -> list[Any]:
    """With its tickets and its price; live, unless its buyer has asked to cancel it."""
    async with database.pool.acquire() as connection:
        orders = {row["id"]: row for row in await connection.fetch(ORDERS)}
    asked_back = {told.about for told in record.of(Action.CANCEL_ORDER)}
    given_back = {
        told.about for told in record.of(Action.CANCEL_ORDER) if told.answer.order is not None
    }
    lost = []
    for told in record.of(Action.PURCHASE):
        if (sold := told.answer.order) is None:
            continue
        row = orders.get(sold.id)
        facts = (told.buyer, told.about, sold.total_minor, sorted(sold.seats))
        keys = ("buyer_id", "reservation_id", "total_minor", "seats")
        if (
            row is None
            or tuple(row[key] for key in keys) != facts
            or (sold.id in given_back and row["status"] != "REFUNDED")
            or (sold.id not in asked_back and row["status"] != "PAID")
        ):
            lost.append((told, row))
    return lost


def ownerships(record: Record) -> dict[int, list[Ownership]]:
    """Read from the record whose each seat surely was, and when: later than true, never earlier."""
    owned: dict[int, list[Ownership]] = defaultdict(list)
    by_buyer: dict[UUID, list[Told]] = defaultdict(list)
    for told in record.told:
        by_buyer[told.buyer].append(told)
    for buyer, history in by_buyer.items():
        for told in history:
            seats, until = _claim(told, history)
            if told.received_at < until:
                for seat in seats:
                    owned[seat].append(Ownership(buyer, told.received_at, until))
    return owned


def _claim(told: Told, history: list[Told]) -> tuple[tuple[int, ...], float]:
    """Which seats an answer gives its buyer, and until when at least."""
    held, sold = told.answer.reservation, told.answer.order
    if told.action is Action.PURCHASE and sold is not None:
        return sold.seats, _first_sent(told, history, (Action.CANCEL_ORDER,), sold.id)
    if held is not None and held.status == "OPEN" and held.expires_at is not None:
        given_back = _first_sent(told, history, GIVES_BACK, held.id)
        # Bought meanwhile and cancelled: whatever the order was, it is over then.
        cancelled = _first_sent(told, history, (Action.CANCEL_ORDER,), None)
        return held.seats, min(held.expires_at, given_back, cancelled)
    return (), -inf


def _first_sent(
    since: Told, history: list[Told], actions: tuple[Action, ...], about: UUID | None
) -> float:
    return min(
        (
            told.may_have_taken_effect_at
            for told in history
            if told.action in actions
            and told.received_at > since.sent_at
            and about in {None, told.about}
        ),
        default=inf,
    )
