"""Operations that wait for something: each in one task, its answer in a future, in time."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, NamedTuple

from onsale.graphql.answers import Answer

#: At the server's end: how long begun mutations may take to finish.
MUTATIONS_FINISH_SECONDS = 5.0
#: Who waits too long is answered by so much later.
LOOK_EVERY_SECONDS = 0.1


class Due(NamedTuple):
    """Until when there has to be an answer, by the loop's clock, and which one there is then."""

    until: float
    late: Callable[[], Answer]


class UnderWay:
    """What is being run at the moment.

    Not `asyncio.wait` or `asyncio.timeout` in a task of the caller's: the first costs more than
    many operations do, the end of the second waits for connections to be let go of, which takes
    two seconds where the database is silent. Nor a timer for each: one clock looks at all.
    """

    def __init__(self) -> None:
        self._mutations: set[asyncio.Task[None]] = set()
        #: Who is still waited for, by how long at most, and so in the order of their ends.
        self._due: dict[float, dict[asyncio.Future[Answer], Due]] = {}
        self._clock: asyncio.TimerHandle | None = None

    def begin(
        self,
        work: Coroutine[Any, Any, Answer],
        seconds: float,
        late: Callable[[], Answer],
        *,
        lasts: bool,
    ) -> asyncio.Future[Answer]:
        """Begin the work; its answer comes in time, and if it has to, from `late`.

        Whoever waits no longer cancels the future. Work that lasts goes on then, and when it is
        late: who pays and closes the page has paid. Other work ends with its future.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        task = loop.create_task(_do(work, answer))
        if lasts:
            self._mutations.add(task)
            task.add_done_callback(self._mutations.discard)
        due = self._due.setdefault(seconds, {})
        due[answer] = Due(loop.time() + seconds, late)
        if self._clock is None:
            self._clock = loop.call_later(LOOK_EVERY_SECONDS, self._look)
        answer.add_done_callback(partial(_let_go, due, None if lasts else task))
        return answer

    def _look(self) -> None:
        """Answer for what is late, and look again as long as there is something to look at."""
        loop, self._clock = asyncio.get_running_loop(), None
        now = loop.time()
        for due in self._due.values():
            for answer, (until, late) in list(due.items()):
                if until > now:
                    break
                if not answer.done():
                    answer.set_result(late())
        if any(self._due.values()):
            self._clock = loop.call_later(LOOK_EVERY_SECONDS, self._look)

    async def finish(self) -> None:
        """Let the mutations come to their end, before the database is let go of."""
        if self._mutations:
            await asyncio.wait(self._mutations, timeout=MUTATIONS_FINISH_SECONDS)


async def _do(work: Coroutine[Any, Any, Answer], answer: asyncio.Future[Answer]) -> None:
    try:
        result = await work
    except asyncio.CancelledError:
        answer.cancel()
        raise
    except Exception as fault:
        if answer.done():
            raise  # The loop tells of it, as nobody else can.
        answer.set_exception(fault)
    else:
        if not answer.done():
            answer.set_result(result)


def _let_go(
    due: dict[asyncio.Future[Answer], Due],
    task: asyncio.Task[None] | None,
    answer: asyncio.Future[Answer],
) -> None:
    """Nobody waits any more, whichever way it came."""
    del due[answer]
    if task is not None:
        task.cancel()
