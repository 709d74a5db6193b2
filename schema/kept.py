"""What is made once of facts that never change, and kept in memory for all operations."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar
from uuid import UUID

if TYPE_CHECKING:
    from schema.seat_columns import KeptColumns
    from schema.seat_facts import SeatFacts

#: Of how many events sections and price levels are kept: a hundred objects each, or so.
FACTS_EVENTS_MAX = 500
#: How many seats are kept by column, over all events: about 200 bytes each.
COLUMNS_SEATS_MAX = 250_000

T = TypeVar("T")


class Kept(Generic[T]):
    """Things by their event, up to a total size; whatever was not used for longest goes first."""

    def __init__(self, size_max: int) -> None:
        self._size_max = size_max
        self._size = 0
        #: Each with its size, the least recently used first.
        self._things: OrderedDict[UUID, tuple[T, int]] = OrderedDict()

    def get(self, event_id: UUID) -> T | None:
        """Give what is kept for an event."""
        found = self._things.get(event_id)
        if found is None:
            return None
        self._things.move_to_end(event_id)
        return found[0]

    def keep(self, event_id: UUID, thing: T, size: int = 1) -> T:
        """Keep a thing for an event in place of what there was. The newest is always kept."""
        _, size_before = self._things.pop(event_id, (None, 0))
        self._things[event_id] = (thing, size)
        self._size += size - size_before
        while self._size > self._size_max and len(self._things) > 1:
            _, (_, forgotten) = self._things.popitem(last=False)
            self._size -= forgotten
        return thing


class KnownSeats:
    """What a process keeps about the seats of events, beside their boards."""

    def __init__(self) -> None:
        self.facts: Kept[SeatFacts] = Kept(FACTS_EVENTS_MAX)
        self.columns: Kept[KeptColumns] = Kept(COLUMNS_SEATS_MAX)
