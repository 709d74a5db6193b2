"""The port to the live side: what a viewer of an event's seats is told, message by message."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from box_office.boards import BoardView, SectionCount


# Compared by identity, not by value: all followers of one tick are told the very same object. The
# slot for weak references is there for a test: that nobody keeps what was told.
@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class LiveSnapshot:
    """All seats, as they stood at the last tick."""

    view: BoardView


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class LiveDelta:
    """Applied to exactly `from_version` it gives `version`. An empty one ends a stale time."""

    event_id: UUID
    from_version: int
    version: int
    as_of: datetime
    #: Free seats of the whole event at `version`.
    available: int
    seat_indexes: tuple[int, ...]
    #: `states[i]` is what seat `seat_indexes[i]` is at `version` (`SeatStatus`).
    states: bytes
    #: Those with a seat in `seat_indexes`, as they are at `version`.
    sections: tuple[SectionCount, ...]


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class LiveStale:
    """Since then nobody knows whether the map is right; `version` was told last."""

    since: datetime
    version: int


LiveMessage = LiveSnapshot | LiveDelta | LiveStale


class UnknownEvent(Exception):  # noqa: N818 - our exceptions are named for what happened.
    """There is no such event, or it is not public."""


class LivePlace(Protocol):
    """One viewer's place in an event's story: what was told last, and nothing else."""

    def next_message(self) -> LiveMessage | None:
        """Give all that happened since the last message as one; None when nothing did.

        All who are at the same place get the very same object.
        """

    def begin_anew(self, *, at_once: bool) -> None:
        """Tell all seats next, now or once something changes.

        The viewer could not be told the message that was given last.
        """


class LiveStory(Protocol):
    """An event's story, for somebody who tells it to many viewers at once."""

    @property
    def closed(self) -> bool:
        """Whether it has ended: the event is no longer public, or the server stops."""

    def place_at_once(self, since_version: int | None) -> LivePlace | None:
        """Let a viewer in who misses what came after that version; without one, everything.

        None: something must be asked of the database first, see `place`.
        """

    async def place(self, since_version: int | None) -> LivePlace:
        """Let a viewer in, after asking for what they miss."""

    def leave(self) -> None:
        """Listen no more."""


class LiveSeats(Protocol):
    """Tells any number of viewers what happens to an event's seats."""

    def follow(
        self, event_id: UUID, since_version: int | None = None
    ) -> AsyncGenerator[LiveMessage]:
        """Tell first what the viewer misses, then every change, merged.

        A viewer who asks late misses nothing and costs nothing: the next message covers all
        since the last one. Versions only rise, and each delta begins where the last message
        ended. Raises UnknownEvent; ends when the event is no longer public or the server stops.
        """

    async def story(self, event_id: UUID, listener: Callable[[], None]) -> LiveStory:
        """Open an event's story to tell it to many; it must be left at the end.

        `listener` is called whenever somebody may have to be told something. Raises UnknownEvent.
        """
