"""A venue's seat maps: publishing them, and where every seat is. A published one never changes."""

from __future__ import annotations

import asyncio
import math
from array import array
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from itertools import repeat
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import available_timezones

import asyncpg
import sqlalchemy as sa
from babel import Locale
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from box_office.database import Database
from box_office.refusals import InvalidInput, Refusal
from box_office.seating_plan import PlanSection, SeatingPlan, layout_of
from box_office.storable import check_words
from models import SeatMap, Section, SectionKind, Venue, new_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: For the work of organisers, which moves a hundred thousand rows at once. Sales have far less.
BULK_TIMEOUT_SECONDS = 60
VENUE_NAME_LENGTH_MAX = 200
CITY_LENGTH_MAX = 100
ADDRESS_LENGTH_MAX = 400
_LAYOUT_HASH_LENGTH = 16
_COUNTRY_LENGTH = 2
_TERRITORIES = Locale("en").territories

#: How many seats' geometry a process keeps, over all seat maps: about 40 bytes each.
GEOMETRY_SEATS_MAX = 1_000_000


async def publish_seat_map(session: AsyncSession, venue: Venue, plan: SeatingPlan) -> SeatMap:
    """Store a plan as the next version of a venue's seat map. The caller commits."""
    await allow_bulk_work(session)
    seat_map = SeatMap(
        venue_id=venue.id,
        version=await _next_version(session, venue),
        name=plan.name,
        width=plan.width,
        height=plan.height,
        seat_count=plan.seat_count,
        layout=(layout := layout_of(plan)),
        layout_hash=sha256(layout).hexdigest()[:_LAYOUT_HASH_LENGTH],
    )
    session.add(seat_map)
    await session.flush()
    sections = [
        _section(seat_map, position, section) for position, section in enumerate(plan.sections)
    ]
    session.add_all(sections)
    await session.flush()
    await copy_rows(session, "seats", _SEAT_COLUMN_NAMES, _seat_rows(sections, plan))
    return seat_map


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVenue:
    """A venue to be found by its name and city, or made."""

    name: str
    city: str
    #: ISO 3166, such as GB.
    country_code: str
    #: IANA name, such as Europe/London.
    time_zone: str
    address: str | None = None


async def find_or_make_venue(session: AsyncSession, new: NewVenue) -> Venue | list[Refusal]:
    """Find the venue, or make it. One that is known in another time zone or country is refused."""
    refusals = [*_check_venue(new)]
    if refusals:
        return refusals
    await allow_bulk_work(session)
    values = {
        "id": new_id(),
        "name": new.name.strip(),
        "city": new.city.strip(),
        "country_code": new.country_code,
        "time_zone": new.time_zone,
        "address": new.address,
    }
    await session.exec(insert(Venue).values(values).on_conflict_do_nothing())
    known = await session.exec(
        select(Venue).where(col(Venue.name) == values["name"], col(Venue.city) == values["city"])
    )
    venue = known.one()
    if venue.time_zone != new.time_zone:
        refusals.append(_invalid(f"{venue.name} keeps the time of {venue.time_zone}.", "time_zone"))
    if venue.country_code != new.country_code:
        refusals.append(_invalid(f"{venue.name} is in {venue.country_code}.", "country_code"))
    return refusals or venue


def _check_venue(new: NewVenue) -> Iterator[Refusal]:
    yield from check_words(new.name, VENUE_NAME_LENGTH_MAX, "name")
    yield from check_words(new.city, CITY_LENGTH_MAX, "city")
    if new.address is not None:
        yield from check_words(new.address, ADDRESS_LENGTH_MAX, "address")
    if len(new.country_code) != _COUNTRY_LENGTH or new.country_code not in _TERRITORIES:
        yield _invalid(
            f"{new.country_code!r} is no country; write its ISO 3166 code, such as GB.",
            "country_code",
        )
    if new.time_zone not in available_timezones():
        yield _invalid(
            f"{new.time_zone!r} is no time zone; write its IANA name, such as Europe/London.",
            "time_zone",
        )


def _invalid(message: str, *path: str) -> Refusal:
    return InvalidInput(message=message, path=path)


async def allow_bulk_work(session: AsyncSession) -> None:
    """Give this transaction the time that a hundred thousand rows take, its own and others'."""
    connection = await session.connection()
    for setting in ("statement_timeout", "lock_timeout"):
        await connection.execute(sa.text(f"SET LOCAL {setting} = '{BULK_TIMEOUT_SECONDS}s'"))


async def copy_rows(
    session: AsyncSession,
    table: str,
    columns: Sequence[str],
    rows: Iterator[tuple[object, ...]],
) -> None:
    """Write many rows by COPY, ten times quicker than INSERT, within the session's transaction."""
    connection = await session.connection()
    driver = (await connection.get_raw_connection()).driver_connection
    assert isinstance(driver, asyncpg.Connection), "onsale speaks to PostgreSQL through asyncpg"
    await driver.copy_records_to_table(table, columns=list(columns), records=rows)


async def _next_version(session: AsyncSession, venue: Venue) -> int:
    """Count the venue's seat maps. Its row is locked: two at once get two numbers."""
    await session.exec(
        select(Venue.id).where(col(Venue.id) == venue.id).with_for_update(key_share=True)
    )
    versions = select(sa.func.max(SeatMap.version)).where(col(SeatMap.venue_id) == venue.id)
    return ((await session.exec(versions)).one() or 0) + 1


def _section(seat_map: SeatMap, position: int, section: PlanSection) -> Section:
    outline = section.outline
    return Section(
        seat_map_id=seat_map.id,
        position=position,
        name=section.name,
        kind=section.kind,
        capacity=section.capacity,
        first_seat_index=section.first_seat_index,
        category=section.category,
        outline=None if outline is None else [[x, y] for x, y in outline],
    )


_SEAT_COLUMN_NAMES = (
    *("seat_map_id", "seat_index", "section_id", "row", "number"),
    *("x", "y", "accessible", "category"),
)


def _seat_rows(sections: Sequence[Section], plan: SeatingPlan) -> Iterator[tuple[object, ...]]:
    for section in sections:
        if section.kind is SectionKind.GENERAL_ADMISSION:
            continue  # It has a capacity, and no rows here.
        first = section.first_seat_index
        for index in range(first, first + section.capacity):
            yield (
                *(section.seat_map_id, index, section.id, plan.rows[index], plan.numbers[index]),
                *(plan.xs[index], plan.ys[index], plan.accessible[index]),
                plan.seat_categories[index],
            )


@dataclass(frozen=True, slots=True)
class SectionGeometry:
    """A section of a published seat map. Its seats are first_seat_index, and so on, `capacity`."""

    id: UUID
    position: int
    name: str
    kind: SectionKind
    capacity: int
    first_seat_index: int
    #: A closed polygon in the units of the plan.
    outline: tuple[tuple[float, float], ...] | None


@dataclass(frozen=True, slots=True)
class SeatGeometry:
    """Where every seat of a published seat map is: one column a fact, by seat index.

    General admission has no row, number and place: None in `rows` and `numbers`, and x(), y() say
    None.
    """

    seat_map_id: UUID
    seat_count: int
    sections: tuple[SectionGeometry, ...]
    #: Position in `sections`.
    section_positions: array[int]
    rows: tuple[str | None, ...]
    numbers: tuple[str | None, ...]
    #: NaN where there is no place.
    xs: array[float]
    ys: array[float]
    #: A byte a seat: 1 for a place that a wheelchair can use.
    accessible: bytes

    def x(self, seat_index: int) -> float | None:
        """Give the seat's place from the left; None in general admission."""
        x = self.xs[seat_index]
        return None if math.isnan(x) else x

    def y(self, seat_index: int) -> float | None:
        """Give the seat's place from the top; None in general admission."""
        y = self.ys[seat_index]
        return None if math.isnan(y) else y

    def is_accessible(self, seat_index: int) -> bool:
        """Tell whether a wheelchair can use the seat's place."""
        return self.accessible[seat_index] == 1


class SeatGeometries:
    """The geometry of the seat maps asked for last, kept in memory: published maps never change."""

    def __init__(self, database: Database, seats_max: int = GEOMETRY_SEATS_MAX) -> None:
        self._database = database
        self._seats_max = seats_max
        self._seats = 0
        #: Least recently asked for first.
        self._known: OrderedDict[UUID, SeatGeometry] = OrderedDict()
        self._loading: dict[UUID, asyncio.Task[SeatGeometry]] = {}

    async def get(self, seat_map_id: UUID) -> SeatGeometry:
        """Give a seat map's geometry. Whoever asks while it is being loaded waits for that load."""
        known = self._known.get(seat_map_id)
        if known is not None:
            self._known.move_to_end(seat_map_id)
            return known
        loading = self._loading.get(seat_map_id)
        if loading is None:
            loading = asyncio.create_task(self._load(seat_map_id))
            loading.add_done_callback(_look_at_failure)
            self._loading[seat_map_id] = loading
        # Shielded: one reader who gives up takes nothing from the others.
        return await asyncio.shield(loading)

    async def _load(self, seat_map_id: UUID) -> SeatGeometry:
        try:
            geometry = await load_seat_geometry(self._database, seat_map_id)
        finally:
            del self._loading[seat_map_id]
        self._keep(geometry)
        return geometry

    def _keep(self, geometry: SeatGeometry) -> None:
        self._known[geometry.seat_map_id] = geometry
        self._seats += geometry.seat_count
        while self._seats > self._seats_max and self._known:
            _, forgotten = self._known.popitem(last=False)
            self._seats -= forgotten.seat_count


def _look_at_failure(loading: asyncio.Task[SeatGeometry]) -> None:
    """Take note of a failed load, so that asyncio does not warn when every reader has gone."""
    if not loading.cancelled():
        loading.exception()


async def load_seat_geometry(database: Database, seat_map_id: UUID) -> SeatGeometry:
    """Read where every seat of a seat map is. Raises LookupError when there is no such seat map."""
    async with database.session() as session:
        found = await session.exec(
            select(Section)
            .where(col(Section.seat_map_id) == seat_map_id)
            .order_by(col(Section.position))
        )
        sections = tuple(_section_geometry(section) for section in found.all())
        connection = await session.connection()
        columns = (await connection.execute(_SEAT_COLUMNS, {"seat_map_id": seat_map_id})).one()
    if not sections:
        raise LookupError(f"There is no seat map {seat_map_id}.")
    return _seat_geometry(seat_map_id, sections, _SeatColumns(*columns))


#: One row of arrays: the driver reads that many times faster than a row a seat.
_SEAT_COLUMNS = sa.text("""
    SELECT coalesce(array_agg(seat_index), '{}'), coalesce(array_agg("row"), '{}'),
           coalesce(array_agg("number"), '{}'), coalesce(array_agg(x), '{}'),
           coalesce(array_agg(y), '{}'), coalesce(array_agg(accessible), '{}')
      FROM (SELECT * FROM seats WHERE seat_map_id = :seat_map_id ORDER BY seat_index) AS ordered
""")


@dataclass(frozen=True, slots=True)
class _SeatColumns:
    """The numbered seats as they are stored."""

    seat_indexes: Sequence[int]
    rows: Sequence[str]
    numbers: Sequence[str]
    xs: Sequence[float]
    ys: Sequence[float]
    accessible: Sequence[bool]


def _section_geometry(section: Section) -> SectionGeometry:
    return SectionGeometry(
        id=section.id,
        position=section.position,
        name=section.name,
        kind=section.kind,
        capacity=section.capacity,
        first_seat_index=section.first_seat_index,
        outline=None if section.outline is None else tuple((x, y) for x, y in section.outline),
    )


def _seat_geometry(
    seat_map_id: UUID, sections: tuple[SectionGeometry, ...], seats: _SeatColumns
) -> SeatGeometry:
    seat_count = sum(section.capacity for section in sections)
    section_positions = array("H")
    for position, section in enumerate(sections):
        section_positions.extend(repeat(position, section.capacity))
    rows: list[str | None] = [None] * seat_count
    numbers: list[str | None] = [None] * seat_count
    xs, ys = (array("d", repeat(math.nan, seat_count)) for _ in range(2))
    accessible = bytearray(seat_count)
    known: dict[str, str] = {}  # A thousand seats have the number 12: one text for all of them.
    for place, index in enumerate(seats.seat_indexes):
        rows[index] = known.setdefault(seats.rows[place], seats.rows[place])
        numbers[index] = known.setdefault(seats.numbers[place], seats.numbers[place])
        xs[index], ys[index] = seats.xs[place], seats.ys[place]
        accessible[index] = seats.accessible[place]
    return SeatGeometry(
        seat_map_id=seat_map_id,
        seat_count=seat_count,
        sections=sections,
        section_positions=section_positions,
        rows=tuple(rows),
        numbers=tuple(numbers),
        xs=xs,
        ys=ys,
        accessible=bytes(accessible),
    )
