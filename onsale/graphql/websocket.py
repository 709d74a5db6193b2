"""GraphQL over WebSocket: the protocol graphql-transport-ws, and no other.

Not Strawberry's own handler: that one dies of frames of a wrong shape, closes the whole socket over
one wrong document, cancels mutations with their socket, keeps one context for the connection, and
prints tracebacks when the server closes first.
"""

import asyncio
import time
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from graphql import OperationType
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected

from onsale.graphql.answers import Answer, Outcome, refused
from onsale.graphql.broadcast import Subscriber, Told
from onsale.graphql.broadcasts import Broadcasts
from onsale.graphql.connections import TooManyConnections
from onsale.graphql.entrance import Entrance, asker_of
from onsale.graphql.errors import our_fault, plain_error
from onsale.graphql.frames import LINE, Line, text_frame
from onsale.graphql.operation_log import Listener
from onsale.graphql.operations import Operation, OperationContext
from onsale.graphql.pace import Pace
from onsale.graphql.rate_limits import TooMuchAsked, address_of
from onsale.graphql.requests import (
    MalformedRequest,
    UnusableRequest,
    decode_json,
    operation_request,
)
from onsale.graphql.sharing import Shared
from onsale.identity import InvalidToken, Visitor, recognise
from onsale.logs import request_id_of
from schema.errors import ErrorCode

PROTOCOL = "graphql-transport-ws"
INIT_TIMEOUT_SECONDS = 5.0
#: Subscriptions, queries and mutations under way at the same time.
OPERATIONS_PER_CONNECTION_MAX = 100
OPERATION_ID_CHARACTERS_MAX = 200
#: As a rule; and so many at once, for who comes back subscribes to everything anew.
MESSAGES_PER_SECOND_MAX = 50
MESSAGES_AT_ONCE_MAX = 250

#: Close codes of the protocol.
MALFORMED, UNAUTHORIZED, FORBIDDEN = 4400, 4401, 4403
NO_SUBPROTOCOL, INIT_TIMEOUT, DUPLICATE_ID, TOO_MANY = 4406, 4408, 4409, 4429
#: What the server's line says of a reader that takes nothing (`onsale.patience`).
TOO_SLOW = 4008

#: What follows every introduction.
ACKNOWLEDGED = text_frame(b'{"type":"connection_ack"}')

log = structlog.get_logger("onsale.graphql")


class SocketClosed(Exception):  # noqa: N818 - named for what happened.
    """We close the socket: with which code, and why."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """How long a client may hesitate, and how much it may ask at once."""

    init_timeout_seconds: float = INIT_TIMEOUT_SECONDS
    operations_max: int = OPERATIONS_PER_CONNECTION_MAX
    messages_per_second: float = MESSAGES_PER_SECOND_MAX
    messages_at_once: int = MESSAGES_AT_ONCE_MAX


class GraphQLOverWebSocket:
    """The ASGI application behind `/graphql` for sockets."""

    def __init__(self, entrance: Entrance, limits: SocketLimits | None = None) -> None:
        self.entrance = entrance
        self.limits = limits or SocketLimits()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket to its end; nothing that a client sends makes this raise."""
        socket = WebSocket(scope, receive, send)
        with suppress(WebSocketDisconnect, WebSocketDisconnected):
            if not self.entrance.origins.allow(socket.headers):
                await socket.close()  # Before it is accepted, this answers the handshake with 403.
            elif PROTOCOL not in scope["subprotocols"]:
                await socket.accept()
                await socket.close(NO_SUBPROTOCOL, f"Only {PROTOCOL} is spoken here")
            else:
                await self._serve(socket)

    async def _serve(self, socket: WebSocket) -> None:
        """Serve it as one of those that its address may hold open."""
        address = address_of(socket.scope)
        try:
            self.entrance.connections.enter(address)
        except TooManyConnections as problem:
            await _deny(socket, str(problem))
            return
        try:
            await socket.accept(subprotocol=PROTOCOL)
            await Connection(self, socket, address).serve()
        finally:
            self.entrance.connections.leave(address)


async def _deny(socket: WebSocket, message: str) -> None:
    """Answer the handshake with 429 and a word to people, as far as the server can."""
    payload = {"errors": [plain_error(ErrorCode.TOO_MANY_REQUESTS, message)]}
    if "websocket.http.response" in socket.scope.get("extensions", {}):
        await socket.send_denial_response(JSONResponse(payload, 429))
    else:
        await socket.close()


class Connection:
    """One socket: who is at the other end, and which operations run for them."""

    def __init__(
        self, endpoint: GraphQLOverWebSocket, socket: WebSocket, address: str | None
    ) -> None:
        self._entrance = endpoint.entrance
        self._limits = endpoint.limits
        self._socket = socket
        self._address = address
        self._pace = Pace(endpoint.limits.messages_per_second, endpoint.limits.messages_at_once)
        self._request_id = request_id_of(socket.headers)
        self._started = 0
        #: What runs for them, by its id: a task of its own, or a place in what is told to many.
        self._operations: dict[str, asyncio.Task[None] | SocketSubscriber] = {}
        #: The way past ASGI; without it nothing is shared.
        self._line: Line | None = socket.scope.get("extensions", {}).get(LINE)
        #: None until the client has introduced itself.
        self._visitor: Visitor | None = None

    async def serve(self) -> None:
        """Take messages until one side closes; then end what runs, except mutations."""
        if self._line is not None:
            self._line.when_taking = self._catch_up
        try:
            await self._converse()
        except SocketClosed as closed:
            await self._close(closed)
        finally:
            if self._line is not None:
                self._line.when_taking = None
            await self._end_operations()

    async def _converse(self) -> None:
        try:
            async with asyncio.timeout(self._limits.init_timeout_seconds) as deadline:
                while True:
                    await self._handle(await self._receive(), deadline)
        except TimeoutError:
            if self._visitor is None:
                raise SocketClosed(INIT_TIMEOUT, "Connection initialisation timeout") from None
            raise SocketClosed(FORBIDDEN, "The token has expired: start a new session") from None

    async def _receive(self) -> dict[str, Any]:
        event = await self._socket.receive()
        if event["type"] == "websocket.disconnect":
            if event.get("code") == TOO_SLOW:
                self._note_closed(TOO_SLOW, event.get("reason", ""))
            raise WebSocketDisconnect(event.get("code", 1006))
        if not self._pace.allows_one():
            raise SocketClosed(TOO_MANY, "Too many messages")
        text = event.get("text")
        if text is None:
            raise SocketClosed(MALFORMED, "Messages must be text")
        try:
            message = decode_json(text)
        except MalformedRequest:
            raise SocketClosed(MALFORMED, "Messages must be JSON") from None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise SocketClosed(MALFORMED, "Messages must be objects with a type")
        return message

    async def _handle(self, message: dict[str, Any], deadline: asyncio.Timeout) -> None:
        match message["type"]:
            case "connection_init":
                await self._introduce(_payload(message), deadline)
            case "ping":
                _payload(message)
                await self._send({"type": "pong"})
            case "pong":
                _payload(message)
            case "subscribe":
                await self._subscribe(_operation_id(message), message.get("payload"))
            case "complete":
                self._end_operation(_operation_id(message))
            case _:
                raise SocketClosed(MALFORMED, "Unknown message type")

    async def _introduce(self, payload: dict[str, Any], deadline: asyncio.Timeout) -> None:
        """Learn who is there; from then on the socket lives as long as their token."""
        if self._visitor is not None:
            raise SocketClosed(TOO_MANY, "Too many initialisation requests")
        self._visitor = self._recognise(payload)
        deadline.reschedule(_loop_time(self._visitor.expires_at))
        if self._line is not None:
            self._line.write(ACKNOWLEDGED)
        else:
            await self._send({"type": "connection_ack"})

    def _recognise(self, payload: dict[str, Any]) -> Visitor:
        """Take the token of the payload, or else of the handshake's header or cookie.

        Browsers cannot set headers of a handshake, hence the payload.
        """
        authorization = payload.get("authorization", payload.get("Authorization"))
        if authorization is None and payload.get("token") is not None:
            authorization = f"Bearer {payload['token']}"
        if authorization is None:
            authorization = self._socket.headers.get("authorization")
        if not isinstance(authorization, str | None):
            raise SocketClosed(MALFORMED, "The authorization must be a string")
        try:
            return recognise(self._entrance.tokens, authorization, self._socket.cookies)
        except InvalidToken:
            raise SocketClosed(FORBIDDEN, "Forbidden: start a new session") from None

    async def _subscribe(self, operation_id: str, payload: Any) -> None:
        """Begin an operation of any type. What is wrong with it does not touch the others."""
        if self._visitor is None:
            raise SocketClosed(UNAUTHORIZED, "Unauthorized")
        if operation_id in self._operations:
            raise SocketClosed(DUPLICATE_ID, f"Subscriber for {operation_id[:60]} already exists")
        self._started += 1
        request_id = f"{self._request_id}-{self._started}"
        operation = await self._read(payload, request_id, self._visitor)
        if isinstance(operation, Answer):
            await self._send(_error(operation_id, operation))
            return
        self._begin(operation_id, operation, request_id)

    def _begin(self, operation_id: str, operation: Operation, request_id: str) -> None:
        """Let it run: told with others who asked for the same, or in a task of its own."""
        assert self._visitor is not None, "nothing runs before the introduction"
        broadcasts = self._entrance.broadcasts if self._line is not None else None
        shared = broadcasts.look(operation) if broadcasts is not None else None
        if broadcasts is None or shared is None:
            running = self._run(operation_id, operation, request_id)
            self._operations[operation_id] = asyncio.create_task(running)
            return
        subscriber = self._subscriber(operation_id, operation, request_id)
        self._operations[operation_id] = subscriber
        if not broadcasts.enter_at_once(shared, subscriber):
            entering = self._enter(broadcasts, shared, subscriber, request_id)
            self._operations[operation_id] = asyncio.create_task(entering)

    async def _read(self, payload: Any, request_id: str, visitor: Visitor) -> Operation | Answer:
        try:
            request = operation_request(payload)
        except UnusableRequest as problem:
            return refused([plain_error(ErrorCode.BAD_REQUEST, str(problem))])
        except MalformedRequest as problem:
            raise SocketClosed(MALFORMED, str(problem)) from None
        if len(self._operations) >= self._limits.operations_max:
            message = f"{len(self._operations)} operations run on this socket, and no more may."
            return refused([plain_error(ErrorCode.TOO_MANY_REQUESTS, message)])
        try:
            asker = asker_of(visitor, self._address)
            return await self._entrance.admit(request, request_id, asker)
        except TooMuchAsked as problem:
            error = plain_error(
                ErrorCode.TOO_MANY_REQUESTS, str(problem), retryAfterSeconds=problem.seconds
            )
            return refused([error])

    def _subscriber(
        self, operation_id: str, operation: Operation, request_id: str
    ) -> "SocketSubscriber":
        assert self._line is not None, "without a line nothing is shared"
        about = Listener(operation.name, "websocket", request_id)
        return SocketSubscriber(about, self._line, self._operations, operation_id)

    async def _enter(
        self,
        broadcasts: Broadcasts,
        shared: Shared,
        subscriber: "SocketSubscriber",
        request_id: str,
    ) -> None:
        """Wait until they can be let in; where that fails, an execution of its own says why."""
        operation_id = subscriber.operation_id
        if await broadcasts.enter(shared, subscriber):
            if self._operations.get(operation_id) is asyncio.current_task():
                self._operations[operation_id] = subscriber
            else:  # Ended meanwhile, and the cancellation was swallowed on its way.
                subscriber.leave()
        else:
            await self._run(operation_id, shared.operation, request_id)

    def _catch_up(self) -> None:
        """Tell what was missed: the line takes something again."""
        for operation in self._operations.values():
            if isinstance(operation, SocketSubscriber):
                operation.catch_up()

    async def _run(self, operation_id: str, operation: Operation, request_id: str) -> None:
        structlog.contextvars.bind_contextvars(request_id=request_id)
        assert self._visitor is not None, "nothing runs before the introduction"
        # A context of its own, so that no loader or board of an earlier operation tells old news.
        context = self._entrance.make_context(self._visitor, request_id)
        try:
            if operation.type is OperationType.SUBSCRIPTION:
                await self._stream(operation_id, operation, context)
            else:
                answer = await self._entrance.operations.run(operation, context, "websocket")
                await self._conclude(operation_id, answer)
        except (WebSocketDisconnect, WebSocketDisconnected):
            pass  # Whoever reads from the socket learns of it too, and ends everything.
        except Exception:
            log.exception("An operation over WebSocket could not be answered")
            answer = refused([our_fault(context.request_id)])
            with suppress(WebSocketDisconnect, WebSocketDisconnected):
                await self._conclude(operation_id, answer)

    async def _stream(
        self, operation_id: str, operation: Operation, context: OperationContext
    ) -> None:
        """Send each message as the socket takes it: a slow reader slows its own stream."""
        messages = self._entrance.operations.subscribe(operation, context, "websocket")
        async with aclosing(messages):
            async for answer in messages:
                if answer.outcome is not Outcome.EXECUTED:
                    await self._conclude(operation_id, answer)
                    return
                await self._send(_next(operation_id, answer))
        self._operations.pop(operation_id, None)
        await self._send({"id": operation_id, "type": "complete"})

    async def _conclude(self, operation_id: str, answer: Answer) -> None:
        """Send the only or last answer. The id is free for reuse before the client knows."""
        self._operations.pop(operation_id, None)
        if answer.outcome is Outcome.EXECUTED:
            await self._send(_next(operation_id, answer))
            await self._send({"id": operation_id, "type": "complete"})
        else:
            await self._send(_error(operation_id, answer))

    async def _send(self, message: dict[str, Any]) -> None:
        """Send as text: bytes would make a binary frame, which the protocol does not have."""
        await self._socket.send_text(orjson.dumps(message).decode())

    async def _close(self, closed: SocketClosed) -> None:
        self._note_closed(closed.code, str(closed))
        with suppress(WebSocketDisconnect, WebSocketDisconnected):
            await self._socket.close(closed.code, str(closed))

    def _note_closed(self, code: int, reason: str) -> None:
        log.info("socket closed", code=code, reason=reason, request_id=self._request_id)

    def _end_operation(self, operation_id: str) -> None:
        operation = self._operations.pop(operation_id, None)
        if isinstance(operation, SocketSubscriber):
            operation.leave()
        elif operation is not None:
            operation.cancel()

    async def _end_operations(self) -> None:
        tasks = [task for task in self._operations.values() if isinstance(task, asyncio.Task)]
        for operation_id in list(self._operations):
            self._end_operation(operation_id)
        if tasks:
            await asyncio.wait(tasks)  # Each gets to its `finally`: boards are unwatched there.


class SocketSubscriber(Subscriber):
    """An operation of a socket that is told what others are told, too."""

    __slots__ = ("_line", "_operations", "_prefix", "operation_id")

    def __init__(
        self,
        about: Listener,
        line: Line,
        operations: "dict[str, asyncio.Task[None] | SocketSubscriber]",
        operation_id: str,
    ) -> None:
        super().__init__(about)
        self.operation_id = operation_id
        self._line = line
        self._operations = operations
        self._prefix = b'{"id":' + orjson.dumps(operation_id) + b',"type":"next","payload":'

    @property
    def is_taking(self) -> bool:
        """Whether the line takes something."""
        return self._line.is_taking

    def tell(self, told: Told) -> None:
        """Send it, put together with the id; those whose ids are equal get the same bytes."""
        if told.is_refusal:
            self._conclude({"id": self.operation_id, "type": "error", "payload": told.errors})
            return
        if told.prefix != self._prefix:
            told.prefix = self._prefix
            told.frame = text_frame(self._prefix + told.payload + b"}")
        self._line.write(told.frame)

    def end(self) -> None:
        """Say that it is complete."""
        self._conclude({"id": self.operation_id, "type": "complete"})

    def _conclude(self, message: dict[str, Any]) -> None:
        """Send the last message. The id is free for reuse before the client knows."""
        self._operations.pop(self.operation_id, None)
        self.leave()
        self._line.write(text_frame(orjson.dumps(message)))


def _payload(message: dict[str, Any]) -> dict[str, Any]:
    """Take what may come with a message that needs nothing."""
    payload = message.get("payload")
    if payload is not None and not isinstance(payload, dict):
        raise SocketClosed(MALFORMED, f"The payload of {message['type']} must be an object")
    return payload or {}


def _operation_id(message: dict[str, Any]) -> str:
    operation_id = message.get("id")
    if not isinstance(operation_id, str) or not operation_id:
        raise SocketClosed(MALFORMED, "An operation's id must be a string that is not empty")
    if len(operation_id) > OPERATION_ID_CHARACTERS_MAX:
        raise SocketClosed(MALFORMED, "The operation's id is too long")
    return operation_id


def _loop_time(expires_at: int | None) -> float | None:
    """Turn a moment of the calendar into one of the event loop's clock."""
    if expires_at is None:
        return None
    return asyncio.get_running_loop().time() + expires_at - time.time()


def _next(operation_id: str, answer: Answer) -> dict[str, Any]:
    return {"id": operation_id, "type": "next", "payload": answer.payload}


def _error(operation_id: str, answer: Answer) -> dict[str, Any]:
    return {"id": operation_id, "type": "error", "payload": answer.errors}
