"""The port to what the boards read: the books, which alone say how an event's seats stand."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from box_office.availability import BoardRow
from box_office.changes import SeatChanges


class SeatBooks(Protocol):
    """Every event's seats, its version and its change log. Whoever is away raises, or hangs."""

    async def load_board(self, event_id: UUID) -> BoardRow | None:
        """Read version and seats of one moment. None: there is no such public event."""

    async def changes_since(self, event_id: UUID, version: int) -> list[SeatChanges]:
        """Read what came after a version, ascending; [] unless it is all that came."""

    async def versions_of(self, event_ids: Sequence[UUID]) -> dict[UUID, int]:
        """Read how far each event is, all at one moment."""
