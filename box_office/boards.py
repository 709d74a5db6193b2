"""The port to the seat boards: what an event's seats look like now, without asking the database."""

from base64 import b64encode
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import count
from typing import Protocol
from uuid import UUID

from box_office.changes import SeatChanges


@dataclass(frozen=True, slots=True)
class SectionCount:
    """How many seats of a section are free, and the price level of the cheapest of those."""

    section_id: UUID
    total: int
    available: int
    #: Position in the event's price levels; None when nothing is free.
    cheapest_price_level: int | None


@dataclass(frozen=True)
class BoardView:
    """An event's seats at one version. Never changes: one operation shows one truth."""

    event_id: UUID
    version: int
    as_of: datetime
    seat_count: int
    #: Two bits a seat: seat i is bits 2*(i%4) of byte i//4.
    states: bytes
    #: The same, one byte a seat: to pick and count seats at the speed of C.
    seat_states: bytes
    available: int
    held: int
    sold: int
    blocked: int
    sections: tuple[SectionCount, ...]
    #: Another for each view of this process: what is made of one can be known by it.
    number: int = field(default_factory=count().__next__, compare=False)

    @cached_property
    def states_base64(self) -> str:
        """Give `states` as text, made once for all who ask."""
        return b64encode(self.states).decode("ascii")

    def state(self, seat_index: int) -> int:
        """Give the `SeatStatus` of one seat."""
        return self.states[seat_index >> 2] >> 2 * (seat_index & 3) & 3


class SeatBoards(Protocol):
    """Every watched event's board of this process."""

    def seen(self, event_id: UUID) -> BoardView | None:
        """Show the seats at once; None when they are not in memory and `view` must be awaited."""

    async def view(self, event_id: UUID) -> BoardView | None:
        """Show the seats as they stand; None when there is no such event, or it is a draft."""

    def apply(self, changes: SeatChanges) -> None:
        """Take in a change of this process, before its buyer is answered. Never raises."""

    def free_seats(self, event_id: UUID, first: int, last: int, most: int) -> list[int]:
        """Propose up to `most` seats of first..last that look free; none of an unwatched event."""
