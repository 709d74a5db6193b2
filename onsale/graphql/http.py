"""GraphQL over HTTP: GET for queries, POST with JSON, and an answer in JSON whatever was sent.

Not Strawberry's own view: that one answers 500 to bodies of a wrong shape and plain text to other
faults, takes bodies of any size, runs the first of several operations, and knows one media type.

What needs not wait is answered by plain calls: a server that knows how (`onsale.short_way`) asks
`begin` itself, without a task and without messages; any other one comes by ASGI.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import orjson
import structlog
from graphql import OperationType
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from onsale.graphql.answers import Answer, Outcome
from onsale.graphql.connections import TooManyConnections
from onsale.graphql.cross_origin import CrossOrigin
from onsale.graphql.entrance import Entrance, asker_of
from onsale.graphql.errors import our_fault
from onsale.graphql.http_requests import (
    HttpRefusal,
    HttpRequest,
    body_of,
    look_at_head,
    read_operation,
)
from onsale.graphql.known_queries import KnownQueries
from onsale.graphql.negotiation import EVENT_STREAM, GRAPHQL_RESPONSE, JSON, Accepted
from onsale.graphql.operations import Operation, OperationContext
from onsale.graphql.rate_limits import TooMuchAsked, address_of
from onsale.graphql.replies import Headers, Reply
from onsale.graphql.sse import EventStream, Stream, disconnected, events_of, single_answer
from onsale.identity import SESSION_COOKIE, InvalidToken, Visitor, recognise
from onsale.logs import REQUEST_ID_HEADER
from schema.errors import ErrorCode

#: Most queries are answered sooner, and then nobody has to watch whether the client is there.
DISCONNECT_WATCHED_AFTER_SECONDS = 0.2

JSON_HEADERS: dict[str, Headers] = {
    media_type: [
        (b"content-type", f"{media_type}; charset=utf-8".encode()),
        (b"cache-control", b"no-store"),
    ]
    for media_type in (JSON, GRAPHQL_RESPONSE)
}

_REQUEST_ID = REQUEST_ID_HEADER.encode()

log = structlog.get_logger("onsale.graphql")


@dataclass(slots=True)
class Waiting:
    """An answer that has to be waited for; whoever does so no longer cancels the future."""

    future: asyncio.Future[Any]
    #: What follows from it. May raise what the future raises.
    go_on: "Callable[[asyncio.Future[Any]], Done]"


#: The whole answer, one that has yet to come, or a stream that writes itself.
Done = Reply | Waiting | ASGIApp


@dataclass(slots=True)
class Asking:
    """Who asks, and how the answer gets to them."""

    request: HttpRequest
    accepted: Accepted
    visitor: Visitor
    address: str | None


class GraphQLOverHTTP:
    """Everything behind `/graphql` but sockets."""

    def __init__(self, entrance: Entrance, cross_origin: CrossOrigin | None = None) -> None:
        self._entrance = entrance
        self._cross_origin = cross_origin or CrossOrigin()
        self._known_queries = KnownQueries()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request by ASGI; nothing that a client sends makes this raise."""
        request = HttpRequest(scope)
        try:
            done = self.refuse(request)
            if done is None:
                request.body = await body_of(request, receive)
                done = self.begin(request)
            while isinstance(done, Waiting):
                await _wait_or_disconnect(done.future, receive)
                done = self.resume(request, done)
        except HttpRefusal as refusal:
            done = self._finished(request, _refused(refusal))
        except ClientDisconnect:
            return  # Nobody is left to be answered.
        assert not isinstance(done, Waiting), "it was waited for"
        await (done.send(send) if isinstance(done, Reply) else done(scope, receive, send))

    def refuse(self, request: HttpRequest) -> Done | None:
        """Refuse a request by its head, before its body is read, or do not."""
        try:
            look_at_head(request)
        except HttpRefusal as refusal:
            return self._finished(request, _refused(refusal))
        return None

    def begin(self, request: HttpRequest) -> Done:
        """Answer a request that is there as a whole, as far as that needs no waiting."""
        structlog.contextvars.bind_contextvars(request_id=request.id)
        return self._safely(request, self._begin, request)

    def resume(self, request: HttpRequest, waiting: Waiting) -> Done:
        """Go on with what has been waited for, or was given up because the server stops."""
        if waiting.future.cancelled():
            return self._finished(request, _refused(_stopping()))
        return self._safely(request, waiting.go_on, waiting.future)

    def _safely(self, request: HttpRequest, step: Callable[[Any], Done], given: Any) -> Done:
        """Take a step; whatever goes wrong is an answer, too."""
        try:
            done = step(given)
        except HttpRefusal as refusal:
            done = _refused(refusal)
        except TooMuchAsked as problem:
            headers = {"retry-after": str(problem.seconds)}
            done = _refused(HttpRefusal(429, str(problem), ErrorCode.TOO_MANY_REQUESTS, headers))
        except Exception:
            log.exception("A GraphQL request could not be answered")
            done = _json({"errors": [our_fault(request.id)]}, 500, JSON)
        return self._finished(request, done)

    def _finished(self, request: HttpRequest, done: Done) -> Done:
        """Add what every answer says."""
        if isinstance(done, Waiting):
            return done
        headers = [
            (_REQUEST_ID, request.id.encode()),
            *self._cross_origin.headers(request.headers.get(b"origin")),
        ]
        if isinstance(done, Reply):
            done.headers += headers
            return done
        return _with_headers(done, headers)

    def _begin(self, request: HttpRequest) -> Done:
        accepted = request.accepted or look_at_head(request)
        asked = self._known_queries.of(request) or read_operation(request)
        asking = Asking(request, accepted, self._recognise(request), address_of(request.scope))
        asker = asker_of(asking.visitor, asking.address)
        admitted = self._entrance.admit_at_once(asked, request.id, asker)
        if admitted is not asked:
            self._known_queries.learn(request, admitted)
        if isinstance(admitted, Operation | Answer):
            return self._perform(asking, admitted)
        paying = asyncio.create_task(admitted)
        return Waiting(paying, lambda paid: self._perform(asking, paid.result()))

    def _recognise(self, request: HttpRequest) -> Visitor:
        """Tell who is asking, and that no foreign page asks with a buyer's cookie."""
        authorization = request.text(b"authorization")
        cookies = request.cookies() if authorization is None else {}
        try:
            visitor = recognise(self._entrance.tokens, authorization, cookies)
        except InvalidToken as problem:
            raise _unauthenticated(problem) from None
        if (
            visitor.by_cookie
            and request.scope["method"] == "POST"
            and not self._entrance.origins.allow(request.origin_headers())
        ):
            message = "Pages of this origin may not use the session cookie. Send a token instead."
            raise HttpRefusal(403, message, ErrorCode.UNAUTHENTICATED)
        return visitor

    def _perform(self, asking: Asking, operation: Operation | Answer) -> Done:
        """Run an operation that is paid for."""
        if isinstance(operation, Answer):
            return _answered(operation, asking.accepted.media_type)
        _check_transport(operation, asking)
        context = self._entrance.make_context(asking.visitor, asking.request.id)
        if operation.type is OperationType.SUBSCRIPTION:
            return self._stream(operation, context, asking)
        answer = self._entrance.operations.begin(operation, context, "http")
        if isinstance(answer, Answer):
            return _told(asking, answer)
        return Waiting(answer, lambda answered: _told(asking, answered.result()))

    def _stream(
        self, operation: Operation, context: OperationContext, asking: Asking
    ) -> EventStream:
        """Begin to stream a subscription."""
        connections, address = self._entrance.connections, asking.address
        try:
            connections.enter(address)
        except TooManyConnections as problem:
            raise HttpRefusal(429, str(problem), ErrorCode.TOO_MANY_REQUESTS) from None
        return EventStream(
            Stream(
                events=events_of(self._entrance, operation, context),
                request_id=context.request_id,
                expires_at=asking.visitor.expires_at,
                closing=self._entrance.closing,
                release=lambda: connections.leave(address),
            )
        )


async def _wait_or_disconnect(work: asyncio.Future[Any], receive: Receive) -> None:
    """Wait for the work. Raises ClientDisconnect when nobody waits for it any more.

    Neither Starlette nor uvicorn end a handler when its client closes the connection.
    """
    try:
        await asyncio.wait((work,), timeout=DISCONNECT_WATCHED_AFTER_SECONDS)
        if work.done():
            return
        gone = asyncio.create_task(disconnected(receive))
        try:
            await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
        if not work.done():
            raise ClientDisconnect
    finally:
        work.cancel()


def _with_headers(stream: ASGIApp, headers: Headers) -> ASGIApp:
    """Let a stream begin with these headers, too."""

    async def streamed(scope: Scope, receive: Receive, send: Send) -> None:
        async def begin(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *headers]
            await send(message)

        await stream(scope, receive, begin)

    return streamed


def _check_transport(operation: Operation, asking: Asking) -> None:
    """Let GET only read, so that no link and no prefetch buys anything; JSON holds no stream."""
    if operation.type is OperationType.SUBSCRIPTION and not asking.accepted.streams:
        message = (
            "Subscriptions need a WebSocket with the subprotocol graphql-transport-ws, or a request"
            f" with the header `Accept: {EVENT_STREAM}`."
        )
        raise HttpRefusal(400, message, ErrorCode.TRANSPORT_NOT_SUPPORTED)
    if operation.type is OperationType.MUTATION and asking.request.scope["method"] == "GET":
        message = "Mutations need POST."
        raise HttpRefusal(405, message, ErrorCode.TRANSPORT_NOT_SUPPORTED, {"allow": "POST"})


def _unauthenticated(problem: InvalidToken) -> HttpRefusal:
    """Refuse a bad token; a bad cookie is taken back too, as no script of a page could do."""
    headers = {"www-authenticate": "Bearer"}
    if problem.came_by_cookie:
        headers["set-cookie"] = f"{SESSION_COOKIE}=; Max-Age=0; Path=/; HttpOnly; SameSite=lax"
    return HttpRefusal(401, str(problem), ErrorCode.UNAUTHENTICATED, headers)


def _stopping() -> HttpRefusal:
    message = (
        "The server is stopping. Repeat exactly this call: another one answers, and nothing"
        " happens twice."
    )
    return HttpRefusal(503, message, ErrorCode.TIMEOUT)


def _refused(refusal: HttpRefusal) -> Reply:
    reply = _json({"errors": refusal.errors}, refusal.status, JSON)
    reply.headers += [(name.encode(), value.encode()) for name, value in refusal.headers.items()]
    return reply


def _told(asking: Asking, answer: Answer) -> Reply:
    """Tell what an operation gave, and a browser its new session."""
    reply = _answered(answer, asking.accepted.media_type)
    if asking.visitor.started is not None:
        reply.headers.append(_cookie(asking.visitor, asking.request.scope))
    return reply


def _answered(answer: Answer, media_type: str) -> Reply:
    if media_type == EVENT_STREAM:
        response = single_answer(answer)
        headers = [(name, text) for name, text in response.raw_headers if name != b"content-length"]
        return Reply(response.status_code, headers, bytes(response.body))
    return _json(answer.payload, _status(answer.outcome, media_type), media_type)


def _status(outcome: Outcome, media_type: str) -> Literal[200, 400, 503]:
    """Say it in the status too, but to clients of the older media type only what they expect."""
    if outcome is Outcome.TIMED_OUT:
        return 503
    if outcome is Outcome.REFUSED and media_type == GRAPHQL_RESPONSE:
        return 400
    return 200


def _cookie(visitor: Visitor, scope: Scope) -> tuple[bytes, bytes]:
    """Give a browser its new session where no script of any page can read it."""
    assert visitor.started is not None, "only a session that was started is given"
    response = Response()
    response.set_cookie(
        SESSION_COOKIE,
        visitor.started.token,
        expires=visitor.started.expires_at,
        httponly=True,
        samesite="lax",
        secure=scope["scheme"] == "https",
    )
    return response.raw_headers[-1]


def _json(payload: dict[str, Any], status: int, media_type: str) -> Reply:
    return Reply(status, JSON_HEADERS[media_type].copy(), orjson.dumps(payload))
