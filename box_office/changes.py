"""What one commit did to an event's seats: the unit that boards apply and the news carry."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class SeatChanges:
    """One version of an event's seats: seat `seat_indexes[i]` now has the state `states[i]`."""

    event_id: UUID
    version: int
    #: The database's clock when it was committed.
    as_of: datetime
    seat_indexes: tuple[int, ...]
    states: bytes
