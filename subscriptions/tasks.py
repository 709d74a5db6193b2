"""Background work that outlives its faults, and ends when told to."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

#: Between two tries to cancel the same task: whatever it has to tidy up takes less.
CANCEL_AGAIN_SECONDS = 1.0

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Tasks:
    """The tasks of one owner. None is lost, none dies unheard."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[object]] = set()

    def start(
        self, work: Coroutine[object, object, T], name: str, *, awaited: bool = False
    ) -> asyncio.Task[T]:
        """Begin to do `work` in the background.

        A failure is logged under `name`, unless somebody awaits the task and so hears of it.
        """
        task = asyncio.create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._forget_quietly if awaited else self._forget)
        return task

    async def stop(self) -> None:
        """End all tasks and wait until they have."""
        await end(*self._running)

    def _forget(self, task: asyncio.Task[object]) -> None:
        if (fault := self._forget_quietly(task)) is not None:
            logger.error("%s failed", task.get_name(), exc_info=fault)

    def _forget_quietly(self, task: asyncio.Task[object]) -> BaseException | None:
        """Asking for the fault also tells asyncio that it was not overlooked."""
        self._running.discard(task)
        return None if task.cancelled() else task.exception()


async def every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    """Do `work` again and again with a pause in between; a fault is logged, no more."""
    while True:
        try:
            await work()
        except Exception:
            logger.exception("%s failed; it will be tried again", work.__qualname__)
        await asyncio.sleep(seconds)


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks until all have ended.

    Once may not be enough: before Python 3.12 `asyncio.wait_for`, by which redis-py sends, swallows
    a cancellation that comes just as what it waits for is done.
    """
    going_on = set(tasks)
    while going_on:
        for task in going_on:
            task.cancel()
        _, going_on = await asyncio.wait(going_on, timeout=CANCEL_AGAIN_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)  # Their faults were seen, or logged.
