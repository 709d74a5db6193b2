"""What never changes about the seats of an event, made ready to be shown once for all answers."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING
from uuid import UUID

from box_office.price_levels import SeatPrices
from box_office.seat_maps import SeatGeometry
from schema.context import Context
from schema.prices import PriceLevel
from schema.seat_maps import Section
from schema.soon import Soon, here

if TYPE_CHECKING:
    from collections.abc import Iterator

#: So many seats at most are written down together, and again when one of them changes.
BLOCK_SEATS_MAX = 64

_numbers = count()


class SeatFacts:
    """Where the seats of one event are, and what they cost: settled when it is published.

    Sections and price levels are the same objects in every answer; nobody may change them.
    """

    def __init__(self, geometry: SeatGeometry, prices: SeatPrices) -> None:
        #: Another for each of these, so that what is written from it is never taken for another's.
        self.number = next(_numbers)
        self.geometry = geometry
        self.prices = prices
        self.sections = [Section.of(section) for section in geometry.sections]
        self.price_levels = [PriceLevel.of(level) for level in prices.levels]
        self._positions = {section.id: at for at, section in enumerate(geometry.sections)}
        self._blocks = list(_blocks(geometry))

    @property
    def seat_count(self) -> int:
        """How many seats the event has."""
        return self.geometry.seat_count

    def blocks_of(self, seats: range) -> list[tuple[int, int]]:
        """Divide all seats, or those of one section: each block is (first, last + 1)."""
        if len(seats) == self.seat_count:
            return self._blocks
        return [block for block in self._blocks if block[0] in seats]

    def section(self, section_id: UUID) -> Section:
        """Give a section of the event's seat map."""
        return self.sections[self._positions[section_id]]

    def seats_of_section(self, section_id: UUID | None) -> range | None:
        """Give the indexes of a section's seats; None when it is none of this event's seat map."""
        position = None if section_id is None else self._positions.get(section_id)
        if position is None:
            return None
        section = self.sections[position]
        return range(section.first_seat_index, section.first_seat_index + section.capacity)


def _blocks(geometry: SeatGeometry) -> Iterator[tuple[int, int]]:
    ends = sorted({section.first_seat_index for section in geometry.sections} - {0})
    first = 0
    for end in (*ends, geometry.seat_count):
        for start in range(first, end, BLOCK_SEATS_MAX):
            yield start, min(start + BLOCK_SEATS_MAX, end)
        first = end


def facts_of_public(context: Context, event_id: UUID) -> Soon[SeatFacts]:
    """Bring together what never changes of an event that is known to be public."""
    return context.known_seats.facts.get(event_id) or _collect(context, event_id)


async def _collect(context: Context, event_id: UUID) -> SeatFacts:
    prices = await here(context.prices_of_public(event_id))
    geometry = await context.geometries.get(prices.seat_map_id)
    known = context.known_seats.facts
    return known.get(event_id) or known.keep(event_id, SeatFacts(geometry, prices))
