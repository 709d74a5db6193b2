"""Venues, as clients see them."""

from __future__ import annotations

from uuid import UUID

import strawberry

from box_office.venues import VenueRow
from schema.context import Context
from schema.ids import NodeKind, encode_id
from schema.nodes import Node
from schema.scalars import TimeZone


@strawberry.type
class Venue(Node):
    """A house where events take place: a theatre, an arena, a club."""

    name: str
    """The name on the door."""
    address: str | None
    """Street and number, for people who have to find it."""
    city: str
    """The city: what `EventFilter.city` compares with."""
    country_code: str
    """The country by ISO 3166-1, in two capitals, such as `GB`."""
    time_zone: TimeZone
    """The zone of the clock on its wall: show the times of its events in this zone."""
    capacity: int
    """How many it takes: the seats and standing places of its newest seat map."""

    @classmethod
    def of(cls, row: VenueRow) -> Venue:
        """Show a venue that was read."""
        venue = row.venue
        return cls(
            id=encode_id(NodeKind.VENUE, venue.id),
            name=venue.name,
            address=venue.address,
            city=venue.city,
            country_code=venue.country_code,
            time_zone=TimeZone(venue.time_zone),
            capacity=row.capacity,
        )

    @classmethod
    async def load(cls, context: Context, key: UUID) -> Venue | None:
        """Find a venue by its key."""
        row = await context.loaders.venues.load(key)
        return None if row is None else cls.of(row)
