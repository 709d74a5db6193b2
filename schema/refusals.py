"""Every expected "no", as clients see it: one type for each of `box_office.refusals`."""

# ruff: noqa: N818 - they are answers of the API, not exceptions, and are named as it names them.

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar, Self

import strawberry

from box_office import refusals
from schema.availability import SectionAvailability, sections_of
from schema.context import Info
from schema.enums import EventStatus, OrderStatus, ReservationStatus
from schema.events import Event
from schema.seats import EventSeat, Seating
from schema.soon import here


@strawberry.interface
class UserError:
    """An expected "no": what happened, why, and what to do next.

    All that is wrong is told at once. Tell the types apart by `__typename` or `code`; a client that
    knows neither can always show `message`.
    """

    code: str
    """The type's name in capitals, such as `SEATS_UNAVAILABLE`, for logs and translations."""
    message: str
    """What happened and what to do, in English, for people."""
    path: list[str] | None
    """The input it is about, from the outside in, such as `["input", "seatIndexes", "2"]`; null
    when it is about no single one."""

    #: What each type takes over from its refusal, beside these three.
    facts: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def of(cls, refusal: refusals.Refusal) -> Self:
        """Show a refusal of the box office."""
        return cls(
            code=refusal.code,
            message=refusal.message,
            path=None if refusal.path is None else list(refusal.path),
            **{fact: getattr(refusal, fact) for fact in cls.facts},
        )


@strawberry.type
class EventNotFound(UserError):
    """There is no such event, or it is not public."""


@strawberry.type
class NotOnSale(UserError):
    """The event sells nothing at this moment."""

    status: EventStatus
    """Where the event stands."""
    opens_at: datetime | None
    """When the sale opens, if that is known and to come."""

    facts = ("status", "opens_at")


@strawberry.type
class SeatsUnavailable(UserError):
    """Some of what was asked is gone, so nothing was reserved.

    Choose others and ask again; what you already hold is still yours.
    """

    refusal: strawberry.Private[refusals.SeatsUnavailable]

    @strawberry.field
    async def seats(self, info: Info) -> list[EventSeat]:
        """Those of the asked seats that are gone."""
        if not self.refusal.seat_indexes:
            return []
        event = await here(Event.sure(info.context, self.refusal.event_id))
        seating = await here(Seating.of(info.context, event))
        return seating.seats(self.refusal.seat_indexes)

    @strawberry.field
    async def sections(self, info: Info) -> list[SectionAvailability]:
        """General-admission sections with too few places left, and how many they have."""
        asked = set(self.refusal.section_ids)
        view = await here(info.context.board_of_public(self.refusal.event_id))
        short = [count for count in view.sections if count.section_id in asked]
        return await here(sections_of(info.context, self.refusal.event_id, short))

    @classmethod
    def of(cls, refusal: refusals.Refusal) -> Self:
        """Show a refusal of the box office."""
        assert isinstance(refusal, refusals.SeatsUnavailable)
        path = None if refusal.path is None else list(refusal.path)
        return cls(code=refusal.code, message=refusal.message, path=path, refusal=refusal)


@strawberry.type
class SeatsUnknown(UserError):
    """The event has no such seats or sections."""

    seat_ids: list[strawberry.ID]
    """Those of the asked ids that are none of seats of this event, as they were sent."""
    seat_indexes: list[int]
    """Those of the asked indexes that are none of this event's numbered seats."""
    section_ids: list[strawberry.ID]
    """Those of the asked ids that are none of general-admission sections of this event, as sent."""

    facts = ("seat_ids", "seat_indexes", "section_ids")


@strawberry.type
class SeatLimitExceeded(UserError):
    """More seats than one buyer may have at this event, or in one reservation."""

    limit: int
    """How many seats a buyer may have."""
    remaining: int
    """How many more you may still take, beside what you already have."""

    facts = ("limit", "remaining")


@strawberry.type
class ReservationNotFound(UserError):
    """There is no such reservation, or it is somebody else's."""


@strawberry.type
class ReservationExpired(UserError):
    """The time to pay has run out, and the seats are free again."""

    expired_at: datetime
    """When it ran out."""

    facts = ("expired_at",)


@strawberry.type
class ReservationNotOpen(UserError):
    """The reservation is being paid, or is over: it cannot be changed any more."""

    status: ReservationStatus
    """Where it stands. Asked for beside `NotOnSale.status`, which has another type, it needs an
    alias: `reservationStatus: status`."""

    facts = ("status",)


@strawberry.type
class PaymentDeclined(UserError):
    """The provider refused the money. Nothing was taken, and the seats are still held."""

    retryable: bool
    """Whether another card, or the same one later, may work: a new call, with a new key."""

    facts = ("retryable",)


@strawberry.type
class PaymentActionRequired(UserError):
    """The buyer must act with the provider, for example confirm in the bank's app.

    After that, make the same call with the same key.
    """

    client_secret: str
    """What the provider's widget takes to let the buyer act."""

    facts = ("client_secret",)


@strawberry.type
class OutcomeUnknown(UserError):
    """Nobody can say yet whether it happened. Repeat the same call to find out."""


@strawberry.type
class IdempotencyKeyReused(UserError):
    """The key was used for another request. A new request takes a new key."""


@strawberry.type
class OrderNotFound(UserError):
    """There is no such order, or it is somebody else's."""


@strawberry.type
class OrderNotCancellable(UserError):
    """The order is in a state that cannot be cancelled."""

    status: OrderStatus
    """Where it stands."""

    facts = ("status",)


@strawberry.type
class InvalidInput(UserError):
    """The request itself is at fault; `path` and `message` say where and how."""


#: Each refusal's type: of the same name.
_TYPES: dict[type[refusals.Refusal], type[UserError]] = {
    refusals.EventNotFound: EventNotFound,
    refusals.NotOnSale: NotOnSale,
    refusals.SeatsUnavailable: SeatsUnavailable,
    refusals.SeatsUnknown: SeatsUnknown,
    refusals.SeatLimitExceeded: SeatLimitExceeded,
    refusals.ReservationNotFound: ReservationNotFound,
    refusals.ReservationExpired: ReservationExpired,
    refusals.ReservationNotOpen: ReservationNotOpen,
    refusals.PaymentDeclined: PaymentDeclined,
    refusals.PaymentActionRequired: PaymentActionRequired,
    refusals.OutcomeUnknown: OutcomeUnknown,
    refusals.IdempotencyKeyReused: IdempotencyKeyReused,
    refusals.OrderNotFound: OrderNotFound,
    refusals.OrderNotCancellable: OrderNotCancellable,
    refusals.InvalidInput: InvalidInput,
}


def user_errors(reasons: Iterable[refusals.Refusal]) -> list[Any]:
    """Show every reason why not. Which of them a mutation can have, its union says."""
    return [_TYPES[type(reason)].of(reason) for reason in reasons]
