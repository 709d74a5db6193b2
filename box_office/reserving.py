"""Reserving seats: named ones, general admission, or both; all that is asked, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

import asyncpg
import sqlalchemy as sa

from box_office.batches import Again, Connection, Written, changes_of
from box_office.box_office import BoxOffice
from box_office.places import Area, EventPlaces
from box_office.refusals import (
    EventNotFound,
    InvalidInput,
    OutcomeUnknown,
    Refusal,
    SeatLimitExceeded,
    SeatsUnknown,
)
from box_office.reservations import ReservationRow
from box_office.wording import (
    INPUT,
    limit_exceeded,
    not_on_sale,
    not_open,
    seats_unknown,
    unavailable,
)
from models import EventStatus, ReservationStatus, SectionKind, new_id

#: Of one reservation, named seats and general admission together.
RESERVATION_SEATS_MAX = 20
#: How far past its first end a declined payment may prolong a reservation.
HOLD_GRACE = timedelta(minutes=5)

RESERVE = """
    SELECT * FROM reserve_seats($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""


@dataclass(frozen=True, slots=True)
class GeneralAdmission:
    """How many places of a section a reservation is to have in all."""

    #: As the client wrote it, for the answer.
    section_text: str
    #: None: the text is no section's id.
    section_id: UUID | None
    quantity: int


@dataclass(frozen=True, slots=True)
class NamedSeat:
    """A seat named by its id."""

    #: As the client wrote it, for the answer.
    text: str
    #: None: the text is no seat's id.
    event_id: UUID | None
    seat_index: int


@dataclass(frozen=True, slots=True)
class SeatWish:
    """What a buyer would like to reserve of an event, as it was asked for."""

    event_id: UUID
    seat_indexes: tuple[int, ...] = ()
    named_seats: tuple[NamedSeat, ...] = ()
    general_admission: tuple[GeneralAdmission, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """A wish whose seats and areas are known to exist."""

    buyer_id: UUID
    seat_indexes: tuple[int, ...]
    areas: tuple[tuple[Area, int], ...]
    #: Places of those areas that look free on the board; if they are not, the statement looks.
    candidates: tuple[int, ...]


async def reserve_seats(
    box_office: BoxOffice, buyer_id: UUID, wish: SeatWish
) -> ReservationRow | list[Refusal]:
    """Reserve all that is wished for, or nothing; added to the buyer's open reservation, if any.

    Repeating it changes nothing. Refuses: EventNotFound, InvalidInput, SeatsUnknown, NotOnSale,
    SeatsUnavailable, SeatLimitExceeded, ReservationNotOpen, OutcomeUnknown.
    """
    places = await box_office.places.of(wish.event_id)
    if places is None:
        message = "There is no event with this id. Events are listed by the query `events`."
        return [EventNotFound(message=message, path=("input", "eventId"))]
    checked = await check_wish(box_office, buyer_id, places, wish)
    if isinstance(checked, list):
        return checked
    verdict = await box_office.ask(
        wish.event_id, RESERVE_NOW, checked, frozenset({buyer_id}), can_wait=True
    )
    if isinstance(verdict, OutcomeUnknown):
        return [verdict]
    if verdict["o_won"]:
        box_office.events_of_reservations.learn(buyer_id, verdict["o_reservation"], wish.event_id)
        return ReservationRow.of(
            verdict["o_reservation"],
            wish.event_id,
            buyer_id,
            verdict["o_status"],
            verdict["o_seats"],
            verdict["o_expires_at"],
            verdict["o_seconds_left"],
        )
    return refusals_of(verdict, wish.event_id, places, checked)


async def check_wish(
    box_office: BoxOffice, buyer_id: UUID, places: EventPlaces, wish: SeatWish
) -> Request | list[Refusal]:
    """Check a wish against the event's layout, which no lock is needed for."""
    refused: list[Refusal] = []
    seat_indexes, unknown = check_seats(places, wish.event_id, wish.seat_indexes, wish.named_seats)
    areas: list[tuple[Area, int]] = []
    unknown_sections: list[str] = []
    for asked in wish.general_admission:
        area = None if asked.section_id is None else places.area(asked.section_id)
        if area is None or area.kind is not SectionKind.GENERAL_ADMISSION:
            unknown_sections.append(asked.section_text)
        else:
            areas.append((area, asked.quantity))
    if unknown_sections:
        unknown = replace(unknown or seats_unknown(places), section_ids=tuple(unknown_sections))
    if unknown is not None:
        refused.append(unknown)
    refused += check_quantities(wish)
    asked_seats = len(seat_indexes) + sum(max(quantity, 0) for _, quantity in areas)
    if asked_seats > RESERVATION_SEATS_MAX:
        refused.append(await too_many_at_once(box_office, buyer_id, wish.event_id))
    if refused:
        return refused
    # Twice as many as needed, for some are taken meanwhile.
    candidates = tuple(
        seat
        for area, quantity in areas
        for seat in box_office.boards.free_seats(wish.event_id, area.first, area.last, 2 * quantity)
    )
    return Request(buyer_id, seat_indexes, tuple(areas), candidates)


def check_quantities(wish: SeatWish) -> list[Refusal]:
    """Find what makes no sense whatever the event."""
    if not wish.seat_indexes and not wish.named_seats and not wish.general_admission:
        message = "No seats were named. Give seatIds, seatIndexes or generalAdmission."
        return [InvalidInput(message=message, path=INPUT)]
    refused: list[Refusal] = []
    for n, asked in enumerate(wish.general_admission):
        path = (*INPUT, "generalAdmission", str(n))
        if asked.quantity < 1:
            message = f"A quantity of {asked.quantity} reserves nothing. Ask for 1 or more."
            refused.append(InvalidInput(message=message, path=(*path, "quantity")))
        if asked.section_text in {other.section_text for other in wish.general_admission[:n]}:
            message = "The section is named twice. Name it once, with the total of its places."
            refused.append(InvalidInput(message=message, path=(*path, "sectionId")))
    return refused


def check_seats(
    places: EventPlaces,
    event_id: UUID,
    seat_indexes: Sequence[int],
    named_seats: Sequence[NamedSeat],
) -> tuple[tuple[int, ...], SeatsUnknown | None]:
    """Find the seats that are meant, by index and once each; and say which do not exist."""
    known = range(places.seat_count)
    strange_ids = tuple(
        seat.text
        for seat in named_seats
        if seat.event_id != event_id or seat.seat_index not in known
    )
    strange_indexes = tuple(index for index in seat_indexes if index not in known)
    if strange_ids or strange_indexes:
        return (), seats_unknown(places, strange_ids, strange_indexes)
    return tuple(sorted({*seat_indexes, *(seat.seat_index for seat in named_seats)})), None


def refusals_of(
    verdict: asyncpg.Record, event_id: UUID, places: EventPlaces, request: Request
) -> list[Refusal]:
    """Put everything that is wrong with a request into words."""
    status = EventStatus(verdict["o_event_status"])
    if status is not EventStatus.ON_SALE:
        return [not_on_sale(status, verdict["o_opens_at"])]
    refused: list[Refusal] = []
    if verdict["o_status"] != ReservationStatus.OPEN:
        refused.append(not_open(ReservationStatus(verdict["o_status"]), INPUT))
    gone, short = tuple(verdict["o_gone"]), places.sections_from(verdict["o_short"])
    if verdict["o_contended"]:  # After many tries: others are quicker, and stay so.
        gone = gone or request.seat_indexes
        short = short or tuple(area.section_id for area, _ in request.areas)
    if gone or short:
        refused.append(unavailable(event_id, gone, short))
    if verdict["o_limit"] is not None:
        refused.append(limit_exceeded(verdict["o_limit"], verdict["o_remaining"]))
    return refused


ALLOWED = sa.text("""
    SELECT e.seats_per_buyer_max AS most, coalesce(a.seats, 0) AS seats
    FROM events e LEFT JOIN allowances a ON a.event_id = e.id AND a.buyer_id = :buyer_id
    WHERE e.id = :event_id
""")


async def too_many_at_once(
    box_office: BoxOffice, buyer_id: UUID, event_id: UUID
) -> SeatLimitExceeded:
    """Refuse a request that no reservation could hold, before it reaches the window."""
    async with box_office.database.engine.connect() as connection:
        asked = {"event_id": event_id, "buyer_id": buyer_id}
        row = (await connection.execute(ALLOWED, asked)).one()
    limit = min(row.most, RESERVATION_SEATS_MAX)
    return limit_exceeded(limit, max(0, min(row.most - row.seats, RESERVATION_SEATS_MAX)))


class Reserve:
    """The statement that decides reservations: one row for each request, won or what is wrong."""

    def __init__(self, *, patient: bool) -> None:
        #: Wait for places that others have locked, instead of passing them over.
        self.patient = patient

    async def write(
        self, connection: Connection, event_id: UUID, requests: Sequence[Request]
    ) -> Written[asyncpg.Record]:
        """Decide a batch."""
        seats = [(n, seat) for n, r in enumerate(requests, 1) for seat in r.seat_indexes]
        areas = [(n, area, count) for n, r in enumerate(requests, 1) for area, count in r.areas]
        rows = await connection.fetch(
            RESERVE,
            event_id,
            [request.buyer_id for request in requests],
            [new_id() for _ in requests],
            [n for n, _ in seats],
            [seat for _, seat in seats],
            [n for n, _, _ in areas],
            [area.first for _, area, _ in areas],
            [area.last for _, area, _ in areas],
            [count for _, _, count in areas],
            [seat for request in requests for seat in request.candidates],
            self.patient,
            RESERVATION_SEATS_MAX,
            HOLD_GRACE,
        )
        answers = [
            undecided(request, row) if row["o_contended"] else row
            for request, row in zip(requests, rows, strict=True)
        ]
        return Written(answers, changes_of(event_id, rows[0]))


def undecided(request: Request, row: asyncpg.Record) -> Again[asyncpg.Record]:
    """Decide it again: behind whoever was before it, or alone where places are locked."""
    if request.areas:
        return Again(RESERVE_PATIENTLY, frozenset({RESERVE_PATIENTLY}), row)
    return Again(RESERVE_NOW, frozenset(), row)


RESERVE_NOW = Reserve(patient=False)
RESERVE_PATIENTLY = Reserve(patient=True)
