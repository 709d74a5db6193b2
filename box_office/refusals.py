"""Every expected "no". A rule answers with the thing asked for, or with all the reasons why not.

A refusal's code is its name in capitals; docs/errors.md explains each.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from models import EventStatus, OrderStatus, ReservationStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What happened, why, and what to do next; `path` names the input it is about."""

    code: ClassVar[str] = "REFUSED"

    message: str
    path: tuple[str, ...] | None = None

    def __init_subclass__(cls) -> None:
        """SeatsUnavailable has the code SEATS_UNAVAILABLE."""
        cls.code = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidInput(Refusal):
    """The request itself is at fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventNotFound(Refusal):
    """There is no such event, or it is not public."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotOnSale(Refusal):
    """The event sells nothing at this moment."""

    status: EventStatus
    opens_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatsUnavailable(Refusal):
    """Some of the asked seats are gone, or a standing area has too few places left."""

    event_id: UUID
    seat_indexes: tuple[int, ...] = ()
    section_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatsUnknown(Refusal):
    """The event has no such seats or sections."""

    #: As the client wrote them.
    seat_ids: tuple[str, ...] = ()
    seat_indexes: tuple[int, ...] = ()
    section_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatLimitExceeded(Refusal):
    """More seats than one buyer may have."""

    limit: int
    remaining: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationNotFound(Refusal):
    """There is no such reservation, or it is somebody else's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationExpired(Refusal):
    """The time to pay has run out."""

    expired_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationNotOpen(Refusal):
    """The reservation is being paid, or is over."""

    status: ReservationStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentDeclined(Refusal):
    """The provider refused the money; nothing was taken."""

    retryable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentActionRequired(Refusal):
    """The buyer must act with the provider, then repeat the call with the same key."""

    client_secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeUnknown(Refusal):
    """Nobody can say yet whether it happened; repeat the same call to find out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKeyReused(Refusal):
    """The key was used for another request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderNotFound(Refusal):
    """There is no such order, or it is somebody else's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderNotCancellable(Refusal):
    """The order is in a state that cannot be cancelled."""

    status: OrderStatus
