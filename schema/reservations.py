"""Reservations, and what changes them, as clients see it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import strawberry

from box_office.price_levels import SeatPrices
from box_office.refusals import Refusal
from box_office.reservations import ReservationRow
from schema.context import Context, Info
from schema.enums import ReservationStatus
from schema.events import Event
from schema.ids import NodeKind, encode_id
from schema.money import Money
from schema.nodes import Node
from schema.pagination import CursorKind
from schema.refusals import (
    EventNotFound,
    InvalidInput,
    NotOnSale,
    OutcomeUnknown,
    ReservationNotFound,
    ReservationNotOpen,
    SeatLimitExceeded,
    SeatsUnavailable,
    SeatsUnknown,
    user_errors,
)
from schema.seats import EventSeat, Seating
from schema.soon import Soon, soon_field, then

if TYPE_CHECKING:
    from schema.orders import Order


@strawberry.type
class Reservation(Node):
    """A buyer's seats of one event, held together until one moment.

    You have at most one open reservation per event; reserving more seats adds to it.
    """

    key: strawberry.Private[UUID]
    event_key: strawberry.Private[UUID]
    seat_indexes: strawberry.Private[Sequence[int]]
    status: ReservationStatus
    """Where it stands, by the server's clock."""
    expires_at: datetime | None
    """Until when the seats are held; adding seats does not prolong it. Null once it is over."""
    expires_in_seconds: int | None
    """The same as seconds from now, for a countdown on a device whose clock is wrong. Null once it
    is over."""

    @soon_field(Event)
    def event(self, info: Info) -> Soon[Event]:
        """Event that the seats are of."""
        return Event.sure(info.context, self.event_key)

    @soon_field(list[EventSeat])
    def seats(self, info: Info) -> Soon[list[EventSeat]]:
        """Its seats, by index. Once it is over: those it had."""
        context = info.context
        seating = then(Event.sure(context, self.event_key), partial(Seating.of, context))
        return then(seating, lambda seating: seating.seats(self.seat_indexes))

    @soon_field(Money)
    def total(self, info: Info) -> Soon[Money]:
        """Sum of the prices of all its seats."""

        def add_up(prices: SeatPrices) -> Money:
            return Money.of(prices.total_minor(self.seat_indexes), prices.currency_code)

        return then(info.context.prices_of_public(self.event_key), add_up)

    @strawberry.field
    async def order(self, info: Info) -> Annotated[Order, strawberry.lazy("schema.orders")] | None:
        """Order that its purchase made; null until then."""
        from schema.orders import Order  # noqa: PLC0415 - each names the other.

        order_id = await info.context.loaders.order_id_of_reservation.load(self.key)
        return None if order_id is None else await Order.load(info.context, order_id)

    @classmethod
    def of(cls, row: ReservationRow) -> Reservation:
        """Show a reservation that was read."""
        return cls(
            id=encode_id(NodeKind.RESERVATION, row.id),
            key=row.id,
            event_key=row.event_id,
            seat_indexes=sorted(row.seat_indexes),
            status=row.status,
            expires_at=row.expires_at,
            expires_in_seconds=row.expires_in_seconds,
        )

    @classmethod
    async def load(cls, context: Context, key: UUID) -> Reservation | None:
        """Find one of the asking buyer's reservations; anybody else's does not exist."""
        if context.buyer is None:
            return None
        row = await context.loaders.reservations.load(key)
        return None if row is None or row.buyer_id != context.buyer.id else cls.of(row)


RESERVATION_CURSORS = CursorKind("reservations")


@strawberry.input
class GeneralAdmissionInput:
    """How many places of a general-admission section the reservation is to have."""

    section_id: strawberry.ID
    """The section: a `Section.id` of kind GENERAL_ADMISSION of the event's seat map."""
    quantity: int
    """The reservation's total for that section, not how many more: so a repeated call changes
    nothing."""


@strawberry.input
class ReserveSeatsInput:
    """Which seats to reserve, in one call: by id or by index, and places without numbers."""

    event_id: strawberry.ID
    """The event."""
    seat_ids: list[strawberry.ID] | None = None
    """Numbered seats by `EventSeat.id`."""
    seat_indexes: list[int] | None = None
    """Numbered seats by index, as a seat map knows them."""
    general_admission: list[GeneralAdmissionInput] | None = None
    """Places of sections without numbers."""


@strawberry.input
class ReleaseSeatsInput:
    """Which seats to give back."""

    reservation_id: strawberry.ID
    """The reservation, which must be yours and open."""
    seat_ids: list[strawberry.ID] | None = None
    """Seats by `EventSeat.id`. Those that are not in the reservation are passed over."""
    seat_indexes: list[int] | None = None
    """Seats by index. Those that are not in the reservation are passed over."""


@strawberry.input
class CancelReservationInput:
    """Which reservation to give up."""

    reservation_id: strawberry.ID
    """The reservation, which must be yours."""
    reason: str | None = None
    """Why, in your words; kept for the organiser."""


ReserveSeatsError = Annotated[
    EventNotFound
    | NotOnSale
    | SeatsUnavailable
    | SeatsUnknown
    | SeatLimitExceeded
    | ReservationNotOpen
    | OutcomeUnknown
    | InvalidInput,
    strawberry.union("ReserveSeatsError", description="Why seats were not reserved."),
]

ReleaseSeatsError = Annotated[
    ReservationNotFound | ReservationNotOpen | SeatsUnknown | OutcomeUnknown | InvalidInput,
    strawberry.union("ReleaseSeatsError", description="Why seats were not given back."),
]

CancelReservationError = Annotated[
    ReservationNotFound | ReservationNotOpen | OutcomeUnknown | InvalidInput,
    strawberry.union("CancelReservationError", description="Why a reservation was not cancelled."),
]


@strawberry.type
class ReserveSeatsPayload:
    """The answer to `reserveSeats`: the reservation with all its seats, or every reason why not."""

    reservation: Reservation | None
    """Your reservation as it now is. Its seats are yours until `expiresAt`."""
    errors: list[ReserveSeatsError]
    """Everything that stood in the way; empty when it worked. If there is one, nothing was
    reserved."""

    @classmethod
    def of(cls, outcome: ReservationRow | Iterable[Refusal]) -> ReserveSeatsPayload:
        """Answer with what the box office said."""
        return cls(**_answer(outcome))


@strawberry.type
class ReleaseSeatsPayload:
    """The answer to `releaseSeats`: the reservation with what is left, or every reason why not."""

    reservation: Reservation | None
    """Your reservation as it now is; CANCELLED when its last seat was released."""
    errors: list[ReleaseSeatsError]
    """Everything that stood in the way; empty when it worked."""

    @classmethod
    def of(cls, outcome: ReservationRow | Iterable[Refusal]) -> ReleaseSeatsPayload:
        """Answer with what the box office said."""
        return cls(**_answer(outcome))


@strawberry.type
class CancelReservationPayload:
    """The answer to `cancelReservation`: the reservation as it is, or every reason why not."""

    reservation: Reservation | None
    """Your reservation as it now is. One that was over already is answered as it was."""
    errors: list[CancelReservationError]
    """Everything that stood in the way; empty when it worked."""

    @classmethod
    def of(cls, outcome: ReservationRow | Iterable[Refusal]) -> CancelReservationPayload:
        """Answer with what the box office said."""
        return cls(**_answer(outcome))


def _answer(outcome: ReservationRow | Iterable[Refusal]) -> dict[str, Any]:
    if isinstance(outcome, ReservationRow):
        return {"reservation": Reservation.of(outcome), "errors": []}
    return {"reservation": None, "errors": user_errors(outcome)}
