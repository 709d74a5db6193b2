"""Reservations as they stand: what a buyer holds, and until when by the database's clock."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from box_office.database import Database
from box_office.pages import Page, PageOf, Sorting, read_page
from box_office.reading import Columns, read_rows
from models import Reservation, ReservationStatus

#: How many reservations this process remembers the events of: some 8 MB.
RESERVATIONS_KNOWN_MAX = 20_000


@dataclass(frozen=True, slots=True)
class ReservationRow:
    """A reservation at one moment. OPEN past its end reads EXPIRED, swept or not."""

    id: UUID
    event_id: UUID
    buyer_id: UUID
    status: ReservationStatus
    seat_indexes: tuple[int, ...]
    #: While OPEN or PAYING; None when nothing is held any more.
    expires_at: datetime | None
    expires_in_seconds: int | None

    @classmethod
    def of(  # noqa: PLR0917  The columns of a row, in their order.
        cls,
        id: UUID,  # noqa: A002  As the column is called.
        event_id: UUID,
        buyer_id: UUID,
        status: str,
        seat_indexes: Sequence[int],
        expires_at: datetime,
        seconds_left: int,
    ) -> "ReservationRow":
        """Make one of what a statement answers."""
        holds = status in {ReservationStatus.OPEN, ReservationStatus.PAYING}
        return cls(
            id=id,
            event_id=event_id,
            buyer_id=buyer_id,
            status=ReservationStatus(status),
            seat_indexes=tuple(sorted(seat_indexes)),
            expires_at=expires_at if holds else None,
            expires_in_seconds=max(seconds_left, 0) if holds else None,
        )


def status_now() -> sa.ColumnElement[str]:
    """Tell a reservation's status by the database's clock: lapsed is expired, swept or not."""
    lapsed = sa.and_(
        col(Reservation.status) == ReservationStatus.OPEN,
        col(Reservation.expires_at) <= sa.func.now(),
    )
    return sa.case(
        (lapsed, ReservationStatus.EXPIRED.value),
        else_=sa.cast(col(Reservation.status), sa.Text),
    )


def seconds_left() -> sa.ColumnElement[int]:
    """Tell how long a reservation still holds its seats, by the database's clock."""
    left = sa.extract("epoch", col(Reservation.expires_at) - sa.func.now())
    return sa.cast(sa.func.ceil(left), sa.Integer)


def select_reservations() -> Columns:
    """Select reservations with their status as of now."""
    return sa.select(
        col(Reservation.id),
        col(Reservation.event_id),
        col(Reservation.buyer_id),
        status_now().label("status"),
        col(Reservation.seat_indexes),
        col(Reservation.expires_at),
        seconds_left().label("seconds_left"),
    )


async def reservations_by_ids(
    database: Database, ids: Sequence[UUID]
) -> dict[UUID, ReservationRow]:
    """Read reservations, whoever's they are: the caller asks whose."""
    rows = await read_rows(database, select_reservations().where(col(Reservation.id).in_(ids)))
    return {row.id: ReservationRow.of(*row) for row in rows}


async def reservations_of_buyer(
    database: Database, buyer_id: UUID, status: ReservationStatus | None, page: Page
) -> PageOf[ReservationRow]:
    """Read a buyer's reservations, the newest first."""
    statement = select_reservations().where(col(Reservation.buyer_id) == buyer_id)
    if status is not None:
        statement = statement.where(status_now() == status.value)
    sorting = Sorting(id=col(Reservation.id), descending=True)
    found = await read_page(database, statement, page, sorting)
    return PageOf(
        rows=[ReservationRow.of(*row[:7]) for row in found.rows],
        keys=found.keys,
        has_next=found.has_next,
        has_previous=found.has_previous,
    )


async def count_reservations_of_buyer(
    database: Database, buyer_id: UUID, status: ReservationStatus | None
) -> int:
    """Count a buyer's reservations."""
    statement: Columns = sa.select(sa.func.count()).where(col(Reservation.buyer_id) == buyer_id)
    if status is not None:
        statement = statement.where(status_now() == status.value)
    (row,) = await read_rows(database, statement)
    return int(row[0])


@dataclass(slots=True)
class EventsOfReservations:
    """At which event's window a reservation is decided about.

    That never changes. So whoever reserved here gives back, or asks again, without a look at the
    database before; what has become of the reservation the window itself finds out.
    """

    database: Database
    #: By buyer and reservation; the longest unused first.
    _known: OrderedDict[tuple[UUID, UUID], UUID] = field(default_factory=OrderedDict)

    def learn(self, buyer_id: UUID, reservation_id: UUID, event_id: UUID) -> None:
        """Remember a reservation that was just made or found."""
        self._known[buyer_id, reservation_id] = event_id
        self._known.move_to_end((buyer_id, reservation_id))
        if len(self._known) > RESERVATIONS_KNOWN_MAX:
            self._known.popitem(last=False)

    async def of(self, buyer_id: UUID, reservation_id: UUID) -> UUID | None:
        """Find a reservation's event. None: the buyer has no such reservation."""
        event_id = self._known.get((buyer_id, reservation_id))
        if event_id is None:
            mine = sa.select(col(Reservation.event_id)).where(
                col(Reservation.id) == reservation_id, col(Reservation.buyer_id) == buyer_id
            )
            event_id = next((row.event_id for row in await read_rows(self.database, mine)), None)
        if event_id is not None:
            self.learn(buyer_id, reservation_id, event_id)
        return event_id
