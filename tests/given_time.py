"""The time that a machine gives us: a shared one may run nothing of ours for seconds on end.

Linux counts what others took as "steal" (`/proc/stat`, proc(5)). A test that waits for something
counts its seconds without them, and `python -m tests` tries again what failed meanwhile. Where
nobody counts, all time is given.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_COUNTED = Path("/proc/stat")
_IDLE, _WAITING, _STOLEN = 3, 4, 7


@dataclass(frozen=True, slots=True)
class Moment:
    """What was counted until then, since the machine was started."""

    seconds: float
    """Of a clock that only goes ahead."""
    wanted: int
    """In hundredths of a second of all processors: when somebody here wanted to run."""
    stolen: int
    """Of these, when somebody elsewhere ran instead."""

    @classmethod
    def now(cls) -> Self:
        """Look at the clock and at the counters."""
        try:
            counts = [int(count) for count in _COUNTED.read_text().split("\n", 1)[0].split()[1:9]]
        except OSError:
            return cls(time.monotonic(), 0, 0)
        wanted = sum(counts) - counts[_IDLE] - counts[_WAITING]
        return cls(time.monotonic(), wanted, counts[_STOLEN])

    def withheld(self, until: Self) -> float:
        """What share of the time that was wanted went to others."""
        return (until.stolen - self.stolen) / max(until.wanted - self.wanted, 1)

    def given(self) -> float:
        """How many seconds have gone by since then, less the share that others took."""
        now = self.now()
        return (now.seconds - self.seconds) * (1 - self.withheld(now))


async def eventually(condition: Callable[[], bool | Awaitable[bool]], seconds: float = 5) -> None:
    """Wait until it holds; fail when it does not within so many seconds of given time."""
    began = Moment.now()
    while True:
        answer = condition()
        if (await answer) if isinstance(answer, Awaitable) else answer:
            return
        assert began.given() < seconds, "it did not happen in time"
        await asyncio.sleep(0.005)
