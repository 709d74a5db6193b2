"""GraphQL over server-sent events, for clients behind proxies that break WebSockets.

The distinct connections mode of graphql-sse's protocol: one HTTP request an operation, an event
`next` for each message, and an event `complete` at its end. A stream that ends without `complete`
was cut off, and clients begin anew.

Not Strawberry's: that one ends its lines with CRLF, which urql does not understand, streams to
whoever merely lists the media type, and keeps a server from stopping.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass

import orjson
import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from onsale.graphql.answers import Answer, refused
from onsale.graphql.broadcast import Subscriber, Told
from onsale.graphql.broadcasts import Broadcasts
from onsale.graphql.entrance import Entrance
from onsale.graphql.errors import our_fault, plain_error
from onsale.graphql.negotiation import EVENT_STREAM
from onsale.graphql.operation_log import Listener
from onsale.graphql.operations import Operation, OperationContext
from onsale.graphql.sharing import Shared
from schema.errors import ErrorCode

#: Proxies give up connections on which nothing moves, after half a minute or more.
PING_EVERY_SECONDS = 12.0
PING = b":\n\n"
COMPLETE = b"event: complete\ndata:\n\n"

HEADERS = {
    "content-type": f"{EVENT_STREAM}; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",  # nginx would keep events back to send them together.
}

log = structlog.get_logger("onsale.graphql")


def next_event(answer: Answer) -> bytes:
    """Write one message. JSON as we write it has no line breaks, so it is one line of data."""
    return _next(orjson.dumps(answer.payload))


def _next(payload: bytes) -> bytes:
    return b"event: next\ndata: " + payload + b"\n\n"


def single_answer(answer: Answer) -> Response:
    """Send the answer to a query or a mutation, or to what is neither, as a short stream."""
    return Response(next_event(answer) + COMPLETE, headers=HEADERS)


@dataclass(frozen=True, slots=True)
class Stream:
    """What is streamed, and for how long."""

    #: Each message as an event: see `events_of`.
    events: AsyncGenerator[bytes]
    request_id: str
    #: When the listener's token ends, in seconds since 1970.
    expires_at: int | None
    #: Set when the server is about to stop.
    closing: asyncio.Event
    #: Called at the end, whichever way it comes.
    release: Callable[[], None]


class EventStream(Response):
    """Sends a subscription's messages, until one side has had enough."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI.
        """Stream to the end."""
        tasks: list[asyncio.Task[None]] = []
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await send(_body(PING))  # Or else clients would not see it open before it tells.
            tasks += (
                asyncio.create_task(self._tell(send)),
                asyncio.create_task(disconnected(receive)),
                asyncio.create_task(_closes(self._stream.closing)),
                asyncio.create_task(_ping_forever(send)),
            )
            done, _ = await asyncio.wait(
                tasks, timeout=self._seconds_left(), return_when=asyncio.FIRST_COMPLETED
            )
            await _cancel(tasks)
            if not done:
                await send(_body(next_event(_expired()) + COMPLETE))
            await send(_body(b"", more=False))
        except OSError:
            pass  # The listener has gone: nobody is left to be told anything.
        finally:
            await _cancel(tasks)
            await self._stream.events.aclose()
            self._stream.release()

    async def _tell(self, send: Send) -> None:
        """Send each message as the connection takes it: a slow reader slows its own stream."""
        try:
            async with aclosing(self._stream.events) as events:
                async for event in events:
                    await send(_body(event))
        except OSError:
            return
        except Exception:
            log.exception("An event stream could not go on")
            await send(_body(next_event(refused([our_fault(self._stream.request_id)]))))
        await send(_body(COMPLETE))

    def _seconds_left(self) -> float | None:
        expires_at = self._stream.expires_at
        return None if expires_at is None else max(expires_at - time.time(), 0.0)


def events_of(
    entrance: Entrance, operation: Operation, context: OperationContext
) -> AsyncGenerator[bytes]:
    """Give a subscription's events: those that others get, too, where that can be."""
    messages = entrance.operations.subscribe(operation, context, "sse")
    broadcasts = entrance.broadcasts
    shared = broadcasts.look(operation) if broadcasts is not None else None
    if broadcasts is None or shared is None:
        return own_events(messages)
    about = Listener(operation.name, "sse", context.request_id)
    return shared_events(broadcasts, shared, about, messages)


async def own_events(messages: AsyncGenerator[Answer]) -> AsyncGenerator[bytes]:
    """Write the messages of an execution of its own."""
    async with aclosing(messages):
        async for answer in messages:
            yield next_event(answer)


async def shared_events(
    broadcasts: Broadcasts, shared: Shared, about: Listener, messages: AsyncGenerator[Answer]
) -> AsyncGenerator[bytes]:
    """Give what others are told, too; `messages` only where that cannot be had."""
    reader = Mailbox(about)
    if not broadcasts.enter_at_once(shared, reader) and not await broadcasts.enter(shared, reader):
        async with aclosing(own_events(messages)) as events:
            async for event in events:
                yield event
        return
    try:
        while (told := await reader.take()) is not None:
            if not told.event:
                told.event = _next(told.payload)
            yield told.event
    finally:
        reader.leave()


class Mailbox(Subscriber):
    """Has room for one message: while it is on its way, those that follow become one."""

    __slots__ = ("_arrived", "_has_ended", "_taken", "_told")

    def __init__(self, about: Listener) -> None:
        super().__init__(about)
        self._arrived = asyncio.Event()
        self._told: Told | None = None
        #: What is being sent. A refusal may come meanwhile, and nothing after it.
        self._taken: Told | None = None
        self._has_ended = False

    @property
    def is_taking(self) -> bool:
        """Whether the last message was taken, and its sending is over."""
        return self._told is None

    def tell(self, told: Told) -> None:
        """Keep it until it is taken."""
        self._told = told
        self._has_ended |= told.is_refusal
        self._arrived.set()

    def end(self) -> None:
        """Note that there is no more to come."""
        self._has_ended = True
        self._arrived.set()

    async def take(self) -> Told | None:
        """Wait for the next message; None: there is no more. The one before has been sent."""
        if self._told is not None and self._told is self._taken:
            self._told = self._taken = None
            if self._has_ended:
                return None
            self._arrived.clear()
            self.catch_up()
        await self._arrived.wait()
        self._taken = self._told
        return self._told


async def disconnected(receive: Receive) -> None:
    """Wait until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _closes(closing: asyncio.Event) -> None:
    await closing.wait()


async def _ping_forever(send: Send) -> None:
    """Send a comment now and again."""
    with suppress(OSError):
        while True:
            await asyncio.sleep(PING_EVERY_SECONDS)
            await send(_body(PING))


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    """End what runs, and wait for it: boards are unwatched on its way out."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)


def _body(data: bytes, *, more: bool = True) -> dict[str, object]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def _expired() -> Answer:
    message = "The token has expired. Start a new guest session without it, and subscribe again."
    return refused([plain_error(ErrorCode.UNAUTHENTICATED, message)])
