"""Events, as clients find and see them."""

from __future__ import annotations

from datetime import date, datetime
from enum import Enum
from typing import Annotated
from uuid import UUID

import strawberry

import box_office.events as reading
from box_office.events import SEARCH_WORDS_MAX, EventRow, words_of
from box_office.hot_events import HOT_EVENTS_MAX
from schema.availability import Availability
from schema.context import Context, Info
from schema.enums import EventSortKey, EventStatus, SeatStatus
from schema.errors import bad_input, storable
from schema.event_types import EventType
from schema.ids import NodeKind, encode_id, key_of
from schema.list_sizes import HALL_SEATS, list_field
from schema.nodes import Node
from schema.pagination import CursorKind
from schema.performers import Performer
from schema.prices import PriceLevel
from schema.scalars import CurrencyCode, SeatPriceLevels, TimeZone
from schema.seat_columns import SeatColumns
from schema.seat_facts import SeatFacts
from schema.seat_maps import SeatMap
from schema.seats import EventSeat, Seating
from schema.soon import Soon, soon_field, then
from schema.venues import Venue

#: Hot events as they are shown, by their keys. Everybody asks for them; their rows change seldom.
_SHOWN: dict[UUID, Event] = {}


@strawberry.enum
class SortDirection(Enum):
    """Which end of a list comes first."""

    ASC = "ASC"
    """From early to late, from A to Z."""
    DESC = "DESC"
    """From late to early, from Z to A."""


@strawberry.input(one_of=True)
class EventBy:
    """How to find one event: by exactly one of these."""

    id: strawberry.ID | None = strawberry.UNSET
    """Its id."""
    slug: str | None = strawberry.UNSET
    """The name in its address, such as `hamlet-2026-11-20`."""

    def find(self, context: Context) -> Soon[Event | None]:
        """Find the event that is meant; GraphQL has seen to it that one of the two is given."""
        slug = storable(self.slug or None, "slug")
        if slug is not None:
            return Event.load_by_slug(context, slug)
        key = key_of(self.id or "", NodeKind.EVENT)
        return None if key is None else Event.load(context, key)


@strawberry.input
class EventFilter:
    """Which events are wanted. All given conditions hold together; an empty filter wants all."""

    search: str | None = None
    """Words or parts of words, in any order, all of which occur in title, description, performer,
    venue or city. Capitals and accents do not matter: `cafe` finds `Café`. At most 10 words."""
    starts_from: datetime | None = None
    """Starts at this moment or later."""
    starts_before: datetime | None = None
    """Starts before this moment."""
    on_date: date | None = None
    """Starts on this day, by the clock on the venue's wall."""
    type_key: str | None = None
    """Is of this kind: a `key` of `eventTypes`."""
    performer_id: strawberry.ID | None = None
    """This performer plays, perhaps among others: a `Performer.id`."""
    venue_id: strawberry.ID | None = None
    """Takes place at this venue: a `Venue.id`."""
    city: str | None = None
    """Takes place in this city; capitals do not matter."""
    available: bool | None = None
    """True: it is on sale now and at least one seat is free. False: one of the two is not so."""

    def wanted(self) -> reading.EventFilter:
        """Read what the client wants. Refuses ids of other things, and too many words."""
        return reading.EventFilter(
            search=_words(self.search),
            starts_from=self.starts_from,
            starts_before=self.starts_before,
            on_date=self.on_date,
            type_key=storable(self.type_key, "typeKey"),
            performer_id=_key(self.performer_id, NodeKind.PERFORMER, "performerId"),
            venue_id=_key(self.venue_id, NodeKind.VENUE, "venueId"),
            city=storable(self.city, "city"),
            available=self.available,
        )


def _words(search: str | None) -> str | None:
    if len(words_of(search or "")) > SEARCH_WORDS_MAX:
        raise bad_input(f"`search` takes at most {SEARCH_WORDS_MAX} words.")
    return storable(search, "search")


def _key(given: str | None, kind: NodeKind, argument: str) -> UUID | None:
    if given is None:
        return None
    key = key_of(given, kind)
    if key is None:
        raise bad_input(f"`{argument}` is no id of a {kind}; send `id` of a {kind} as you got it.")
    return key


@strawberry.input
class EventSort:
    """How events are sorted."""

    by: EventSortKey = EventSortKey.STARTS_AT
    """By what."""
    direction: SortDirection = SortDirection.ASC
    """Which end comes first."""

    def wanted(self) -> reading.EventSort:
        """Read what the client wants."""
        return reading.EventSort(self.by, descending=self.direction is SortDirection.DESC)

    def cursors(self) -> CursorKind:
        """Name the cursors of a list sorted like this: they fit no other."""
        value = datetime if self.by is EventSortKey.STARTS_AT else str
        return CursorKind(f"events {self.by.value} {self.direction.value}", value)


@strawberry.type
class Event(Node):
    """One performance that tickets are sold for: a date, a house, and a price for every seat."""

    key: strawberry.Private[UUID]
    row: strawberry.Private[EventRow]
    slug: str
    """Its name in an address, such as `hamlet-2026-11-20`; `event(by: {slug: …})` finds it."""
    title: str
    """What is on."""
    description: str | None
    """What to expect, in plain text."""
    image_url: str | None
    """A picture for it."""
    starts_at: datetime
    """When it starts. To show it, use `timeZone`."""
    time_zone: TimeZone
    """The venue's time zone, in which its times are to be shown."""
    status: EventStatus
    """Where it stands: whether it is on sale, by the server's clock."""
    sales_open_at: datetime | None
    """When the sale opens; null: with its publication."""
    sales_close_at: datetime | None
    """When the sale closes; null: when the event starts."""
    currency_code: CurrencyCode
    """The currency of all its prices."""
    reservation_seconds: int
    """How long reserved seats are held for their buyer, in seconds."""
    seats_per_buyer_max: int
    """How many seats one buyer may have, reserved and bought together."""

    @strawberry.field
    async def type(self, info: Info) -> EventType:
        """Its kind: concert, theatre and so on."""
        row = await info.context.loaders.event_types.load(self.row.type_key)
        if row is None:
            raise LookupError(f"There is no event type {self.row.type_key}.")
        return EventType.of(row)

    @strawberry.field
    async def performers(self, info: Info) -> list[Performer]:
        """Who plays, in the order of the bill."""
        rows = await info.context.loaders.performers_of_event.load(self.key)
        return [Performer.of(row) for row in rows]

    @strawberry.field
    async def venue(self, info: Info) -> Venue:
        """Where it takes place."""
        venue = await Venue.load(info.context, self.row.venue_id)
        if venue is None:
            raise LookupError(f"There is no venue {self.row.venue_id}.")
        return venue

    @strawberry.field
    async def price_levels(self, info: Info) -> list[PriceLevel]:
        """Its price list.

        The position in this list, from 0, is what `seatPriceLevels` says of each seat.
        """
        rows = await info.context.loaders.price_levels_of_event.load(self.key)
        return [PriceLevel.of(row) for row in rows]

    @strawberry.field
    async def seat_map(self, info: Info) -> SeatMap:
        """Where its seats are. The map of an event never changes once it is published."""
        seat_map = await SeatMap.load(info.context, self.row.seat_map_id)
        if seat_map is None:
            raise LookupError(f"There is no seat map {self.row.seat_map_id}.")
        return seat_map

    @soon_field(SeatPriceLevels)
    def seat_price_levels(self, info: Info) -> Soon[SeatPriceLevels]:
        """Price level of every seat by its index. It never changes: fetch it once."""
        prices = info.context.prices_of_public(self.key)
        return then(prices, lambda prices: SeatPriceLevels(prices.seat_levels_base64))

    @soon_field(Availability)
    def availability(self, info: Info) -> Soon[Availability]:
        """Which of its seats are free. Follow it with the subscription `seatAvailability`."""
        return then(info.context.board_of_public(self.key), Availability.of)

    @list_field(at_most=HALL_SEATS, graphql_type=list[EventSeat])
    def seats(
        self,
        info: Info,
        section_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(
                description="Only the seats of this section. An id that is none of a section of"
                " this event's seat map is refused with BAD_USER_INPUT."
            ),
        ] = None,
        status: Annotated[
            SeatStatus | None,
            strawberry.argument(description="Only seats that have this status."),
        ] = None,
    ) -> Soon[SeatColumns]:
        """Its seats as ordinary objects, by index.

        They are at the same version as `availability` of the same operation. Good for exploring, or
        for a section at a time. A house of 20,000 is megabytes like this; `seatMap.layoutUrl` and
        `availability.states` say the same in kilobytes.
        """

        def show(seating: Seating) -> SeatColumns:
            seats = SeatColumns(seating, _indexes(seating.facts, section_id), status)
            info.context.show_seats(len(seats))
            return seats

        return then(Seating.of(info.context, self), show)

    @classmethod
    def of(cls, row: EventRow) -> Event:
        """Show an event that was read."""
        return cls(
            id=encode_id(NodeKind.EVENT, row.id),
            key=row.id,
            row=row,
            slug=row.slug,
            title=row.title,
            description=row.description,
            image_url=row.image_url,
            starts_at=row.starts_at,
            time_zone=TimeZone(row.time_zone),
            status=row.status,
            sales_open_at=row.sales_open_at,
            sales_close_at=row.sales_close_at,
            currency_code=CurrencyCode(row.currency_code),
            reservation_seconds=row.reservation_seconds,
            seats_per_buyer_max=row.seats_per_buyer_max,
        )

    @classmethod
    def load(cls, context: Context, key: UUID) -> Soon[Event | None]:
        """Find a public event by its key."""
        return then(context.loaders.event(key), cls._found)

    @classmethod
    def load_by_slug(cls, context: Context, slug: str) -> Soon[Event | None]:
        """Find a public event by the name in its address."""
        return then(context.loaders.event_by_slug(slug), cls._found)

    @classmethod
    def _found(cls, row: EventRow | None) -> Event | None:
        """Show an event that was looked for: the same as long as it is the same row."""
        if row is None:
            return None
        shown = _SHOWN.get(row.id)
        if shown is None or shown.row is not row:
            if shown is None and len(_SHOWN) >= HOT_EVENTS_MAX:
                _SHOWN.clear()
            shown = _SHOWN[row.id] = cls.of(row)
        return shown

    @classmethod
    def sure(cls, context: Context, key: UUID) -> Soon[Event]:
        """Give the event of something sold: an event that sells is public for good."""

        def found(event: Event | None) -> Event:
            if event is None:
                raise LookupError(f"There is no public event {key}.")
            return event

        return then(cls.load(context, key), found)


def _indexes(facts: SeatFacts, section_id: str | None) -> range:
    if section_id is None:
        return range(facts.seat_count)
    seats = facts.seats_of_section(key_of(section_id, NodeKind.SECTION))
    if seats is None:
        raise bad_input(
            "`sectionId` is no section of this event's seat map; see `seatMap.sections`."
        )
    return seats
