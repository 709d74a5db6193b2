"""Putting an event on sale on a seat map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from slugify import slugify
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from box_office.crash_points import CrashPoint, passing
from box_office.database import Database
from box_office.money import AmountError, is_known_currency, to_minor
from box_office.refusals import InvalidInput, Refusal
from box_office.search_text import search_text_of
from box_office.seat_maps import allow_bulk_work
from box_office.storable import check_words
from models import (
    Event,
    EventLedger,
    EventPerformer,
    EventState,
    EventType,
    Performer,
    PriceLevel,
    SeatMap,
    SeatStatus,
    Venue,
    new_id,
)

RESERVATION_SECONDS = 600
RESERVATION_SECONDS_MAX = 86_400
SEATS_PER_BUYER = 10
#: A seat names its price level by one byte.
PRICE_LEVELS_MAX = 256
PERFORMERS_MAX = 100
TITLE_LENGTH_MAX = 200
DESCRIPTION_LENGTH_MAX = 10_000
NAME_LENGTH_MAX = 200
TYPE_NAME_LENGTH_MAX = 100
TYPE_KEY_LENGTH_MAX = 40
IMAGE_URL_LENGTH_MAX = 2_000
COLOR_LENGTH_MAX = 32
#: Leaves room in the column for the number that makes it unique.
SLUG_LENGTH_MAX = 110


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPrice:
    """What the seats of a category cost. Categories of one label and price share a level."""

    category: str
    #: As people write it: 12.50.
    amount: str
    #: The price level's name; the category's own when there is none.
    label: str | None = None
    color: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event to be. The moments have an offset."""

    seat_map_id: UUID
    title: str
    type_name: str
    starts_at: datetime
    ends_at: datetime
    currency_code: str
    #: In the order in which people read them.
    prices: tuple[NewPrice, ...]
    description: str | None = None
    image_url: str | None = None
    performers: tuple[str, ...] = ()
    state: EventState = EventState.PUBLISHED
    sales_open_at: datetime | None = None
    #: None: until the event starts.
    sales_close_at: datetime | None = None
    reservation_seconds: int = RESERVATION_SECONDS
    seats_per_buyer_max: int = SEATS_PER_BUYER
    #: Not for sale: the seats of the house, broken ones.
    blocked_seat_indexes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Level:
    """A price level to be, and the categories whose seats get it."""

    name: str
    price_minor: int
    color: str | None
    categories: list[str]


async def publish_event(session: AsyncSession, new: NewEvent) -> Event | list[Refusal]:
    """Put an event on sale: the event and a row for each of its seats. The caller commits.

    After the commit `analyze_seats` tells PostgreSQL's planner about the new seats.
    """
    refusals = check_event(new)
    seat_map = await session.get(SeatMap, new.seat_map_id)
    if seat_map is None:
        return [*refusals, _invalid("There is no such seat map; publish one first.", "seat_map")]
    refusals += await _check_seats(session, new, seat_map)
    if refusals:
        return refusals
    await allow_bulk_work(session)
    levels, _ = _read_prices(new)
    event = await _insert_event(session, new, seat_map)
    await _bill_performers(session, event, new.performers)
    for position, level in enumerate(levels):
        session.add(_price_level(event, position, level))
    await session.flush()
    await _lay_out_seats(session, event, levels, new.blocked_seat_indexes)
    session.add(_ledger(event, seat_map.seat_count, len(new.blocked_seat_indexes)))
    await session.flush()
    passing(CrashPoint.PUBLISHING)
    return event


def check_event(new: NewEvent) -> list[Refusal]:
    """Say all that is wrong with an event in itself, whatever seat map it is for."""
    refusals: list[Refusal] = [*_check_words(new), *_check_times(new), *_check_numbers(new)]
    _, refused = _read_prices(new)
    return refusals + refused


async def analyze_seats(database: Database) -> None:
    """Tell PostgreSQL's planner how many seats there are now, after the commit that made them.

    On its own and without waiting: it locks out other runs of itself until its transaction ends,
    which must neither queue publishers nor fail an event that is on sale already. When it is
    skipped, autovacuum does it within a minute.
    """
    passing(CrashPoint.PUBLISHED)
    async with database.engine.connect() as connection:
        alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await alone.execute(sa.text("ANALYZE (SKIP_LOCKED) event_seats, event_ledgers, events"))


def _invalid(message: str, *path: str) -> InvalidInput:
    return InvalidInput(message=message, path=path)


def _check_words(new: NewEvent) -> Iterator[Refusal]:
    yield from check_words(new.title, TITLE_LENGTH_MAX, "title")
    yield from check_words(new.type_name, TYPE_NAME_LENGTH_MAX, "type")
    if new.type_name.strip() and not _type_key(new.type_name):
        yield _invalid("An event type's name needs a letter or digit.", "type")
    if new.description is not None:
        yield from check_words(new.description, DESCRIPTION_LENGTH_MAX, "description")
    if new.image_url is not None:
        yield from check_words(new.image_url, IMAGE_URL_LENGTH_MAX, "image_url")
    if len(new.performers) > PERFORMERS_MAX:
        yield _invalid(f"An event has at most {PERFORMERS_MAX} performers.", "performers")
    for index, name in enumerate(new.performers):
        yield from check_words(name, NAME_LENGTH_MAX, "performers", str(index))


def _check_times(new: NewEvent) -> Iterator[Refusal]:
    moments = {
        "starts_at": new.starts_at,
        "ends_at": new.ends_at,
        "sales_open_at": new.sales_open_at,
        "sales_close_at": new.sales_close_at,
    }
    naive = [name for name, moment in moments.items() if moment and moment.utcoffset() is None]
    for name in naive:
        yield _invalid("Say the offset from UTC with it, such as +02:00.", name)
    if naive:
        return
    if new.ends_at < new.starts_at:
        yield _invalid("The event ends before it starts.", "ends_at")
    closes_at = new.sales_close_at or new.starts_at
    if new.sales_open_at is not None and new.sales_open_at >= closes_at:
        yield _invalid("Sales open only after they close; open them earlier.", "sales_open_at")


def _check_numbers(new: NewEvent) -> Iterator[Refusal]:
    if not 1 <= new.reservation_seconds <= RESERVATION_SECONDS_MAX:
        yield _invalid(
            f"Seats are held for 1 to {RESERVATION_SECONDS_MAX} seconds.", "reservation_seconds"
        )
    if new.seats_per_buyer_max < 1:
        yield _invalid("A buyer may have at least 1 seat.", "seats_per_buyer_max")
    if not is_known_currency(new.currency_code):
        yield _invalid(
            f"{new.currency_code!r} is no currency; write its ISO 4217 code, such as EUR.",
            "currency_code",
        )


def _read_prices(new: NewEvent) -> tuple[list[_Level], list[Refusal]]:
    """Read the price levels, and what is wrong with them."""
    levels: dict[str, _Level] = {}
    refusals: list[Refusal] = []
    if not is_known_currency(new.currency_code):
        return [], []  # Which is refused already; without it no amount can be read.
    for price in new.prices:
        path = ("prices", price.category)
        name = (price.label or price.category).strip()
        refusals += check_words(name, NAME_LENGTH_MAX, *path)
        try:
            minor = to_minor(price.amount, new.currency_code)
        except AmountError as error:
            refusals.append(_invalid(str(error), *path))
            continue
        color = (price.color or "")[:COLOR_LENGTH_MAX] or None
        level = levels.setdefault(name, _Level(name, minor, color, []))
        level.categories.append(price.category)
        if level.price_minor != minor:
            refusals.append(
                _invalid(f"{name!r} has two prices; give it one, or two labels.", *path)
            )
    if len(levels) > PRICE_LEVELS_MAX:
        refusals.append(
            _invalid(f"{len(levels)} price levels; at most {PRICE_LEVELS_MAX} work.", "prices")
        )
    return list(levels.values()), refusals


async def _check_seats(session: AsyncSession, new: NewEvent, seat_map: SeatMap) -> list[Refusal]:
    """Every category has one price, and blocked seats are seats."""
    used = await _categories_of(session, seat_map.id)
    priced = [price.category for price in new.prices]
    refusals: list[Refusal] = [
        _invalid(f"Give {category!r} a price.", "prices", category)
        for category in used
        if category not in priced
    ]
    for category in dict.fromkeys(priced):
        if category not in used:
            refusals.append(_invalid(f"No seat has the category {category!r}.", "prices", category))
        if priced.count(category) > 1:
            refusals.append(_invalid(f"{category!r} has two prices.", "prices", category))
    blocked = new.blocked_seat_indexes
    if len(set(blocked)) < len(blocked) or not all(
        0 <= index < seat_map.seat_count for index in blocked
    ):
        last = seat_map.seat_count - 1
        refusals.append(_invalid(f"Block seats of 0 to {last}, each once.", "blocked_seat_indexes"))
    return refusals


async def _categories_of(session: AsyncSession, seat_map_id: UUID) -> list[str]:
    connection = await session.connection()
    found = await connection.execute(_CATEGORIES, {"seat_map_id": seat_map_id})
    return [row.category for row in found]


#: The places of a seat map, each with its category: its seats, and general admission counted out.
_PLACES = """
    SELECT seat_index, category FROM seats WHERE seat_map_id = :seat_map_id
    UNION ALL
    SELECT generate_series(first_seat_index, first_seat_index + capacity - 1), category
      FROM sections WHERE seat_map_id = :seat_map_id AND kind = 'GENERAL_ADMISSION'
"""
_CATEGORIES = sa.text(f"""
    SELECT category FROM ({_PLACES}) AS places GROUP BY category ORDER BY min(seat_index)
""")  # noqa: S608 - made of the constant above.


async def _insert_event(session: AsyncSession, new: NewEvent, seat_map: SeatMap) -> Event:
    venue = await session.get_one(Venue, seat_map.venue_id)
    type_key = await _find_or_make_type(session, new.type_name)
    event = Event(
        slug="",
        title=new.title.strip(),
        description=new.description,
        type_key=type_key,
        venue_id=venue.id,
        seat_map_id=seat_map.id,
        image_url=new.image_url,
        starts_at=new.starts_at,
        ends_at=new.ends_at,
        state=new.state,
        sales_open_at=new.sales_open_at,
        sales_close_at=new.sales_close_at,
        currency_code=new.currency_code,
        reservation_seconds=new.reservation_seconds,
        seats_per_buyer_max=new.seats_per_buyer_max,
        search_text=search_text_of(
            *(new.title, new.description, new.type_name, *new.performers, venue.name, venue.city)
        ),
    )
    await _insert_with_free_slug(session, event)
    return await session.get_one(Event, event.id)


async def _insert_with_free_slug(session: AsyncSession, event: Event) -> None:
    """Insert the event under a slug of its own; who publishes the same title now waits here."""
    wanted = slugify(event.title, max_length=SLUG_LENGTH_MAX, word_boundary=True) or "event"
    while True:
        like = col(Event.slug).like(f"{wanted}%")
        taken = set((await session.exec(select(Event.slug).where(like))).all())
        slug = _first_free(wanted, taken)
        values = event.model_dump() | {"slug": slug}
        statement = insert(Event).values(values).on_conflict_do_nothing(index_elements=["slug"])
        if (await session.exec(statement.returning(col(Event.id)))).first() is not None:
            return


def _first_free(wanted: str, taken: set[str]) -> str:
    number, slug = 1, wanted
    while slug in taken:
        number += 1
        slug = f"{wanted}-{number}"
    return slug


async def _find_or_make_type(session: AsyncSession, name: str) -> str:
    key = _type_key(name)
    statement = insert(EventType).values(key=key, name=name.strip())
    await session.exec(statement.on_conflict_do_nothing())
    return key


def _type_key(name: str) -> str:
    return slugify(name, max_length=TYPE_KEY_LENGTH_MAX)


async def _bill_performers(session: AsyncSession, event: Event, performers: Sequence[str]) -> None:
    """Put the performers on the event's bill, in order; unknown ones are made."""
    names = list(dict.fromkeys(name.strip() for name in performers))
    if not names:
        return
    # In the order of names: two publishers wait for each other at most one way round.
    rows = [{"id": new_id(), "name": name} for name in sorted(names)]
    await session.exec(insert(Performer).values(rows).on_conflict_do_nothing())
    known = await session.exec(select(Performer).where(col(Performer.name).in_(names)))
    ids = {performer.name: performer.id for performer in known}
    for position, name in enumerate(names):
        session.add(EventPerformer(event_id=event.id, performer_id=ids[name], position=position))


def _price_level(event: Event, position: int, level: _Level) -> PriceLevel:
    return PriceLevel(
        event_id=event.id,
        position=position,
        name=level.name,
        price_minor=level.price_minor,
        color=level.color,
    )


def _ledger(event: Event, seat_count: int, blocked: int) -> EventLedger:
    return EventLedger(
        event_id=event.id, seat_count=seat_count, available=seat_count - blocked, blocked=blocked
    )


async def _lay_out_seats(
    session: AsyncSession, event: Event, levels: Sequence[_Level], blocked: Sequence[int]
) -> None:
    """Make a row for every seat, within the database and in the order they will be asked for."""
    priced = [
        (category, position)
        for position, level in enumerate(levels)
        for category in level.categories
    ]
    connection = await session.connection()
    await connection.execute(
        _LAY_OUT_SEATS,
        {
            "event_id": event.id,
            "seat_map_id": event.seat_map_id,
            "categories": [category for category, _ in priced],
            "positions": [position for _, position in priced],
            "blocked": list(blocked),
            "is_available": SeatStatus.AVAILABLE.value,
            "is_blocked": SeatStatus.BLOCKED.value,
        },
    )


_LAY_OUT_SEATS = sa.text(f"""
    INSERT INTO event_seats (event_id, seat_index, state, price_level)
    SELECT CAST(:event_id AS uuid), places.seat_index,
           CASE WHEN places.seat_index = ANY (CAST(:blocked AS integer[]))
                THEN CAST(:is_blocked AS smallint) ELSE CAST(:is_available AS smallint) END,
           priced.position
      FROM ({_PLACES}) AS places
      JOIN unnest(CAST(:categories AS text[]), CAST(:positions AS smallint[]))
           AS priced (category, position) USING (category)
     ORDER BY places.seat_index
""")  # noqa: S608 - made of the constant above.
