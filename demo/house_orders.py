"""What the box office sold over its counter before the demo began: paid orders with tickets.

Written straight into the tables, as one version of the event: the same rows that reservations and
purchases leave behind, and every constraint holds.
"""

import random
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models import (
    Allowance,
    Event,
    EventLedger,
    EventSeat,
    Order,
    OrderStatus,
    Payment,
    PaymentState,
    PriceLevel,
    Reservation,
    ReservationStatus,
    SeatChange,
    SeatStatus,
    Ticket,
    new_id,
)

#: Every counter customer's buyer id is derived from it; nobody can hold a token for one.
COUNTER = UUID("6f6e7361-6c65-4000-8000-64656d6f0000")
COUNTER_EMAIL = "counter@box-office.example"
#: No 0, 1, I, O: what people read out on the telephone.
CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
LARGEST_PARTY = 4


@dataclass(frozen=True, slots=True)
class _Sale:
    """A party's reservation, as it was bought."""

    reservation: Reservation
    prices: dict[int, int]

    @property
    def total_minor(self) -> int:
        """Add up what the party paid."""
        return sum(self.prices.values())


async def sell_at_the_counter(
    session: AsyncSession, event: Event, percent: int, sold_at: datetime
) -> int:
    """Sell this part of an event's free seats, in parties; tell how many. The caller commits."""
    prices = await _prices_of_free_seats(session, event)
    wanted = len(prices) * percent // 100
    sales = [
        _sale(event, party, prices, number, sold_at)
        for number, party in enumerate(_parties(sorted(prices), wanted))
    ]
    sold = [index for sale in sales for index in sale.reservation.seat_indexes]
    if not sold:
        return 0
    session.add_all(sale.reservation for sale in sales)
    session.add_all(_allowance(event, sale) for sale in sales)
    await session.flush()
    for sale in sales:
        session.add_all(_payments(event, sale))
    orders = [_order(event, sale) for sale in sales]
    session.add_all(orders)
    await session.flush()
    for order, sale in zip(orders, sales, strict=True):
        session.add_all(_tickets(order, sale))
    await session.flush()
    await _mark_sold(session, event, sales)
    await _record_version(session, event, sorted(sold))
    return len(sold)


async def _prices_of_free_seats(session: AsyncSession, event: Event) -> dict[int, int]:
    """Give what each free seat costs, by seat index."""
    free = await session.exec(
        select(EventSeat.seat_index, PriceLevel.price_minor)
        .join(
            PriceLevel,
            (col(PriceLevel.event_id) == col(EventSeat.event_id))
            & (col(PriceLevel.position) == col(EventSeat.price_level)),
        )
        .where(col(EventSeat.event_id) == event.id, col(EventSeat.state) == SeatStatus.AVAILABLE)
    )
    return dict(free.all())


def _parties(seat_indexes: Sequence[int], wanted: int) -> Iterator[list[int]]:
    """Seat parties of neighbours here and there, until so many seats are gone."""
    chance = random.Random(wanted)  # noqa: S311 - where demo parties sit is no secret.
    parties: list[list[int]] = []
    start = 0
    while start < len(seat_indexes):
        size = chance.randint(1, LARGEST_PARTY)
        parties.append(list(seat_indexes[start : start + size]))
        start += size
    chance.shuffle(parties)
    for party in parties:
        if wanted <= 0:
            return
        yield party[:wanted]
        wanted -= len(party)


def _sale(
    event: Event, party: list[int], prices: dict[int, int], number: int, sold_at: datetime
) -> _Sale:
    reservation = Reservation(
        id=new_id(),
        event_id=event.id,
        buyer_id=uuid5(COUNTER, f"{event.id} {number}"),
        status=ReservationStatus.PURCHASED,
        seat_indexes=party,
        expires_at=sold_at + timedelta(seconds=event.reservation_seconds),
        hold_ends_at=sold_at + timedelta(seconds=event.reservation_seconds),
        payment_attempts=1,
        created_at=sold_at,
    )
    return _Sale(reservation, {index: prices[index] for index in party})


def _allowance(event: Event, sale: _Sale) -> Allowance:
    return Allowance(
        event_id=event.id,
        buyer_id=sale.reservation.buyer_id,
        seats=len(sale.prices),
        seats_max=event.seats_per_buyer_max,
    )


def _payments(event: Event, sale: _Sale) -> Iterator[Payment]:
    """Record the money; nothing is paid for free seats."""
    if sale.total_minor:
        yield Payment(
            reservation_id=sale.reservation.id,
            attempt=1,
            state=PaymentState.CAPTURED,
            provider="counter",
            provider_reference=f"counter-{sale.reservation.id}",
            amount_minor=sale.total_minor,
            currency_code=event.currency_code,
        )


def _order(event: Event, sale: _Sale) -> Order:
    return Order(
        id=new_id(),
        code=_code(10),
        event_id=event.id,
        reservation_id=sale.reservation.id,
        buyer_id=sale.reservation.buyer_id,
        status=OrderStatus.PAID,
        email=COUNTER_EMAIL,
        total_minor=sale.total_minor,
        currency_code=event.currency_code,
        created_at=sale.reservation.created_at,
    )


def _tickets(order: Order, sale: _Sale) -> Iterator[Ticket]:
    for seat_index, price_minor in sale.prices.items():
        yield Ticket(
            code=_code(24),
            order_id=order.id,
            event_id=order.event_id,
            seat_index=seat_index,
            price_minor=price_minor,
        )


def _code(length: int) -> str:
    return "".join(secrets.choice(CODE_LETTERS) for _ in range(length))


async def _mark_sold(session: AsyncSession, event: Event, sales: Sequence[_Sale]) -> None:
    owners = [(index, sale.reservation.id) for sale in sales for index in sale.prices]
    connection = await session.connection()
    await connection.execute(
        _MARK_SOLD,
        {
            "event_id": event.id,
            "sold": SeatStatus.SOLD.value,
            "indexes": [index for index, _ in owners],
            "reservations": [reservation_id for _, reservation_id in owners],
        },
    )


_MARK_SOLD = sa.text("""
    UPDATE event_seats SET state = :sold, reservation_id = owned.reservation_id
      FROM unnest(CAST(:indexes AS integer[]), CAST(:reservations AS uuid[]))
           AS owned (seat_index, reservation_id)
     WHERE event_seats.event_id = :event_id AND event_seats.seat_index = owned.seat_index
""")


async def _record_version(session: AsyncSession, event: Event, sold: list[int]) -> None:
    """Make one version of all that was sold: in the ledger, then in the change log."""
    ledger = await session.get_one(EventLedger, event.id)
    ledger.version += 1
    ledger.available -= len(sold)
    ledger.sold += len(sold)
    session.add(
        SeatChange(
            event_id=event.id,
            version=ledger.version,
            seat_indexes=sold,
            states=[SeatStatus.SOLD.value] * len(sold),
        )
    )
    await session.flush()
