"""Reading what the seats of events cost."""

from base64 import b64encode
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlmodel import col

from box_office.database import Database
from box_office.reading import read_rows
from models import Event, EventSeat, EventState, PriceLevel

#: How many seats' price levels a process keeps, over all events: a byte each.
PRICED_SEATS_MAX = 4_000_000


@dataclass(frozen=True, slots=True)
class PriceLevelRow:
    """A price level, and the currency its price counts in."""

    id: UUID
    event_id: UUID
    position: int
    name: str
    price_minor: int
    color: str | None
    currency_code: str


@dataclass(frozen=True)
class SeatPrices:
    """What each seat of an event costs. Settled when the event is published, like its seat map."""

    event_id: UUID
    seat_map_id: UUID
    currency_code: str
    #: By position.
    levels: tuple[PriceLevelRow, ...]
    #: A byte a seat: the position of its price level.
    seat_levels: bytes

    @cached_property
    def seat_levels_base64(self) -> str:
        """Give `seat_levels` as text, made once for all who ask."""
        return b64encode(self.seat_levels).decode("ascii")

    def total_minor(self, seat_indexes: Sequence[int]) -> int:
        """Add up what these seats cost."""
        return sum(self.levels[self.seat_levels[index]].price_minor for index in seat_indexes)


_LEVEL_COLUMNS = (
    col(PriceLevel.id),
    col(PriceLevel.event_id),
    col(PriceLevel.position),
    col(PriceLevel.name),
    col(PriceLevel.price_minor),
    col(PriceLevel.color),
    col(Event.currency_code),
)


async def price_levels_by_ids(database: Database, ids: Sequence[UUID]) -> dict[UUID, PriceLevelRow]:
    """Read price levels of public events."""
    rows = await _price_levels(database, col(PriceLevel.id).in_(ids))
    return {row.id: row for row in rows}


async def price_levels_of_events(
    database: Database, event_ids: Sequence[UUID]
) -> dict[UUID, list[PriceLevelRow]]:
    """Read the price levels of each of these public events, by position."""
    lists: dict[UUID, list[PriceLevelRow]] = {event_id: [] for event_id in event_ids}
    for row in await _price_levels(database, col(PriceLevel.event_id).in_(event_ids)):
        lists[row.event_id].append(row)
    return lists


async def _price_levels(database: Database, wanted: sa.ColumnElement[bool]) -> list[PriceLevelRow]:
    statement = (
        sa.select(*_LEVEL_COLUMNS)
        .join(Event, col(Event.id) == col(PriceLevel.event_id))
        .where(wanted, col(Event.state) != EventState.DRAFT)
        .order_by(col(PriceLevel.event_id), col(PriceLevel.position))
    )
    return [PriceLevelRow(*row) for row in await read_rows(database, statement)]


async def seat_prices_of_events(
    database: Database, event_ids: Sequence[UUID]
) -> dict[UUID, SeatPrices]:
    """Read what every seat of these public events costs. Three statements, however many events."""
    levels = await price_levels_of_events(database, event_ids)
    events = await read_rows(
        database,
        sa.select(col(Event.id), col(Event.seat_map_id), col(Event.currency_code)).where(
            col(Event.id).in_(event_ids), col(Event.state) != EventState.DRAFT
        ),
    )
    in_order = aggregate_order_by(col(EventSeat.price_level), col(EventSeat.seat_index))
    seats = await read_rows(
        database,
        sa.select(col(EventSeat.event_id), sa.func.array_agg(in_order))
        .where(col(EventSeat.event_id).in_(event_ids))
        .group_by(col(EventSeat.event_id)),
    )
    seat_levels = {event_id: bytes(positions) for event_id, positions in seats}
    return {
        event_id: SeatPrices(
            event_id, seat_map_id, currency_code, tuple(levels[event_id]), seat_levels[event_id]
        )
        for event_id, seat_map_id, currency_code in events
        if event_id in seat_levels
    }


class SeatPriceLists:
    """What the seats of the events asked for last cost, kept in memory: it never changes."""

    def __init__(self, database: Database, seats_max: int = PRICED_SEATS_MAX) -> None:
        self._database = database
        self._seats_max = seats_max
        #: Least recently asked for first.
        self._known: OrderedDict[UUID, SeatPrices] = OrderedDict()

    def known(self, event_id: UUID) -> SeatPrices | None:
        """Give the prices of an event at once; None when they are not in memory."""
        prices = self._known.get(event_id)
        if prices is not None:
            self._known.move_to_end(event_id)
        return prices

    async def of_events(self, event_ids: Sequence[UUID]) -> dict[UUID, SeatPrices]:
        """Give the prices of these events; one that is not public is left out."""
        unknown = [event_id for event_id in event_ids if event_id not in self._known]
        found = {key: self._known[key] for key in event_ids if key in self._known}
        if unknown:
            loaded = await seat_prices_of_events(self._database, unknown)
            found.update(loaded)
            self._known.update(loaded)
            self._forget()
        for event_id in found.keys() & self._known.keys():
            self._known.move_to_end(event_id)
        return found

    def _forget(self) -> None:
        while len(self._known) > 1 and self._size() > self._seats_max:
            self._known.popitem(last=False)

    def _size(self) -> int:
        return sum(len(prices.seat_levels) for prices in self._known.values())
