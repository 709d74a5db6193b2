"""An event loop that does not wait: when nothing is left to do now, its clock jumps ahead."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class NothingWillEverHappenError(Exception):
    """Everybody waits for somebody else."""


class JumpingSelector(selectors.SelectSelector):
    """Has no sockets to wait for; waiting for a timer only moves the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise NothingWillEverHappenError
        self.now += max(timeout, 0.0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop on a clock that begins at zero and is moved by its timers alone."""

    def __init__(self) -> None:
        self._moved_by = JumpingSelector()
        super().__init__(self._moved_by)

    def time(self) -> float:
        return self._moved_by.now


def run(work: Coroutine[Any, Any, T]) -> T:
    """Do all the work at once, however long it believes to take."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()
