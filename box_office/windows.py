"""The windows of the box office: all changes of one event's seats, in batches, one after the other.

Requests that arrive while a batch is being written form the next one. A batch is one statement and
one round trip that decides many requests, each for itself. The statement decides, never this
process's memory: any number of servers may have a window for the same event.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, TypeVar
from uuid import UUID

import asyncpg

from box_office.batches import Again, Connection, Statement, Written
from box_office.boards import SeatBoards
from box_office.changes import SeatChanges
from box_office.crash_points import Moment, passing_window
from box_office.database import Database
from box_office.news import SeatNews

#: Larger ones no longer raise the rate, but lengthen the wait.
BATCH_REQUESTS_MAX = 100
#: How far down the line a batch is gathered from.
PASSED_OVER_MAX = 200
#: Requests waiting at one window; beyond it whoever can wait is told to come again.
WINDOW_REQUESTS_MAX = 20_000
#: Requests of one buyer, or about one reservation, that may wait at a window together.
CLAIM_REQUESTS_MAX = 10
#: Deadlocks and lock timeouts roll back cleanly, so the batch may be tried again.
BATCH_TRIES_MAX = 4
#: How often a request that was neither granted nor refused is decided again.
AGAIN_MAX = 20
#: Getting a connection and being decided; whoever waits longer has lost the connection.
BATCH_TIMEOUT_SECONDS = 8.0
#: Who has stood in line for longer, and can wait, is told to come again while they still listen.
IN_LINE_SECONDS_MAX = 5.0
#: How long the pool may take to have a connection back, once the batch is decided.
RELEASE_TIMEOUT_SECONDS = 1.0

Answer = TypeVar("Answer")

logger = logging.getLogger(__name__)

ROLLED_BACK: tuple[type[Exception], ...] = (
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


class NothingDoneError(Exception):
    """The window is too busy for this request, and nothing was done about it."""


@dataclass(eq=False, slots=True)
class Waiting:
    """A request at the window. Its claims are what no other request of the same batch may touch."""

    statement: Statement[Any]
    request: Any
    claims: frozenset[Hashable]
    #: Whether they may be told to come again.
    can_wait: bool = False
    tries: int = 1
    since: float = field(default_factory=monotonic)
    future: "asyncio.Future[Any]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    @property
    def stood_too_long(self) -> bool:
        """Whether it is time to tell them to come again."""
        return self.can_wait and monotonic() - self.since > IN_LINE_SECONDS_MAX


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
        *,
        can_wait: bool = False,
    ) -> Answer:
        """Queue a request and wait for its answer. It goes on when the caller is cancelled.

        Whoever `can_wait` is turned away by a full window, and once they have stood in line for too
        long; what finishes something that has begun, such as a sale, never is. Raises
        OutcomeUnknownError when nobody can say what happened, NothingDoneError when nothing did.
        """
        window = self._open.get(event_id)
        if window is None:
            window = self._open[event_id] = Window(self, event_id)
        waiting = Waiting(statement, request, claims, can_wait)
        if can_wait and window.is_full_for(claims):
            raise NothingDoneError("Too many requests wait already.")
        answer: Answer = await window.queue(waiting)
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
        #: How many of those who wait, or are being served, have a claim.
        self.claimed: Counter[Hashable] = Counter()
        self.task = asyncio.create_task(self._serve(), name=f"window {event_id}")

    def is_full_for(self, claims: frozenset[Hashable]) -> bool:
        """Tell whether one more would wait too long, or have too many of their own before them."""
        return len(self.waiting) >= WINDOW_REQUESTS_MAX or any(
            self.claimed[claim] >= CLAIM_REQUESTS_MAX for claim in claims
        )

    def queue(self, waiting: Waiting) -> "asyncio.Future[Any]":
        """Stand in line."""
        self.waiting.append(waiting)
        self.claimed.update(waiting.claims)
        return waiting.future

    async def _serve(self) -> None:
        try:
            while self.waiting:
                if batch := self._next_batch():
                    await self._write(batch)
        finally:
            self.windows.forget(self.event_id)

    def _next_batch(self) -> list[Waiting]:
        """Take from the line, in order, what can be decided together; perhaps nobody is left.

        Whoever is passed over keeps their place, and nobody who shares a claim with them overtakes.
        Those who have stood too long are at the head: they are told to come again on the way.
        """
        batch: list[Waiting] = []
        passed_over: list[Waiting] = []
        claimed: set[Hashable] = set()
        too_long_since = monotonic() - IN_LINE_SECONDS_MAX
        while (
            self.waiting and len(batch) < BATCH_REQUESTS_MAX and len(passed_over) < PASSED_OVER_MAX
        ):
            waiting = self.waiting.popleft()
            if waiting.can_wait and waiting.since < too_long_since:
                self._turn_away(waiting)
                continue
            is_of_a_kind = not batch or waiting.statement is batch[0].statement
            fits = is_of_a_kind and claimed.isdisjoint(waiting.claims)
            claimed |= waiting.claims
            (batch if fits else passed_over).append(waiting)
        self.waiting.extendleft(reversed(passed_over))
        return batch

    async def _write(self, batch: list[Waiting]) -> None:
        """Write a batch and answer everybody in it, whatever happens."""
        statement = batch[0].statement
        passing_window(statement, Moment.UNWRITTEN)
        try:
            written = await self._decide(batch)
        except ROLLED_BACK as error:
            self._fail(batch, NothingDoneError(f"{type(error).__name__}, again and again"))
        except CONNECTION_LOST as error:
            unknown = OutcomeUnknownError(f"{type(error).__name__} while writing a batch")
            unknown.__cause__ = error
            self._fail(batch, unknown)
        except Exception as error:  # noqa: BLE001  Handed to who waits: a batch leaves nobody waiting.
            if len(batch) == 1:
                self._fail(batch, error)
                return
            # Somebody's request could not be written. Alone, only the guilty one is refused.
            for waiting in batch:
                if waiting.stood_too_long:
                    self._turn_away(waiting)
                else:
                    await self._write([waiting])
        else:
            passing_window(statement, Moment.WRITTEN)
            self._announce(written.changes)
            passing_window(statement, Moment.TOLD)
            self._answer(batch, written)

    async def _decide(self, batch: list[Waiting]) -> Written[Any]:
        """Run the batch's statement; again when it was rolled back for want of a lock.

        What a constraint refuses is tried again too, once for many and some times for one: it may
        have met a row that another server was just committing, and sees it now.
        """
        statement, requests = batch[0].statement, [waiting.request for waiting in batch]
        for attempt in range(1, BATCH_TRIES_MAX + 1):
            worth_another = ROLLED_BACK
            if attempt == 1 or len(batch) == 1:
                worth_another = (*ROLLED_BACK, asyncpg.IntegrityConstraintViolationError)
            try:
                return await self._in_time(statement, requests)
            except worth_another:
                if attempt == BATCH_TRIES_MAX or batch[0].stood_too_long:
                    raise
                await asyncio.sleep(0.01 * 2**attempt)
        raise AssertionError("the loop returns or raises")

    async def _in_time(self, statement: Statement[Any], requests: list[Any]) -> Written[Any]:
        """Run a statement, for no longer than those who wait would.

        asyncpg waits without end for a server that does not answer to say that it has stopped: the
        connection is cut instead, and replaced by the pool.
        """
        connection: Connection | None = None
        try:
            async with asyncio.timeout(BATCH_TIMEOUT_SECONDS):
                connection = await self.windows.database.pool.acquire()
                return await statement.write(connection, self.event_id, requests)
        except TimeoutError:
            if connection is not None:
                connection.terminate()
            raise
        finally:
            if connection is not None:
                await self._give_back(connection)

    async def _give_back(self, connection: Connection) -> None:
        try:
            await self.windows.database.pool.release(connection, timeout=RELEASE_TIMEOUT_SECONDS)
        except Exception:  # The batch is decided, whatever became of its connection.
            logger.exception("A connection was not given back; the pool makes another")

    def _announce(self, changes: SeatChanges | None) -> None:
        """Tell the own board before the buyer, and everybody else on the way."""
        if changes is None:
            return
        try:
            self.windows.boards.apply(changes)
            self.windows.news.announce(changes)
        except Exception:  # It is committed: the boards' next look finds it.
            logger.exception("Version %d of event %s was not told", changes.version, self.event_id)

    def _answer(self, batch: list[Waiting], written: Written[Any]) -> None:
        """Answer everybody who was decided; the others stand at the head of the line again."""
        again: list[Waiting] = []
        for waiting, answer in zip(batch, written.answers, strict=True):
            if not isinstance(answer, Again):
                self._settle(waiting, answer)
            elif waiting.tries < AGAIN_MAX and not waiting.future.done():
                self.claimed.update(answer.claims - waiting.claims)
                waiting.statement = answer.statement
                waiting.claims |= answer.claims
                waiting.tries += 1
                again.append(waiting)
            else:
                self._settle(waiting, answer.answer)
        self.waiting.extendleft(reversed(again))

    def _settle(self, waiting: Waiting, answer: Any) -> None:
        self._leave(waiting)
        if not waiting.future.done():
            waiting.future.set_result(answer)

    def _turn_away(self, waiting: Waiting) -> None:
        """Tell somebody to come again: nothing was done about them, and they wait no longer."""
        self._fail([waiting], NothingDoneError("They have stood in line for too long."))

    def _fail(self, batch: list[Waiting], error: Exception) -> None:
        """Give everybody in the batch the same bad news."""
        for waiting in batch:
            self._leave(waiting)
            if not waiting.future.done():
                waiting.future.set_exception(error)

    def _leave(self, waiting: Waiting) -> None:
        """Give up the claims; nothing is remembered of who has gone, however long we are open."""
        for claim in waiting.claims:
            self.claimed[claim] -= 1
            if not self.claimed[claim]:
                del self.claimed[claim]
