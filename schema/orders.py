"""Orders and tickets, and what makes and unmakes them, as clients see it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

import models
from box_office.refusals import Refusal
from schema.context import Context, Info
from schema.enums import OrderStatus, TicketStatus
from schema.events import Event
from schema.ids import NodeKind, encode_id
from schema.money import Money
from schema.nodes import Node
from schema.pagination import CursorKind
from schema.refusals import (
    IdempotencyKeyReused,
    InvalidInput,
    NotOnSale,
    OrderNotCancellable,
    OrderNotFound,
    OutcomeUnknown,
    PaymentActionRequired,
    PaymentDeclined,
    ReservationExpired,
    ReservationNotFound,
    ReservationNotOpen,
    user_errors,
)
from schema.reservations import Reservation
from schema.seats import EventSeat, Seating
from schema.soon import here


@strawberry.type
class Ticket(Node):
    """The right to one seat."""

    row: strawberry.Private[models.Ticket]
    currency_code: strawberry.Private[str]
    order: Order
    """The order it was bought with."""
    code: str
    """What the barcode says and the door checks. Keep it to yourself."""
    status: TicketStatus
    """Whether it is still good."""

    @strawberry.field
    async def seat(self, info: Info) -> EventSeat:
        """Seat that it is for."""
        event = await here(Event.sure(info.context, self.row.event_id))
        return (await here(Seating.of(info.context, event))).seats([self.row.seat_index])[0]

    @strawberry.field
    def price(self) -> Money:
        """Price that was paid for it."""
        return Money.of(self.row.price_minor, self.currency_code)

    @classmethod
    def of(cls, row: models.Ticket, order: Order) -> Ticket:
        """Show a ticket that was read, of an order that was."""
        return cls(
            id=encode_id(NodeKind.TICKET, row.id),
            row=row,
            currency_code=order.row.currency_code,
            order=order,
            code=row.code,
            status=row.status,
        )

    @classmethod
    async def load(cls, context: Context, key: UUID) -> Ticket | None:
        """Find one of the asking buyer's tickets; anybody else's does not exist."""
        if context.buyer is None:
            return None
        row = await context.loaders.tickets.load(key)
        order = None if row is None else await Order.load(context, row.order_id)
        return None if row is None or order is None else cls.of(row, order)


@strawberry.type
class Order(Node):
    """A purchase: the seats of one reservation, sold, and a ticket for each."""

    row: strawberry.Private[models.Order]
    code: str
    """What people read out on the telephone, such as `K7QF2M`: no 0, 1, I or O in it."""
    status: OrderStatus
    """Where it stands."""
    email: str
    """Where the tickets are sent."""
    created_at: datetime
    """When the seats were sold."""

    @strawberry.field
    async def event(self, info: Info) -> Event:
        """Event that the tickets are for."""
        return await here(Event.sure(info.context, self.row.event_id))

    @strawberry.field
    def total(self) -> Money:
        """Sum of the prices of all its tickets."""
        return Money.of(self.row.total_minor, self.row.currency_code)

    @strawberry.field
    async def tickets(self, info: Info) -> list[Ticket]:
        """Tickets, one for each seat, in the order of the seats' indexes."""
        rows = await info.context.loaders.tickets_of_order.load(self.row.id)
        return [Ticket.of(row, self) for row in sorted(rows, key=lambda row: row.seat_index)]

    @classmethod
    def of(cls, row: models.Order) -> Order:
        """Show an order that was read."""
        return cls(
            id=encode_id(NodeKind.ORDER, row.id),
            row=row,
            code=row.code,
            status=row.status,
            email=row.email,
            created_at=row.created_at,
        )

    @classmethod
    async def load(cls, context: Context, key: UUID) -> Order | None:
        """Find one of the asking buyer's orders; anybody else's does not exist."""
        if context.buyer is None:
            return None
        row = await context.loaders.orders.load(key)
        return None if row is None or row.buyer_id != context.buyer.id else cls.of(row)


ORDER_CURSORS = CursorKind("orders")


@strawberry.input
class PurchaseReservationInput:
    """What to pay for, and how."""

    reservation_id: strawberry.ID
    """The reservation, which must be yours and open."""
    email: str
    """Where to send the tickets."""
    payment_token: str | None = None
    """What the payment provider's widget gave; card data never comes here. With the built-in
    provider for development: `pretend_ok` or `pretend_declined`. Not needed when nothing is due."""
    idempotency_key: str
    """Any text of your own for this attempt, such as a UUID: 1 to 128 characters. The same call
    with the same key is answered the same and pays once; after PaymentDeclined use a new one."""


@strawberry.input
class CancelOrderInput:
    """Which order to cancel."""

    order_id: strawberry.ID
    """The order, which must be yours."""
    reason: str | None = None
    """Why, in your words; kept for the organiser."""
    idempotency_key: str
    """Any text of your own for this request, such as a UUID: 1 to 128 characters. The same call
    with the same key is answered the same and refunds once."""


PurchaseReservationError = Annotated[
    ReservationNotFound
    | ReservationExpired
    | ReservationNotOpen
    | NotOnSale
    | PaymentDeclined
    | PaymentActionRequired
    | OutcomeUnknown
    | IdempotencyKeyReused
    | InvalidInput,
    strawberry.union("PurchaseReservationError", description="Why nothing was bought."),
]

CancelOrderError = Annotated[
    OrderNotFound | OrderNotCancellable | OutcomeUnknown | IdempotencyKeyReused | InvalidInput,
    strawberry.union("CancelOrderError", description="Why an order was not cancelled."),
]


@strawberry.type
class PurchaseReservationPayload:
    """The answer to `purchaseReservation`: the order with its tickets, or every reason why not."""

    order: Order | None
    """The order with its tickets, when it worked."""
    reservation: Reservation | None
    """Your reservation as it now is: after a declined payment it shows the time that is left."""
    errors: list[PurchaseReservationError]
    """Everything that stood in the way; empty when it worked."""

    @classmethod
    async def of(
        cls, context: Context, reservation_key: UUID, outcome: models.Order | Iterable[Refusal]
    ) -> PurchaseReservationPayload:
        """Answer with what the box office said, and the reservation as it is after that."""
        reservation = await Reservation.load(context, reservation_key)
        if isinstance(outcome, models.Order):
            return cls(order=Order.of(outcome), reservation=reservation, errors=[])
        return cls(order=None, reservation=reservation, errors=user_errors(outcome))


@strawberry.type
class CancelOrderPayload:
    """The answer to `cancelOrder`: the order as it is, or every reason why not."""

    order: Order | None
    """The order as it now is: its tickets void, its seats free, its money on the way back."""
    errors: list[CancelOrderError]
    """Everything that stood in the way; empty when it worked."""

    @classmethod
    def of(cls, outcome: models.Order | Iterable[Refusal]) -> CancelOrderPayload:
        """Answer with what the box office said."""
        if isinstance(outcome, models.Order):
            return cls(order=Order.of(outcome), errors=[])
        return cls(order=None, errors=user_errors(outcome))
