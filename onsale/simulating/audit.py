"""The audit by the public API alone: whether all is there that was promised, and nothing twice.

`gathering` asks; this only compares, so that anybody can see it find what is wrong.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic

from onsale.simulating.event import AVAILABLE, BLOCKED, HELD, SOLD, Availability
from onsale.simulating.record import Order, Record, Reservation, Shown

#: How an order may have gone on since it was answered.
GOES_ON = {
    "COMMITTED": {"COMMITTED", "PAID"},
    "PAID": {"PAID"},
    "CANCELLED": {"CANCELLED", "REFUNDED"},
    "REFUNDED": {"REFUNDED"},
}
LIVE = {"COMMITTED", "PAID"}
SEAT_STATES = ("available", "held", "sold", "blocked")


@dataclass(frozen=True, slots=True)
class Evidence:
    """Whatever buyers were told, and what the API shows each of them now."""

    records: Sequence[Record]
    #: In the order of the records.
    shown: Sequence[Shown]
    #: Asked for after all buyers were.
    availability: Availability


def faults_of(evidence: Evidence) -> list[str]:
    """Say everything that is wrong."""
    return [
        *_seats_sold_twice(evidence.shown),
        *_codes_given_twice(evidence.shown),
        *(
            fault
            for record, shown in zip(evidence.records, evidence.shown, strict=True)
            for fault in _broken_promises(record, shown)
        ),
        *_wrong_states(evidence),
        *_wrong_counts(evidence.availability),
    ]


def diverged(who: str, version: int, states: bytes, truth: bytes) -> list[str]:
    """Say where a subscriber's map differs from the server's at the same version."""
    if states == truth:
        return []
    wrong = [
        index for index, state in enumerate(truth) if states[index : index + 1] != b"%c" % state
    ]
    such = wrong[0] if wrong else len(truth)
    return [f"{who} shows another map than the server at version {version}, such as seat {such}."]


def _seats_sold_twice(shown: Iterable[Shown]) -> Iterator[str]:
    owners = defaultdict(list)
    for order in _orders(shown):
        for ticket in order.tickets:
            if ticket.status == "VALID":
                owners[ticket.seat].append(order.id)
    for seat, orders in sorted(owners.items()):
        if len(orders) > 1:
            yield f"Seat {seat} was sold {len(orders)} times, such as in orders {_some(orders)}."


def _codes_given_twice(shown: Iterable[Shown]) -> Iterator[str]:
    tickets = defaultdict(list)
    for order in _orders(shown):
        for ticket in order.tickets:
            tickets[ticket.code].append(order.id)
    for orders in tickets.values():
        if len(orders) > 1:
            yield f"{len(orders)} tickets have the same code, such as in orders {_some(orders)}."


def _broken_promises(record: Record, shown: Shown) -> Iterator[str]:
    """Compare what a buyer was told with what the buyer is shown."""
    who = f"Buyer {record.buyer}"
    for told in record.reservations.values():
        now = shown.reservations.get(told.id)
        if now is None:
            yield f"{who}: reservation {told.id} is lost; it was {told.status}."
        elif not record.doubtful:
            yield from (f"{who}: {fault}" for fault in _changed_reservation(told, now))
    for sold in record.orders.values():
        order = shown.orders.get(sold.id)
        if order is None:
            yield f"{who}: order {sold.id} is lost; it was {sold.status}."
        elif not record.doubtful:
            yield from (f"{who}: {fault}" for fault in _changed_order(sold, order))
    if not record.doubtful:
        for unknown in shown.reservations.keys() - record.reservations.keys():
            yield f"{who} has reservation {unknown} and was never told of it."
        for unknown in shown.orders.keys() - record.orders.keys():
            yield f"{who} has order {unknown} and was never told of it."
    yield from (f"{who}: {fault}" for fault in _wrong_sales(shown))


def _changed_reservation(told: Reservation, now: Reservation) -> Iterator[str]:
    expected = {told.status}
    if told.status == "OPEN":
        if told.may_have_lapsed(now.told.answered):
            expected.add("EXPIRED")
        if told.must_have_lapsed(now.told.asked):
            expected.remove("OPEN")
    if now.status not in expected:
        yield f"reservation {told.id} was {told.status} and is {now.status}."
    if now.seats != told.seats:
        yield f"reservation {told.id} had seats {_list(told.seats)} and has {_list(now.seats)}."
    if now.order_id != told.order_id:
        yield f"reservation {told.id} belongs to order {now.order_id}, not to {told.order_id}."


def _changed_order(told: Order, now: Order) -> Iterator[str]:
    if now.status not in GOES_ON[told.status]:
        yield f"order {told.id} was {told.status} and is {now.status}."
    if [(each.code, each.seat) for each in now.tickets] != [
        (each.code, each.seat) for each in told.tickets
    ]:
        yield f"order {told.id} had tickets for {_list(told.seats)}; now: {_list(now.seats)}."


def _wrong_sales(shown: Shown) -> Iterator[str]:
    """Each order has a good ticket for each seat of its reservation; a cancelled one, void ones."""
    sold = {each.order_id: each for each in shown.reservations.values() if each.order_id}
    for order in shown.orders.values():
        reservation = sold.get(order.id)
        if reservation is None:
            yield f"order {order.id} belongs to no reservation."
        elif reservation.seats != order.seats:
            yield (
                f"order {order.id} has tickets for {_list(order.seats)} but its reservation has"
                f" {_list(reservation.seats)}."
            )
        wanted = "VALID" if order.status in LIVE else "VOID"
        if wrong := [ticket.seat for ticket in order.tickets if ticket.status != wanted]:
            yield f"order {order.id} is {order.status}; seats {_list(wrong)} are not {wanted}."
    for order_id in sold.keys() - shown.orders.keys():
        yield f"order {order_id} of a purchased reservation is lost."


def _wrong_states(evidence: Evidence) -> Iterator[str]:
    """See that the map shows our seats as what they are."""
    states = evidence.availability.states
    for order in _orders(evidence.shown):
        for ticket in order.tickets:
            if ticket.status == "VALID" and states[ticket.seat] != SOLD:
                yield f"Seat {ticket.seat} of order {order.id} is not shown as sold."
    for shown in evidence.shown:
        for reservation in shown.reservations.values():
            if reservation.status != "OPEN" or reservation.may_have_lapsed(monotonic()):
                continue
            for seat in reservation.seats:
                if states[seat] != HELD:
                    yield f"Seat {seat} of open reservation {reservation.id} is not shown as held."


def _wrong_counts(availability: Availability) -> Iterator[str]:
    for state in (AVAILABLE, HELD, SOLD, BLOCKED):
        counted, told = availability.states.count(state), availability.counts[state]
        if counted != told:
            yield f"The map shows {counted} seats as {SEAT_STATES[state]}, the counter {told}."


def _orders(shown: Iterable[Shown]) -> Iterator[Order]:
    return (order for each in shown for order in each.orders.values())


def _list(seats: Sequence[int]) -> str:
    return ", ".join(map(str, seats)) or "none"


def _some(orders: Sequence[str]) -> str:
    return " and ".join(orders[:2])
