"""One story told to many: each message is executed once, encoded once, and written to everybody.

Nobody has a queue and nobody has a task. A subscriber is a place in the story; whoever does not
take what is sent is passed over, and once they take again the next message covers all they missed.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import orjson
import structlog
from graphql import ExecutionResult, GraphQLError

from box_office.live import LiveDelta, LiveMessage, LivePlace, LiveStale, LiveStory
from onsale.graphql.answers import Answer, Outcome, answer_of, refused
from onsale.graphql.errors import our_fault
from onsale.graphql.operation_log import Listener, log_subscription_end, log_subscription_start

#: Opens a story; it calls back whenever there may be something to tell.
OpenStory = Callable[[Callable[[], None]], Awaitable[LiveStory]]
#: Executes a subscription's operation for a message, under a request id.
Execute = Callable[[LiveMessage, str], Awaitable[Answer]]

#: So many are written to before requests have their turn.
GROUP_SUBSCRIBERS = 128
#: Messages of one tick that are kept encoded: beside the one for all, those of who came back.
TOLD_MAX = 256
#: All wait for an execution; what takes longer has failed, and the next message makes up for it.
EXECUTION_SECONDS_MAX = 2.0
#: For so long those who come are told the same failure, and nothing is executed for them.
FAILURE_SECONDS = 1.0

log = structlog.get_logger("onsale.graphql")


class Told:
    """One message as JSON, for all who are told it."""

    __slots__ = ("errors", "event", "frame", "is_empty", "is_refusal", "payload", "prefix")

    def __init__(self, answer: Answer) -> None:
        self.errors = answer.errors
        #: Nothing ran, and nothing more comes: `payload` has the errors and no data.
        self.is_refusal = answer.outcome is not Outcome.EXECUTED
        #: It has errors and nothing else.
        self.is_empty = answer.payload.get("data") is None
        self.payload = orjson.dumps(answer.payload)
        #: The last frame that was made of it, and what stands before the payload in that.
        self.prefix = self.frame = b""
        #: The same as an event of a stream, once somebody needs it.
        self.event = b""


class Subscriber(ABC):
    """Somebody who is told a story."""

    __slots__ = ("_about", "_broadcast", "_errors", "_messages", "_started", "place")

    def __init__(self, about: Listener) -> None:
        self._about = about
        self._broadcast: Broadcast | None = None
        self._errors: Sequence[dict[str, Any]] = ()
        self._messages = 0
        self._started = 0.0
        self.place: LivePlace

    @property
    @abstractmethod
    def is_taking(self) -> bool:
        """Whether there is room for another message."""

    @abstractmethod
    def tell(self, told: Told) -> None:
        """Send a message. After a refusal nothing more comes. It must not raise."""

    @abstractmethod
    def end(self) -> None:
        """Say that nothing more comes. It must not raise."""

    def enter(self, broadcast: "Broadcast", place: LivePlace) -> None:
        """Note where in which story they are."""
        self._broadcast, self.place = broadcast, place
        self._started = time.perf_counter()
        log_subscription_start(self._about)

    def note(self, told: Told) -> None:
        """Count what they were told."""
        self._messages += 1
        self._errors = told.errors

    def catch_up(self) -> None:
        """Ask for what was missed: there is room again."""
        if self._broadcast is not None:
            self._broadcast.catch_up(self)

    def leave(self) -> None:
        """Listen no more. The second time does nothing."""
        if self._broadcast is None:
            return
        self._broadcast.leave(self)
        self._broadcast = None
        seconds = time.perf_counter() - self._started
        log_subscription_end(
            self._about, seconds=seconds, messages=self._messages, errors=self._errors
        )


class StoryOver(Exception):  # noqa: N818 - named for what happened.
    """The story ended while somebody was about to be let in."""


class Broadcast:
    """Tells one story, in the words of one operation, to all who asked for just that."""

    def __init__(
        self,
        open_story: OpenStory,
        execute: Execute,
        request_id: str,
        when_over: Callable[[], None],
    ) -> None:
        self._execute = execute
        self._request_id = request_id
        self._when_over = when_over
        self._executions = 0
        self._subscribers: dict[Subscriber, None] = {}
        #: Who has just come, or takes again: they do not wait for a pass through all.
        self._due: deque[Subscriber] = deque()
        self._told: dict[LiveMessage, Told] = {}
        self._wake = asyncio.Event()
        self._has_moved = False
        self._story: LiveStory | None = None
        #: Those who wait for the story to be opened, or for their place in it.
        self._entering = 0
        self._is_over = False
        self._opening = asyncio.ensure_future(open_story(self._move))
        self._telling: asyncio.Task[None] | None = None

    def enter_at_once(self, subscriber: Subscriber, since_version: int | None) -> bool:
        """Let somebody in, if nothing has to be waited for; they are told at the next turn."""
        place = None if self._story is None else self._story.place_at_once(since_version)
        if place is None:
            return False
        self._add(subscriber, place)
        return True

    async def enter(self, subscriber: Subscriber, since_version: int | None) -> None:
        """Let somebody in. Raises StoryOver, and what opening the story raises."""
        self._entering += 1
        try:
            story = await self._opened()
            place = await story.place(since_version)
            if self._is_over:
                raise StoryOver
            self._add(subscriber, place)
        finally:
            self._entering -= 1
            self._end_if_alone()

    def catch_up(self, subscriber: Subscriber) -> None:
        """Tell what somebody missed while they took nothing."""
        self._due.append(subscriber)
        self._wake.set()

    def leave(self, subscriber: Subscriber) -> None:
        """Let somebody go; with the last one the story ends."""
        self._subscribers.pop(subscriber, None)
        self._end_if_alone()

    def _add(self, subscriber: Subscriber, place: LivePlace) -> None:
        self._subscribers[subscriber] = None
        subscriber.enter(self, place)
        self.catch_up(subscriber)

    async def _opened(self) -> LiveStory:
        """Open the story once for all who wait; whoever of them gives up stops nobody."""
        story = await asyncio.shield(self._opening)
        if self._telling is None:
            self._story = story
            self._telling = asyncio.create_task(self._tell_until_the_end(story), name="Broadcast")
        return story

    def _end_if_alone(self) -> None:
        if self._is_over or self._subscribers or self._entering:
            return
        self._finish()
        if not self._opening.done():
            self._opening.cancel()
        elif not self._opening.cancelled() and self._opening.exception() is None:
            self._opening.result().leave()

    def _finish(self) -> None:
        """Let nobody in any more."""
        self._is_over = True
        self._when_over()
        self._wake.set()

    def _move(self) -> None:
        """Learn that there is something new, so that what was told last is old."""
        self._told.clear()
        self._has_moved = True
        self._wake.set()

    async def _tell_until_the_end(self, story: LiveStory) -> None:
        structlog.contextvars.bind_contextvars(request_id=self._request_id)
        try:
            while not (self._is_over or story.closed):
                await self._wake.wait()
                self._wake.clear()
                await self._tell_news()
            await self._tell_due()
            await self._end_all()
        except Exception:
            log.exception("A story could not be told on")
            await self._end_all(Told(refused([our_fault(self._request_id)])))
        finally:
            story.leave()

    async def _tell_news(self) -> None:
        """Tell everybody, if there is something new, and else those who asked."""
        if not self._has_moved:
            await self._tell_due()
            return
        self._has_moved = False
        for group in _groups(self._subscribers):
            await self._tell_due()
            await self._tell(group)
            await asyncio.sleep(0)

    async def _tell_due(self) -> None:
        """Tell those who do not wait for a pass; not so many that the pass stands still."""
        count = min(len(self._due), GROUP_SUBSCRIBERS)
        await self._tell([self._due.popleft() for _ in range(count)])
        if self._due:
            self._wake.set()
            await asyncio.sleep(0)

    async def _tell(self, subscribers: Iterable[Subscriber]) -> None:
        """Tell each what they miss, as far as they are still there and take it."""
        here = self._subscribers
        for subscriber in subscribers:
            # Who comes while nobody knows whether the map is right has two messages to be told.
            while subscriber in here and subscriber.is_taking:
                message = subscriber.place.next_message()
                if message is None:
                    break
                told = self._told.get(message)
                if told is None:
                    told = await self._encode(message)
                    if subscriber not in here:
                        break
                subscriber.note(told)
                subscriber.tell(told)
                if told.is_empty and not isinstance(message, LiveStale):
                    # Or the next delta would not fit. All seats again would fail again, just now.
                    subscriber.place.begin_anew(at_once=isinstance(message, LiveDelta))

    async def _encode(self, message: LiveMessage) -> Told:
        """Execute once, and let others have their turn: it may be a long one."""
        self._executions += 1
        request_id = f"{self._request_id}-{self._executions}"
        told = self._told[message] = Told(await self._execute(message, request_id))
        if told.is_empty:
            asyncio.get_running_loop().call_later(FAILURE_SECONDS, self._told.pop, message, None)
        if len(self._told) > TOLD_MAX:
            del self._told[next(iter(self._told))]
        await asyncio.sleep(0)
        return told

    async def _end_all(self, why: Told | None = None) -> None:
        """Send everybody away, a group at a time; without a reason there is no more to tell."""
        if not self._is_over:
            self._finish()
        for group in _groups(self._subscribers):
            for subscriber in group:
                if subscriber in self._subscribers:
                    subscriber.leave()
                    subscriber.end() if why is None else subscriber.tell(why)
            await asyncio.sleep(0)


def _groups(subscribers: Iterable[Subscriber]) -> Iterator[list[Subscriber]]:
    """Divide those who are there now."""
    left = iter(list(subscribers))
    while group := list(islice(left, GROUP_SUBSCRIBERS)):
        yield group


async def answered(
    running: Callable[[], ExecutionResult | Awaitable[ExecutionResult]], request_id: str
) -> Answer:
    """Give an execution's answer; whatever it breaks on is our fault, and told so."""
    try:
        result = running()
        if not isinstance(result, ExecutionResult):
            async with asyncio.timeout(EXECUTION_SECONDS_MAX):
                result = await result
    except TimeoutError:
        log.warning("A message took too long to make", request_id=request_id)
        return Answer(Outcome.EXECUTED, {"errors": [our_fault(request_id)], "data": None})
    except Exception as fault:  # noqa: BLE001 - it is logged where the answer is made.
        result = ExecutionResult(None, [GraphQLError(str(fault), original_error=fault)])
    return answer_of(result, request_id)
