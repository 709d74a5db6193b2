"""The sale as all of the crowd share it: the event, the server, the end, and what is counted."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic

from onsale.simulating.api import Api
from onsale.simulating.event import Event
from onsale.simulating.tally import Tally


@dataclass(slots=True)
class Rush:
    """So many seconds before one door."""

    api: Api
    event: Event
    tally: Tally
    seed: int
    seconds: float
    began: float = field(default_factory=monotonic)
    #: When the last buyer had gone home.
    left: float | None = None
    #: Everybody leaves: the time is over, somebody pressed Ctrl-C, or the server is gone.
    over: asyncio.Event = field(default_factory=asyncio.Event)
    #: Why, if the server is gone.
    gone: str | None = None

    @property
    def seconds_left(self) -> float:
        """How long the crowd may stay."""
        return max(self.began + self.seconds - monotonic(), 0.0)

    @property
    def seconds_spent(self) -> float:
        """How long it has been going on, or did."""
        return (self.left or monotonic()) - self.began

    async def pause(self, seconds: float) -> None:
        """Let time go by, but no longer than the rush lasts."""
        with suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, self.seconds_left)):
                await self.over.wait()
        if not self.seconds_left:
            self.over.set()

    def end(self, reason: str) -> None:
        """Send everybody home: the server is gone."""
        self.gone = reason
        self.over.set()
