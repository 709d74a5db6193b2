"""The port to the news of other processes: it makes boards quick, never right."""

from collections.abc import Callable
from typing import Protocol
from uuid import UUID

from box_office.changes import SeatChanges


class NewsFeed(Protocol):
    """Hears the changes that other processes commit. May lose, repeat and reorder them."""

    def receive(self, take: Callable[[SeatChanges], None]) -> None:
        """Hand every change heard from now on to `take`, which never raises."""

    async def watch(self, event_id: UUID) -> bool:
        """Listen to an event; True once that is confirmed.

        False when nobody answers: it is then listened to as soon as somebody does. Never raises.
        """

    async def unwatch(self, event_id: UUID) -> None:
        """Listen to the event no longer. Never raises."""


class NoFeed:
    """For a server without Redis: the look at the versions once a second does all the work."""

    def receive(self, take: Callable[[SeatChanges], None]) -> None:
        """Nothing will ever be heard."""

    async def watch(self, event_id: UUID) -> bool:  # noqa: ARG002 - the port names it.
        """Listen to nothing."""
        return False

    async def unwatch(self, event_id: UUID) -> None:
        """Nothing was listened to."""
