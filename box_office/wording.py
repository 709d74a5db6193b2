"""Refusals in words: what happened, why, and what to do next."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from box_office.places import EventPlaces
from box_office.providers import Declined
from box_office.refusals import (
    IdempotencyKeyReused,
    NotOnSale,
    OrderNotCancellable,
    OrderNotFound,
    PaymentActionRequired,
    PaymentDeclined,
    ReservationExpired,
    ReservationNotFound,
    ReservationNotOpen,
    SeatLimitExceeded,
    SeatsUnavailable,
    SeatsUnknown,
)
from models import EventStatus, OrderStatus, ReservationStatus

INPUT = ("input",)


def seats_unknown(
    places: EventPlaces, seat_ids: Sequence[str] = (), seat_indexes: Sequence[int] = ()
) -> SeatsUnknown:
    """Say that some of the named places do not exist."""
    return SeatsUnknown(
        message=(
            "The event has no such seats or no such general-admission sections. Its seats are"
            f" numbered 0 to {places.seat_count - 1}; seatMap.sections tells which are standing."
        ),
        path=INPUT,
        seat_ids=tuple(seat_ids),
        seat_indexes=tuple(seat_indexes),
    )


def unavailable(
    event_id: UUID, seat_indexes: Sequence[int], section_ids: Sequence[UUID]
) -> SeatsUnavailable:
    """Say what is gone and what to do."""
    what = []
    if seat_indexes:
        count = len(seat_indexes)
        what.append("one seat is not available" if count == 1 else f"{count} are not available")
    if section_ids:
        what.append("a standing area has too few places left")
    reasons = " and ".join(what)
    return SeatsUnavailable(
        message=f"Nothing was reserved: {reasons}. Choose others and reserve again.",
        path=INPUT,
        event_id=event_id,
        seat_indexes=tuple(seat_indexes),
        section_ids=tuple(section_ids),
    )


def not_on_sale(status: EventStatus, opens_at: datetime | None) -> NotOnSale:
    """Say why an event sells nothing now."""
    message = {
        EventStatus.SCHEDULED: f"Sales open at {opens_at:%Y-%m-%d %H:%M} UTC. Come back then."
        if opens_at
        else "Sales have not opened yet.",
        EventStatus.PAUSED: "Sales are paused. Try again later.",
        EventStatus.CLOSED: "Sales have closed. Ask the venue about remaining tickets.",
        EventStatus.ENDED: "The event is over.",
        EventStatus.CANCELLED: "The event has been cancelled.",
    }.get(status, "The event is not on sale.")
    return NotOnSale(message=message, path=INPUT, status=status, opens_at=opens_at)


def not_open(
    status: ReservationStatus, path: tuple[str, ...] = ("input", "reservationId")
) -> ReservationNotOpen:
    """Say why a reservation cannot be changed any more."""
    message = {
        ReservationStatus.PAYING: "The reservation is being paid. Wait for the payment's outcome.",
        ReservationStatus.PURCHASED: "The reservation is purchased; its order has the tickets.",
        ReservationStatus.CANCELLED: "The reservation was cancelled. Reserve the seats again.",
        ReservationStatus.EXPIRED: "The reservation's time has run out. Reserve the seats again.",
        ReservationStatus.OPEN: "The reservation is open.",
    }[status]
    return ReservationNotOpen(message=message, path=path, status=status)


def limit_exceeded(limit: int, remaining: int) -> SeatLimitExceeded:
    """Say how many seats a buyer may still have."""
    return SeatLimitExceeded(
        message=(
            f"At most {limit} seats are possible here, and you may take {remaining} more. Ask for"
            " fewer."
        ),
        path=INPUT,
        limit=limit,
        remaining=remaining,
    )


def key_reused() -> IdempotencyKeyReused:
    """Say that a key belongs to another request."""
    return IdempotencyKeyReused(
        message="This idempotencyKey was used for another request. Make a new key for a new one.",
        path=("input", "idempotencyKey"),
    )


def expired(at: datetime, *, goes_back: bool = False) -> ReservationExpired:
    """Say that the time to pay is over; and that money which came too late goes back."""
    money = "what was paid too late goes back" if goes_back else "nothing was charged"
    return ReservationExpired(
        message=f"The reservation's time has run out, and {money}. Reserve again.",
        path=("input", "reservationId"),
        expired_at=at,
    )


def declined(refused: Declined, *, held: bool) -> PaymentDeclined:
    """Say that nothing was charged, and what to do."""
    if not held:
        advice = "Nothing was charged, and the seats are no longer held. Reserve again."
    elif refused.retryable:
        advice = (
            "Nothing was charged and your seats are still held. Call again with another"
            " paymentToken and a new idempotencyKey."
        )
    else:
        advice = "Nothing was charged and your seats are still held. Choose another way to pay."
    return PaymentDeclined(
        message=f"{refused.message} {advice}",
        path=("input", "paymentToken"),
        retryable=refused.retryable,
    )


def action_required(client_secret: str) -> PaymentActionRequired:
    """Send the buyer to the provider."""
    return PaymentActionRequired(
        message=(
            "The provider asks the buyer to confirm the payment. Hand clientSecret to its widget,"
            " then repeat this call with the same idempotencyKey."
        ),
        path=("input", "paymentToken"),
        client_secret=client_secret,
    )


def reservation_not_found() -> ReservationNotFound:
    """Say it in the same words whether it is somebody else's or does not exist."""
    return ReservationNotFound(
        message="You have no reservation with this id. `viewer.reservations` lists yours.",
        path=("input", "reservationId"),
    )


def order_not_found() -> OrderNotFound:
    """Say it in the same words whether it is somebody else's or does not exist."""
    return OrderNotFound(
        message="You have no order with this id. `viewer.orders` lists yours.",
        path=("input", "orderId"),
    )


def not_cancellable(status: OrderStatus) -> OrderNotCancellable:
    """Say why an order stays as it is."""
    message = {
        OrderStatus.COMMITTED: "The order is still being paid. Try again in a moment.",
        OrderStatus.PAID: "The event has begun: its orders can no longer be cancelled.",
        OrderStatus.CANCELLED: "The order was cancelled already; what was paid is on its way back.",
        OrderStatus.REFUNDED: "The order was cancelled already, and its money returned.",
    }[status]
    return OrderNotCancellable(message=message, path=("input", "orderId"), status=status)
