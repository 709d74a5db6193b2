"""Reading events. Drafts are nobody's business but the organiser's: no statement here shows one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from box_office.database import Database
from box_office.pages import Page, PageOf, Sorting, read_page
from box_office.reading import Columns, read_rows
from box_office.search_text import searchable
from models import Event, EventLedger, EventPerformer, EventState, EventStatus, Venue

SEARCH_WORDS_MAX = 10


class EventSortKey(Enum):
    """What events can be sorted by."""

    STARTS_AT = "STARTS_AT"
    TITLE = "TITLE"
    CITY = "CITY"


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are wanted: all given conditions hold together."""

    search: str | None = None
    starts_from: datetime | None = None
    starts_before: datetime | None = None
    #: The day in the venue's time zone.
    on_date: date | None = None
    type_key: str | None = None
    performer_id: UUID | None = None
    venue_id: UUID | None = None
    city: str | None = None
    #: True: something is free; False: nothing is.
    available: bool | None = None


@dataclass(frozen=True, slots=True)
class EventSort:
    """How events are sorted; ties by id in the same direction."""

    by: EventSortKey = EventSortKey.STARTS_AT
    descending: bool = False


@dataclass(frozen=True, slots=True)
class EventRow:
    """A public event, and where it stands by the database's clock."""

    id: UUID
    slug: str
    title: str
    description: str | None
    type_key: str
    venue_id: UUID
    time_zone: str
    seat_map_id: UUID
    image_url: str | None
    starts_at: datetime
    sales_open_at: datetime | None
    sales_close_at: datetime | None
    currency_code: str
    reservation_seconds: int
    seats_per_buyer_max: int
    status: EventStatus


_COLUMNS = (
    col(Event.id),
    col(Event.slug),
    col(Event.title),
    col(Event.description),
    col(Event.type_key),
    col(Event.venue_id),
    col(Venue.time_zone),
    col(Event.seat_map_id),
    col(Event.image_url),
    col(Event.starts_at),
    col(Event.sales_open_at),
    col(Event.sales_close_at),
    col(Event.currency_code),
    col(Event.reservation_seconds),
    col(Event.seats_per_buyer_max),
    sa.type_coerce(
        sa.func.event_status(sa.literal_column("events")), sa.Enum(EventStatus, native_enum=False)
    ),
)

# `lower` on both sides of a comparison, and the byte order of "C": the same on every PostgreSQL,
# with whatever collations it was built.
_SORT_COLUMNS: dict[EventSortKey, sa.SQLColumnExpression[Any]] = {
    EventSortKey.STARTS_AT: col(Event.starts_at),
    EventSortKey.TITLE: sa.collate(sa.func.lower(col(Event.title)), "C"),
    EventSortKey.CITY: sa.collate(sa.func.lower(col(Venue.city)), "C"),
}


def _public(*columns: Any) -> Columns:
    return (
        sa.select(*columns)
        .select_from(Event)
        .join(Venue, col(Venue.id) == col(Event.venue_id))
        .where(col(Event.state) != EventState.DRAFT)
    )


def _by_any(column: Any) -> Columns:
    keys = sa.bindparam("keys", type_=ARRAY(column.type))
    return _public(*_COLUMNS).where(column == sa.any_(keys))


# Made once: making a statement takes longer than PostgreSQL takes to answer it.
_BY_IDS = _by_any(col(Event.id))
_BY_SLUGS = _by_any(col(Event.slug))


async def events_page(
    database: Database, wanted: EventFilter, sort: EventSort, page: Page
) -> PageOf[EventRow]:
    """Read one page of the public events that meet the filter."""
    sorting = Sorting(col(Event.id), _SORT_COLUMNS[sort.by], sort.descending)
    found = await read_page(database, _public(*_COLUMNS).where(*_conditions(wanted)), page, sorting)
    return PageOf(
        rows=[_event_row(row) for row in found.rows],
        keys=found.keys,
        has_next=found.has_next,
        has_previous=found.has_previous,
    )


async def count_events(database: Database, wanted: EventFilter) -> int:
    """Count the public events that meet the filter."""
    rows = await read_rows(database, _public(sa.func.count()).where(*_conditions(wanted)))
    return int(rows[0][0])


async def events_by_ids(database: Database, ids: Sequence[UUID]) -> dict[UUID, EventRow]:
    """Read public events."""
    rows = await read_rows(database, _BY_IDS, keys=ids)
    return {row.id: _event_row(row) for row in rows}


async def events_by_slugs(database: Database, slugs: Sequence[str]) -> dict[str, EventRow]:
    """Read public events by the names in their addresses."""
    rows = await read_rows(database, _BY_SLUGS, keys=slugs)
    return {row.slug: _event_row(row) for row in rows}


def _event_row(row: sa.Row[*tuple[Any, ...]]) -> EventRow:
    return EventRow(*row[: len(_COLUMNS)])  # After these comes what the page needs.


def words_of(search: str) -> list[str]:
    """Fold what a visitor searches for, and take it apart."""
    return searchable(search).split()


def _has_words(search: str) -> sa.ColumnElement[bool]:
    # autoescape: a visitor who types % or _ means just that.
    parts = (col(Event.search_text).contains(word, autoescape=True) for word in words_of(search))
    return sa.and_(sa.true(), *parts)


def _is_on(day: date) -> sa.ColumnElement[bool]:
    midnight = datetime.combine(day, time.min)
    local_start = sa.func.timezone(col(Venue.time_zone), col(Event.starts_at))
    return sa.and_(
        sa.cast(local_start, sa.Date) == day,
        # No zone is further from UTC than 14 hours: for the index on starts_at.
        col(Event.starts_at) >= sa.func.timezone("UTC", midnight) - timedelta(hours=14),
        col(Event.starts_at) < sa.func.timezone("UTC", midnight) + timedelta(hours=38),
    )


def _is_played_by(performer_id: UUID) -> sa.ColumnElement[bool]:
    return (
        sa.select(col(EventPerformer.event_id))
        .where(
            col(EventPerformer.event_id) == col(Event.id),
            col(EventPerformer.performer_id) == performer_id,
        )
        .exists()
    )


def _has_seats_to_sell(wanted: bool) -> sa.ColumnElement[bool]:
    free = (
        sa.select(col(EventLedger.event_id))
        .where(col(EventLedger.event_id) == col(Event.id), col(EventLedger.available) > 0)
        .exists()
    )
    on_sale = sa.func.event_status(sa.literal_column("events")) == EventStatus.ON_SALE.value
    return sa.and_(on_sale, free) if wanted else ~sa.and_(on_sale, free)


#: What each field of the filter says in SQL, if it is given.
_CONDITIONS: dict[str, Callable[[Any], sa.ColumnElement[bool]]] = {
    "search": _has_words,
    "starts_from": lambda moment: col(Event.starts_at) >= moment,
    "starts_before": lambda moment: col(Event.starts_at) < moment,
    "on_date": _is_on,
    "type_key": lambda key: col(Event.type_key) == key,
    "performer_id": _is_played_by,
    "venue_id": lambda venue_id: col(Event.venue_id) == venue_id,
    "city": lambda city: sa.func.lower(col(Venue.city)) == sa.func.lower(city),
    "available": _has_seats_to_sell,
}


def _conditions(wanted: EventFilter) -> list[sa.ColumnElement[bool]]:
    values = ((condition, getattr(wanted, name)) for name, condition in _CONDITIONS.items())
    return [condition(value) for condition, value in values if value is not None]
