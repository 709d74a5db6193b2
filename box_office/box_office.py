"""The box office as a whole: what every rule is handed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa

from box_office.batches import Statement
from box_office.boards import SeatBoards
from box_office.database import Database
from box_office.expiry import EXPIRED_AT_ONCE_MAX, Expire
from box_office.news import SeatNews
from box_office.places import Places
from box_office.providers import PaymentProvider
from box_office.refusals import OutcomeUnknown
from box_office.reservations import EventsOfReservations
from box_office.windows import NothingDoneError, OutcomeUnknownError, Windows

Answer = TypeVar("Answer")

#: What a process that is told to end may still take for what it has begun.
FINISH_SECONDS_MAX = 5.0
#: How long a sweep waits for its slowest event; most need some milliseconds.
SWEEP_SECONDS_MAX = 2.0

logger = logging.getLogger(__name__)

LAPSED_EVENTS = sa.text("""
    SELECT DISTINCT event_id FROM reservations
    WHERE status = 'OPEN' AND expires_at <= now()
""")

NOBODY_KNOWS = (
    "The connection to the database was lost while this was being done, so it may have happened or"
    " not. Repeat exactly this call to find out: repeating it changes nothing twice."
)
TOO_MANY_AT_ONCE = (
    "Too many requests for this event arrived at once, and nothing was done about yours. Repeat"
    " this call in a few seconds."
)


@dataclass(frozen=True, slots=True)
class BoxOffice:
    """Everything a rule needs. One for each process."""

    database: Database
    boards: SeatBoards
    news: SeatNews
    provider: PaymentProvider
    windows: Windows
    places: Places
    events_of_reservations: EventsOfReservations
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    _being_swept: set[UUID] = field(default_factory=set)

    @classmethod
    def open(
        cls, database: Database, boards: SeatBoards, news: SeatNews, provider: PaymentProvider
    ) -> BoxOffice:
        """Open the windows."""
        windows = Windows(database, boards, news)
        places, events = Places(database), EventsOfReservations(database)
        return cls(database, boards, news, provider, windows, places, events)

    async def ask(
        self,
        event_id: UUID,
        statement: Statement[Answer],
        request: Any,
        claims: frozenset[Hashable] = frozenset(),
        *,
        can_wait: bool = False,
    ) -> Answer | OutcomeUnknown:
        """Have a request decided at the event's window; OutcomeUnknown when nobody can say."""
        try:
            return await self.windows.submit(
                event_id, statement, request, claims, can_wait=can_wait
            )
        except OutcomeUnknownError:
            return OutcomeUnknown(message=NOBODY_KNOWS)
        except NothingDoneError:
            return OutcomeUnknown(message=TOO_MANY_AT_ONCE)

    def in_background(self, work: Coroutine[Any, Any, Answer]) -> asyncio.Task[Answer]:
        """Start work that goes on when whoever asked for it goes away."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        """Let go of a task; one that failed may have nobody left to tell but the log."""
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            logger.error("Work in the background failed", exc_info=fault)

    async def sweep(self) -> int:
        """End every lapsed reservation, and say how many; any number of processes may sweep.

        An event that is slow, or cannot be swept, holds up no other: it goes on in the background.
        """
        async with self.database.engine.connect() as connection:
            event_ids = (await connection.execute(LAPSED_EVENTS)).scalars().all()
        begun = [self._begin_to_sweep(id_) for id_ in event_ids if id_ not in self._being_swept]
        if not begun:
            return 0
        done, _ = await asyncio.wait(begun, timeout=SWEEP_SECONDS_MAX)
        return sum(task.result() for task in done if task.exception() is None)

    def _begin_to_sweep(self, event_id: UUID) -> asyncio.Task[int]:
        self._being_swept.add(event_id)
        task = self.in_background(self._sweep(event_id))
        task.add_done_callback(lambda _: self._being_swept.discard(event_id))
        return task

    async def _sweep(self, event_id: UUID) -> int:
        """End an event's lapsed reservations, statement by statement until none is left."""
        total = 0
        while True:
            claims = frozenset({Expire.STATEMENT})
            try:
                expired = await self.windows.submit(event_id, Expire.STATEMENT, None, claims)
            except (OutcomeUnknownError, NothingDoneError) as problem:
                logger.warning("Event %s was not swept; it is tried again: %s", event_id, problem)
                return total
            total += expired
            if expired < EXPIRED_AT_ONCE_MAX:
                return total

    async def close(self) -> None:
        """Finish what was begun: purchases that go on, and whoever stands at a window.

        Who waits for a silent provider is let go: any step may be the last one of a process, and
        the reconciler of another goes on.
        """
        if self._tasks:
            _, waiting = await asyncio.wait(self._tasks, timeout=FINISH_SECONDS_MAX)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        await self.windows.close()
