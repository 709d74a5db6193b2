"""Reserving seats, and giving them back."""

from __future__ import annotations

from typing import Annotated

import strawberry

from box_office.releasing import cancel_reservation, release_seats
from box_office.reserving import reserve_seats
from schema.asked import key_or_nothing, named_seats, seat_wish
from schema.context import Info
from schema.ids import NodeKind
from schema.reservations import (
    CancelReservationInput,
    CancelReservationPayload,
    ReleaseSeatsInput,
    ReleaseSeatsPayload,
    Reservation,
    ReserveSeatsInput,
    ReserveSeatsPayload,
)

ReservationId = Annotated[
    strawberry.ID, strawberry.argument(description="The reservation, as `reserveSeats` gave it.")
]
Reserve = Annotated[ReserveSeatsInput, strawberry.argument(description="What to reserve.")]
Release = Annotated[ReleaseSeatsInput, strawberry.argument(description="What to give back.")]
Cancel = Annotated[CancelReservationInput, strawberry.argument(description="What to give up.")]


@strawberry.type
class ReservationQuery:
    """What can be asked about reservations."""

    @strawberry.field
    async def reservation(
        self,
        info: Info,
        id: ReservationId,  # noqa: A002 - the argument's name in the API.
    ) -> Reservation | None:
        """One of your reservations; null when it is somebody else's or does not exist."""
        return await Reservation.load(info.context, key_or_nothing(id, NodeKind.RESERVATION))


@strawberry.type
class ReservationMutation:
    """How seats are reserved and given back."""

    @strawberry.mutation
    async def reserve_seats(self, info: Info, input: Reserve) -> ReserveSeatsPayload:  # noqa: A002
        """Hold seats of an event for you: all that is asked, or nothing.

        You have one open reservation per event. The first call makes it, later ones add to it and
        do not prolong it. Repeating a call changes nothing. Without a token: UNAUTHENTICATED.
        """
        buyer = info.context.require_buyer()
        outcome = await reserve_seats(info.context.box_office, buyer.id, seat_wish(input))
        info.context.forget()
        return ReserveSeatsPayload.of(outcome)

    @strawberry.mutation
    async def release_seats(self, info: Info, input: Release) -> ReleaseSeatsPayload:  # noqa: A002
        """Give some seats of a reservation back; the last one cancels it.

        Seats of the map that are not in the reservation are passed over.
        """
        outcome = await release_seats(
            info.context.box_office,
            info.context.require_buyer().id,
            key_or_nothing(input.reservation_id, NodeKind.RESERVATION),
            input.seat_indexes or (),
            named_seats(input.seat_ids),
        )
        info.context.forget()
        return ReleaseSeatsPayload.of(outcome)

    @strawberry.mutation
    async def cancel_reservation(
        self,
        info: Info,
        input: Cancel,  # noqa: A002 - the argument's name in the API.
    ) -> CancelReservationPayload:
        """Give a whole reservation back. One that is cancelled or expired is answered as it is."""
        outcome = await cancel_reservation(
            info.context.box_office,
            info.context.require_buyer().id,
            key_or_nothing(input.reservation_id, NodeKind.RESERVATION),
            input.reason,
        )
        info.context.forget()
        return CancelReservationPayload.of(outcome)
