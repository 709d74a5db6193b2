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
from onsale.graphql.connections import TooManyConnections
from onsale.graphql.entrance import Entrance, asker_of
from onsale.graphql.errors import our_fault, plain_error
from onsale.graphql.operations import Operation, OperationContext
from onsale.graphql.pace import Pace
from onsale.graphql.rate_limits import TooMuchAsked, address_of
from onsale.graphql.requests import (
    MalformedRequest,
    UnusableRequest,
    decode_json,
    operation_request,
)
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
        self._tasks: dict[str, asyncio.Task[None]] = {}
        #: None until the client has introduced itself.
        self._visitor: Visitor | None = None

    async def serve(self) -> None:
        """Take messages until one side closes; then end what runs, except mutations."""
        try:
            await self._converse()
        except SocketClosed as closed:
            await self._close(closed)
        finally:
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
        if operation_id in self._tasks:
            raise SocketClosed(DUPLICATE_ID, f"Subscriber for {operation_id[:60]} already exists")
        self._started += 1
        request_id = f"{self._request_id}-{self._started}"
        operation = await self._read(payload, request_id, self._visitor)
        if isinstance(operation, Answer):
            await self._send(_error(operation_id, operation))
            return
        # A context of its own, so that no loader or board of an earlier operation tells old news.
        context = self._entrance.make_context(self._visitor, request_id)
        running = self._run(operation_id, operation, context)
        self._tasks[operation_id] = asyncio.create_task(running)

    async def _read(self, payload: Any, request_id: str, visitor: Visitor) -> Operation | Answer:
        try:
            request = operation_request(payload)
        except UnusableRequest as problem:
            return refused([plain_error(ErrorCode.BAD_REQUEST, str(problem))])
        except MalformedRequest as problem:
            raise SocketClosed(MALFORMED, str(problem)) from None
        if len(self._tasks) >= self._limits.operations_max:
            message = f"{len(self._tasks)} operations run on this socket, and no more may."
            return refused([plain_error(ErrorCode.TOO_MANY_REQUESTS, message)])
        try:
            asker = asker_of(visitor, self._address)
            return await self._entrance.admit(request, request_id, asker)
        except TooMuchAsked as problem:
            error = plain_error(
                ErrorCode.TOO_MANY_REQUESTS, str(problem), retryAfterSeconds=problem.seconds
            )
            return refused([error])

    async def _run(
        self, operation_id: str, operation: Operation, context: OperationContext
    ) -> None:
        structlog.contextvars.bind_contextvars(request_id=context.request_id)
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
        """Send each message as the socket takes it: a slow reader slows its own stream, no queue.

        Identical subscriptions could share one execution and one encoding from here on.
        """
        messages = self._entrance.operations.subscribe(operation, context, "websocket")
        async with aclosing(messages):
            async for answer in messages:
                if answer.outcome is not Outcome.EXECUTED:
                    await self._conclude(operation_id, answer)
                    return
                await self._send(_next(operation_id, answer))
        self._tasks.pop(operation_id, None)
        await self._send({"id": operation_id, "type": "complete"})

    async def _conclude(self, operation_id: str, answer: Answer) -> None:
        """Send the only or last answer. The id is free for reuse before the client knows."""
        self._tasks.pop(operation_id, None)
        if answer.outcome is Outcome.EXECUTED:
            await self._send(_next(operation_id, answer))
            await self._send({"id": operation_id, "type": "complete"})
        else:
            await self._send(_error(operation_id, answer))

    async def _send(self, message: dict[str, Any]) -> None:
        """Send as text: bytes would make a binary frame, which the protocol does not have."""
        await self._socket.send_text(orjson.dumps(message).decode())

    async def _close(self, closed: SocketClosed) -> None:
        log.info("socket closed", code=closed.code, reason=str(closed), request_id=self._request_id)
        with suppress(WebSocketDisconnect, WebSocketDisconnected):
            await self._socket.close(closed.code, str(closed))

    def _end_operation(self, operation_id: str) -> None:
        task = self._tasks.pop(operation_id, None)
        if task is not None:
            task.cancel()

    async def _end_operations(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)  # Each gets to its `finally`: boards are unwatched there.


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
