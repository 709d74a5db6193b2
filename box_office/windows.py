"""The windows of the box office: all changes of one event's seats, in batches, one after the other.

Requests that arrive while a batch is being written form the next one. A batch is one statement and
one round trip that decides many requests, each for itself. The statement decides, never this
process's memory: any number of servers may have a window for the same event.
"""

import asyncio
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

import asyncpg

from box_office.batches import Statement, Written
from box_office.boards import SeatBoards
from box_office.changes import SeatChanges
from box_office.database import Database
from box_office.news import SeatNews

#: Larger ones no longer raise the rate, but lengthen the wait (bench/README.md).
BATCH_REQUESTS_MAX = 100
#: Requests waiting at one window; beyond it a buyer is told to come again.
WINDOW_REQUESTS_MAX = 20_000
#: How far down the line a batch is gathered from.
PASSED_OVER_MAX = 200
#: Deadlocks and lock timeouts roll back cleanly, so the batch may be tried again.
BATCH_TRIES_MAX = 4
#: No statement of ours takes as long; whoever waits longer has lost the connection.
BATCH_TIMEOUT_SECONDS = 8.0

Answer = TypeVar("Answer")

ROLLED_BACK = (
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.SerializationError,
)
#: The server went away or is going: what it had in hand may be committed or not.
CONNECTION_LOST = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
)


class OutcomeUnknownError(Exception):
    """The connection was lost while a batch was being committed: it may have happened or not."""


class WindowFullError(Exception):
    """More requests wait at this window than it can serve in time. Nothing was done."""


@dataclass(eq=False, slots=True)
class Waiting:
    """A request at the window. Its claims are what no other request of the same batch may touch."""

    statement: Statement[Any]
    request: Any
    claims: frozenset[Hashable]
    future: "asyncio.Future[Any]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


@dataclass(slots=True)
class Windows:
    """The windows of one process, one for each event that is busy."""

    database: Database
    boards: SeatBoards
    news: SeatNews
    _open: dict[UUID, "Window"] = field(default_factory=dict)

    async def submit(
        self,
        event_id: UUID,
        statement: Statement[Answer],
        request: Any,
        claims: frozenset[Hashable] = frozenset(),
    ) -> Answer:
        """Queue a request and wait for its answer. It goes on when the caller is cancelled.

        Raises OutcomeUnknownError when nobody can say what happened, WindowFullError when nothing
        did.
        """
        window = self._open.get(event_id)
        if window is None:
            window = self._open[event_id] = Window(self, event_id)
        answer: Answer = await window.queue(Waiting(statement, request, claims))
        return answer

    def forget(self, event_id: UUID) -> None:
        """Close a window where nobody waits."""
        del self._open[event_id]

    async def close(self) -> None:
        """Serve whoever is waiting, then stop."""
        await asyncio.gather(*(window.task for window in self._open.values()))


class Window:
    """One event's queue. Lives while somebody waits, and writes one batch at a time."""

    def __init__(self, windows: Windows, event_id: UUID) -> None:
        self.windows = windows
        self.event_id = event_id
        self.waiting: deque[Waiting] = deque()
        self.task = asyncio.create_task(self._serve(), name=f"window {event_id}")

    def queue(self, waiting: Waiting) -> "asyncio.Future[Any]":
        """Stand in line."""
        if len(self.waiting) >= WINDOW_REQUESTS_MAX:
            raise WindowFullError
        self.waiting.append(waiting)
        return waiting.future

    async def _serve(self) -> None:
        while self.waiting:
            await self._write(self._next_batch())
        self.windows.forget(self.event_id)

    def _next_batch(self) -> list[Waiting]:
        """Take from the line, in order, what can be decided together.

        Whoever is passed over keeps their place, and nobody who shares a claim with them overtakes.
        """
        first = self.waiting[0]
        batch: list[Waiting] = []
        passed_over: list[Waiting] = []
        claimed: set[Hashable] = set()
        while (
            self.waiting and len(batch) < BATCH_REQUESTS_MAX and len(passed_over) < PASSED_OVER_MAX
        ):
            waiting = self.waiting.popleft()
            fits = waiting.statement is first.statement and claimed.isdisjoint(waiting.claims)
            claimed |= waiting.claims
            (batch if fits else passed_over).append(waiting)
        self.waiting.extendleft(reversed(passed_over))
        return batch

    async def _write(self, batch: list[Waiting]) -> None:
        """Write a batch and answer everybody in it, whatever happens."""
        try:
            written = await self._decide(batch)
        except asyncpg.IntegrityConstraintViolationError as error:
            # A constraint refused somebody. Alone, only the guilty one is refused.
            if len(batch) == 1:
                fail(batch, error)
            else:
                for waiting in batch:
                    await self._write([waiting])
        except CONNECTION_LOST as error:
            unknown = OutcomeUnknownError(f"{type(error).__name__} while writing a batch")
            unknown.__cause__ = error
            fail(batch, unknown)
        except Exception as error:  # noqa: BLE001  Handed to those who wait: a batch leaves nobody waiting.
            fail(batch, error)
        else:
            self._announce(written.changes)
            for waiting, answer in zip(batch, written.answers, strict=True):
                if not waiting.future.done():
                    waiting.future.set_result(answer)

    async def _decide(self, batch: list[Waiting]) -> Written[Any]:
        """Run the batch's statement; again when it was rolled back for want of a lock.

        A lone request that a constraint refuses is tried again too: it may have met a row that
        another server was just committing, and sees it now.
        """
        statement, requests = batch[0].statement, [waiting.request for waiting in batch]
        alone = len(batch) == 1
        again = (*ROLLED_BACK, asyncpg.IntegrityConstraintViolationError) if alone else ROLLED_BACK
        for attempt in range(1, BATCH_TRIES_MAX + 1):
            try:
                async with (
                    asyncio.timeout(BATCH_TIMEOUT_SECONDS),
                    self.windows.database.pool.acquire() as connection,
                ):
                    return await statement.write(connection, self.event_id, requests)
            except again:
                if attempt == BATCH_TRIES_MAX:
                    raise
                await asyncio.sleep(0.01 * 2**attempt)
        raise AssertionError("the loop returns or raises")

    def _announce(self, changes: SeatChanges | None) -> None:
        """Tell the own board before the buyer, and everybody else on the way."""
        if changes is not None:
            self.windows.boards.apply(changes)
            self.windows.news.announce(changes)


def fail(batch: list[Waiting], error: Exception) -> None:
    """Give everybody in the batch the same bad news."""
    for waiting in batch:
        if not waiting.future.done():
            waiting.future.set_exception(error)
