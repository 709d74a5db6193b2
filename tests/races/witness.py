"""A witness of a race: asks, repeats the question while nobody knows the answer, writes it down."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from uuid import UUID

from tests.races.doors import Buyer, Door
from tests.races.record import Action, Answer, Record, Told

#: Whoever still knows nothing by then never will: an answer is missing.
KNOWN_WITHIN_SECONDS = 90.0
REPEAT_AFTER_SECONDS = 0.1
REPEAT_AFTER_SECONDS_MAX = 1.0

DoorChoice = Callable[[], Door]
Meanwhile = Callable[[int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Question:
    """One request, which may be sent to any door, any number of times."""

    action: Action
    buyer: Buyer
    about: UUID | None
    ask: Callable[[Door], Awaitable[Answer]]
    token: str | None = None
    seats: tuple[int, ...] = ()


@dataclass(slots=True)
class Witness:
    """Keeps the record."""

    record: Record = field(default_factory=Record)
    #: Lost connections belong to the race: repeat the request at the next door.
    doors_may_break: bool = False
    #: How many requests got no answer, and were repeated.
    broken_off: int = 0

    async def settle(
        self,
        question: Question,
        door: DoorChoice,
        meanwhile: Meanwhile | None = None,
    ) -> Answer:
        """Ask; and repeat exactly that while nobody can say what came of it.

        `meanwhile` is called after each answer that settles nothing, with how many there were.
        """
        asked_since, began, pause, tries = inf, time.monotonic(), REPEAT_AFTER_SECONDS, 0
        while True:
            sent_at = time.time()
            answer = await question.ask(door())
            broken = answer.fault is not None and self.doors_may_break
            if broken:
                self.broken_off += 1
            else:
                self.write_down(question, sent_at, answer, asked_since)
            asked_since = min(asked_since, sent_at)
            if answer.settles_it or (answer.fault is not None and not broken):
                return answer
            if time.monotonic() - began > KNOWN_WITHIN_SECONDS:
                never = Answer(fault="never settled")
                self.write_down(question, sent_at, never, asked_since)
                return never
            tries += 1
            if meanwhile is not None:
                await meanwhile(tries)
            await asyncio.sleep(pause)
            pause = min(1.5 * pause, REPEAT_AFTER_SECONDS_MAX)

    def write_down(
        self, question: Question, sent_at: float, answer: Answer, asked_since: float = inf
    ) -> None:
        """Keep an answer with its question."""
        self.record.told.append(
            Told(
                action=question.action,
                buyer=question.buyer.id,
                about=question.about,
                token=question.token,
                sent_at=sent_at,
                received_at=time.time(),
                answer=answer,
                asked_since=asked_since,
                seats=question.seats,
            )
        )

    @contextmanager
    def noting(self, action: Action, buyer: Buyer, about: UUID) -> Iterator[None]:
        """Keep that a buyer did something which no server is asked for."""
        sent_at = time.time()
        yield
        self.record.told.append(Told(action, buyer.id, about, None, sent_at, time.time(), Answer()))
