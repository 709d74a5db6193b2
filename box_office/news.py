"""The port that carries committed changes to the other servers."""

from typing import Protocol

from box_office.changes import SeatChanges


class SeatNews(Protocol):
    """Tells every other process of a committed change. Advice, never truth.

    A lost message costs a screen one second (the boards look at the versions once a second), so an
    implementation may drop, repeat and reorder; it must never block the sale nor raise.
    """

    def announce(self, changes: SeatChanges) -> None:
        """Send on the way and return at once."""


class NoNews:
    """For a server without Redis: the boards' look once a second does all the work."""

    def announce(self, changes: SeatChanges) -> None:
        """Tell nobody."""
