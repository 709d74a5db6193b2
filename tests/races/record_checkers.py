"""What must be true of everything that clients were told. Each gives what contradicts it."""

from collections import defaultdict
from collections.abc import Callable
from math import inf
from typing import Any
from uuid import UUID

from box_office.database import Database
from box_office.settling import ARRIVAL_SECONDS_MAX
from tests.races.cards import OUTCOMES, behaviour_of
from tests.races.chain import every_seat_has_one_chain_of_owners
from tests.races.record import Action, Record, Told

ANSWER_SECONDS_MAX = 10.0
#: A provider that answers leaves no doubt, unless it is slow, or the database was so busy that a
#: batch was rolled back four times, each after a second or more.
UNKNOWN_AFTER_SECONDS = 2.0


def every_request_was_answered(record: Record) -> list[Any]:
    """No 5xx, no INTERNAL_ERROR, no lost connection, and nobody waited longer than ten seconds."""
    return [
        told
        for told in record.told
        if told.answer.fault is not None or told.received_at - told.sent_at > ANSWER_SECONDS_MAX
    ]


def nobody_lost_a_reservation_before_its_time(record: Record) -> list[Any]:
    """Nobody heard EXPIRED before the moment they were promised, but who let it lapse."""
    promised: dict[UUID, float] = {}
    let_lapse = {told.about for told in record.of(Action.LET_LAPSE)}
    early = []
    for told in record.told:
        held = told.answer.reservation
        if held is not None and held.status == "OPEN" and held.expires_at is not None:
            promised[held.id] = held.expires_at
        if told.action is Action.PURCHASE and "RESERVATION_EXPIRED" in told.answer.refusals:
            assert told.about is not None
            if told.about not in let_lapse and told.received_at < promised.get(told.about, -inf):
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


def every_card_was_answered_as_it_may_be(record: Record) -> list[Any]:
    """A declined card buys nothing, a sound one is not declined; and so on, see `cards`."""
    done: dict[UUID | None, set[Action]] = defaultdict(set)
    wrong = []
    for told in record.told:
        if told.action in {Action.APPROVE, Action.REFUSE, Action.LET_LAPSE}:
            done[told.about].add(told.action)
        if told.action is Action.PURCHASE and not is_as_the_card_has_it(told, done[told.about]):
            wrong.append(told)
    return wrong


def is_as_the_card_has_it(told: Told, done: set[Action]) -> bool:
    """Whether an answer is one that the card may get, after what its buyer has done."""
    card, seconds = OUTCOMES[behaviour_of(told.token)], told.received_at - told.sent_at
    # Since it was first asked: whoever is not heard of for so long is given up.
    waited = told.received_at - told.may_have_taken_effect_at
    if told.answer.order is not None:
        return card.buys and (Action.APPROVE in done or not card.asks)
    if "PAYMENT_DECLINED" in told.answer.refusals:
        given_up = Action.LET_LAPSE in done or waited >= ARRIVAL_SECONDS_MAX
        return card.declines or given_up or (card.asks and Action.REFUSE in done)
    if "PAYMENT_ACTION_REQUIRED" in told.answer.refusals:
        return card.asks
    if "OUTCOME_UNKNOWN" in told.answer.refusals:
        return card.is_silent or seconds >= UNKNOWN_AFTER_SECONDS
    return told.answer.fault is not None or told.answer.refusals == ("RESERVATION_EXPIRED",)


RECORD_CHECKERS: tuple[Callable[[Record], list[Any]], ...] = (
    every_request_was_answered,
    every_seat_has_one_chain_of_owners,
    nobody_lost_a_reservation_before_its_time,
    only_what_was_held_was_sold,
    every_card_was_answered_as_it_may_be,
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
