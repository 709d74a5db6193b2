"""Giving seats back: some of a reservation's, or all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

import asyncpg

from box_office.batches import Connection, Written, changes_of
from box_office.box_office import BoxOffice
from box_office.refusals import InvalidInput, OutcomeUnknown, Refusal
from box_office.reservations import ReservationRow
from box_office.reserving import NamedSeat, check_seats
from box_office.storable import check_words
from box_office.wording import not_open, reservation_not_found
from models import ReservationStatus

REASON_LENGTH_MAX = 500

RELEASE = "SELECT * FROM release_seats($1, $2, $3, $4, $5, $6, $7)"


@dataclass(frozen=True, slots=True)
class Release:
    """A request to give seats back; `whole`: the reservation, whatever it has."""

    buyer_id: UUID
    reservation_id: UUID
    seat_indexes: tuple[int, ...] = ()
    whole: bool = False
    reason: str | None = None

    STATEMENT: ClassVar["ReleaseStatement"]


async def release_seats(
    box_office: BoxOffice,
    buyer_id: UUID,
    reservation_id: UUID,
    seat_indexes: Sequence[int] = (),
    named_seats: Sequence[NamedSeat] = (),
) -> ReservationRow | list[Refusal]:
    """Give some seats back; the last one cancels. Seats that are not in it are passed over.

    Refuses: InvalidInput, ReservationNotFound, ReservationNotOpen, SeatsUnknown, OutcomeUnknown.
    """
    if not seat_indexes and not named_seats:
        message = "No seats were named. Give seatIds or seatIndexes; or use cancelReservation."
        return [InvalidInput(message=message, path=("input",))]
    event_id = await box_office.events_of_reservations.of(buyer_id, reservation_id)
    places = None if event_id is None else await box_office.places.of(event_id)
    if event_id is None or places is None:
        return [reservation_not_found()]
    meant, unknown = check_seats(places, event_id, seat_indexes, named_seats)
    if unknown is not None:
        return [unknown]
    release = Release(buyer_id, reservation_id, meant)
    return await ask(box_office, event_id, release)


async def cancel_reservation(
    box_office: BoxOffice, buyer_id: UUID, reservation_id: UUID, reason: str | None
) -> ReservationRow | list[Refusal]:
    """Give everything back. Over already: answers it as it is.

    Refuses: InvalidInput, ReservationNotFound, ReservationNotOpen, OutcomeUnknown.
    """
    if refused := check_reason(reason):
        return refused
    event_id = await box_office.events_of_reservations.of(buyer_id, reservation_id)
    if event_id is None:
        return [reservation_not_found()]
    release = Release(buyer_id, reservation_id, whole=True, reason=reason)
    return await ask(box_office, event_id, release)


def check_reason(reason: str | None) -> list[Refusal]:
    """Find what is wrong with a reason for cancelling."""
    return list(check_words(reason, REASON_LENGTH_MAX, "input", "reason")) if reason else []


async def ask(
    box_office: BoxOffice, event_id: UUID, release: Release
) -> ReservationRow | list[Refusal]:
    """Put a release to the window and read its verdict."""
    claims = frozenset({release.buyer_id, release.reservation_id})
    verdict = await box_office.ask(event_id, Release.STATEMENT, release, claims)
    if isinstance(verdict, OutcomeUnknown):
        return [verdict]
    if verdict["o_status"] is None:
        return [reservation_not_found()]
    status = ReservationStatus(verdict["o_status"])
    over = status in {ReservationStatus.CANCELLED, ReservationStatus.EXPIRED}
    if not verdict["o_done"] and not (release.whole and over):
        return [not_open(status)]
    return ReservationRow.of(
        release.reservation_id,
        event_id,
        release.buyer_id,
        status,
        verdict["o_seats"],
        verdict["o_expires_at"],
        verdict["o_seconds_left"],
    )


class ReleaseStatement:
    """The statement that takes seats back: one row for each request."""

    async def write(
        self, connection: Connection, event_id: UUID, requests: Sequence[Release]
    ) -> Written[asyncpg.Record]:
        """Decide a batch."""
        seats = [(n, seat) for n, r in enumerate(requests, 1) for seat in r.seat_indexes]
        rows = await connection.fetch(
            RELEASE,
            event_id,
            [request.reservation_id for request in requests],
            [request.buyer_id for request in requests],
            [request.whole for request in requests],
            [request.reason for request in requests],
            [n for n, _ in seats],
            [seat for _, seat in seats],
        )
        return Written(rows, changes_of(event_id, rows[0]))


Release.STATEMENT = ReleaseStatement()
