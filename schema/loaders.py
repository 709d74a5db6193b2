"""Loaders: what many fields of one operation ask for, fetched in one statement and remembered.

They live as long as the operation (or one message of a subscription), so nothing is told stale.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar
from uuid import UUID

from strawberry.dataloader import DataLoader

from box_office.boards import BoardView, SeatBoards
from box_office.database import Database
from box_office.event_types import event_types_by_keys
from box_office.events import EventRow
from box_office.hot_events import HotEvents
from box_office.orders import (
    order_ids_by_reservation_ids,
    orders_by_ids,
    tickets_by_ids,
    tickets_by_order_ids,
)
from box_office.performers import performers_by_ids, performers_of_events
from box_office.price_levels import (
    PriceLevelRow,
    SeatPriceLists,
    SeatPrices,
    price_levels_by_ids,
    price_levels_of_events,
)
from box_office.published_seat_maps import (
    SeatMapRow,
    seat_maps_by_ids,
    sections_by_ids,
    sections_of_seat_maps,
)
from box_office.reservations import ReservationRow, reservations_by_ids
from box_office.venues import VenueRow, venues_by_ids
from models import EventType, Order, Performer, Section, Ticket
from schema.soon import Soon

K = TypeVar("K")
V = TypeVar("V")
Fetch = Callable[[Database, Sequence[K]], Awaitable[Mapping[K, V]]]


class Loaders:
    """One operation's loaders. Each begins when it is first asked.

    What a server keeps in memory is given at once, without one; then the operation remembers what
    it was given, so that it tells one story from its beginning to its end.
    """

    def __init__(
        self,
        database: Database,
        boards: SeatBoards,
        seat_price_lists: SeatPriceLists,
        hot_events: HotEvents,
    ) -> None:
        self._database = database
        self._hot_events = hot_events
        self._boards = boards
        self._seat_price_lists = seat_price_lists
        self._views: dict[UUID, BoardView] = {}
        self._event_rows: dict[UUID | str, EventRow] = {}

    def board(self, event_id: UUID) -> Soon[BoardView | None]:
        """Show an event's seats: the first look is the operation's one truth."""
        view = self._views.get(event_id)
        if view is None:
            view = self._boards.seen(event_id)
            if view is None:
                return self._open_board(event_id)
            self._views[event_id] = view
        return view

    async def _open_board(self, event_id: UUID) -> BoardView | None:
        view = await self._boards.view(event_id)
        return None if view is None else self._views.setdefault(event_id, view)

    def event(self, event_id: UUID) -> Soon[EventRow | None]:
        """Give a public event by id."""
        row = self._event_rows.get(event_id) or self._hot_events.fresh_by_id(event_id)
        return self._read_event(self.events, event_id) if row is None else self._pin(event_id, row)

    def event_by_slug(self, slug: str) -> Soon[EventRow | None]:
        """Give a public event by the name in its address."""
        row = self._event_rows.get(slug) or self._hot_events.fresh_by_slug(slug)
        return self._read_event(self.events_by_slug, slug) if row is None else self._pin(slug, row)

    async def _read_event(
        self, loader: DataLoader[Any, EventRow | None], key: UUID | str
    ) -> EventRow | None:
        row = await loader.load(key)
        return None if row is None else self._pin(key, row)

    def _pin(self, key: UUID | str, row: EventRow) -> EventRow:
        """Remember an event; whoever was first is right."""
        return self._event_rows.setdefault(key, row)

    def prices(self, event_id: UUID) -> Soon[SeatPrices | None]:
        """Say what every seat of an event costs."""
        return self._seat_price_lists.known(event_id) or self._read_prices(event_id)

    async def _read_prices(self, event_id: UUID) -> SeatPrices | None:
        return await self.seat_prices.load(event_id)

    @cached_property
    def seat_prices(self) -> DataLoader[UUID, SeatPrices | None]:
        """What every seat of an event costs, by event."""

        async def load(event_ids: list[UUID]) -> list[SeatPrices | None]:
            found = await self._seat_price_lists.of_events(event_ids)
            return [found.get(event_id) for event_id in event_ids]

        return DataLoader(load)

    @cached_property
    def events(self) -> DataLoader[UUID, EventRow | None]:
        """Public events by id."""
        return self._one(self._hot_events.by_ids)

    @cached_property
    def events_by_slug(self) -> DataLoader[str, EventRow | None]:
        """Public events by the name in their address."""
        return self._one(self._hot_events.by_slugs)

    @cached_property
    def event_types(self) -> DataLoader[str, EventType | None]:
        """Kinds of events by key."""
        return self._one(event_types_by_keys)

    @cached_property
    def performers(self) -> DataLoader[UUID, Performer | None]:
        """Performers by id."""
        return self._one(performers_by_ids)

    @cached_property
    def performers_of_event(self) -> DataLoader[UUID, Sequence[Performer]]:
        """Who plays, by event."""
        return self._many(performers_of_events)

    @cached_property
    def venues(self) -> DataLoader[UUID, VenueRow | None]:
        """Venues by id."""
        return self._one(venues_by_ids)

    @cached_property
    def price_levels(self) -> DataLoader[UUID, PriceLevelRow | None]:
        """Price levels of public events by id."""
        return self._one(price_levels_by_ids)

    @cached_property
    def price_levels_of_event(self) -> DataLoader[UUID, Sequence[PriceLevelRow]]:
        """Price levels, by event."""
        return self._many(price_levels_of_events)

    @cached_property
    def seat_maps(self) -> DataLoader[UUID, SeatMapRow | None]:
        """Published seat maps by id, without their layouts."""
        return self._one(seat_maps_by_ids)

    @cached_property
    def sections(self) -> DataLoader[UUID, Section | None]:
        """Sections by id."""
        return self._one(sections_by_ids)

    @cached_property
    def sections_of_seat_map(self) -> DataLoader[UUID, Sequence[Section]]:
        """Sections, by seat map."""
        return self._many(sections_of_seat_maps)

    @cached_property
    def reservations(self) -> DataLoader[UUID, ReservationRow | None]:
        """Reservations by id, whoever's they are: `Reservation.load` asks whose."""
        return self._one(reservations_by_ids)

    @cached_property
    def order_id_of_reservation(self) -> DataLoader[UUID, UUID | None]:
        """Which order a reservation became, by reservation."""
        return self._one(order_ids_by_reservation_ids)

    @cached_property
    def orders(self) -> DataLoader[UUID, Order | None]:
        """Orders by id, whoever's they are: `Order.load` asks whose."""
        return self._one(orders_by_ids)

    @cached_property
    def tickets(self) -> DataLoader[UUID, Ticket | None]:
        """Tickets by id, whoever's they are: `Ticket.load` asks whose."""
        return self._one(tickets_by_ids)

    @cached_property
    def tickets_of_order(self) -> DataLoader[UUID, Sequence[Ticket]]:
        """Tickets, by order."""
        return self._many(tickets_by_order_ids)

    def _one(self, fetch: Fetch[K, V]) -> DataLoader[K, V | None]:
        async def load(keys: list[K]) -> list[V | None]:
            found = await fetch(self._database, keys)
            return [found.get(key) for key in keys]

        return DataLoader(load)

    def _many(self, fetch: Fetch[K, Sequence[V]]) -> DataLoader[K, Sequence[V]]:
        async def load(keys: list[K]) -> list[Sequence[V]]:
            found = await fetch(self._database, keys)
            return [found.get(key, ()) for key in keys]

        return DataLoader(load)
