"""GraphQL over HTTP: GET for queries, POST with JSON, and an answer in JSON whatever was sent.

Not Strawberry's own view: that one answers 500 to bodies of a wrong shape and plain text to other
faults, takes bodies of any size, runs the first of several operations, and knows one media type.
"""

import asyncio
from typing import Any, Literal

import orjson
import structlog
from graphql import OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from onsale.graphql.answers import Answer, Outcome
from onsale.graphql.connections import TooManyConnections
from onsale.graphql.entrance import Entrance, asker_of
from onsale.graphql.errors import our_fault, plain_error
from onsale.graphql.negotiation import EVENT_STREAM, GRAPHQL_RESPONSE, JSON, Accepted, negotiate
from onsale.graphql.operations import Operation, OperationContext
from onsale.graphql.rate_limits import Asker, TooMuchAsked, address_of
from onsale.graphql.requests import (
    MalformedRequest,
    OperationRequest,
    decode_json,
    operation_request,
)
from onsale.graphql.sse import EventStream, Stream, disconnected, events_of, single_answer
from onsale.identity import SESSION_COOKIE, InvalidToken, Visitor, recognise
from onsale.logs import REQUEST_ID_HEADER, request_id_of
from schema.errors import ErrorCode

REQUEST_BYTES_MAX = 100_000
#: Most queries are answered sooner, and then nobody has to watch whether the client is there.
DISCONNECT_WATCHED_AFTER_SECONDS = 0.2

log = structlog.get_logger("onsale.graphql")


class HttpRefusal(Exception):  # noqa: N818 - our exceptions are named for what happened.
    """A request that is refused before GraphQL begins: the status and what to tell the client."""

    def __init__(
        self,
        status: int,
        message: str,
        code: ErrorCode = ErrorCode.BAD_REQUEST,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.errors = [plain_error(code, message)]
        self.headers = headers or {}


class GraphQLOverHTTP:
    """The ASGI application behind `/graphql` for everything but sockets."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; nothing that a client sends makes this raise."""
        request = Request(scope, receive)
        request_id = request_id_of(request.headers)
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            response = await self._respond(request, request_id)
        except HttpRefusal as refusal:
            response = _json({"errors": refusal.errors}, refusal.status, JSON, refusal.headers)
        except ClientDisconnect:
            return  # Nobody is left to be answered.
        except Exception:
            log.exception("A GraphQL request could not be answered")
            response = _json({"errors": [our_fault(request_id)]}, 500, JSON)
        response.headers[REQUEST_ID_HEADER] = request_id
        await response(scope, receive, send)

    async def _respond(self, request: Request, request_id: str) -> Response:
        if request.method not in {"GET", "POST"}:
            raise HttpRefusal(405, "Use GET or POST.", headers={"allow": "GET, POST"})
        accepted = negotiate(request.headers.get("accept"))
        if accepted is None:
            raise HttpRefusal(406, f"Accept {GRAPHQL_RESPONSE}, {JSON} or {EVENT_STREAM}.")
        asked = await _read(request)
        visitor = self._recognise(request)
        address = address_of(request.scope)
        operation = await self._admit(asked, request_id, asker_of(visitor, address))
        if isinstance(operation, Answer):
            return _answered(operation, accepted.media_type)
        _check_transport(operation, request.method, accepted)
        context = self._entrance.make_context(visitor, request_id)
        if operation.type is OperationType.SUBSCRIPTION:
            return self._stream(operation, context, visitor, address)
        answer = await self._run(operation, context, request)
        response = _answered(answer, accepted.media_type)
        _set_cookie(response, visitor, secure=request.scope["scheme"] == "https")
        return response

    async def _admit(
        self, asked: OperationRequest, request_id: str, asker: Asker
    ) -> Operation | Answer:
        try:
            return await self._entrance.admit(asked, request_id, asker)
        except TooMuchAsked as problem:
            headers = {"retry-after": str(problem.seconds)}
            code = ErrorCode.TOO_MANY_REQUESTS
            raise HttpRefusal(429, str(problem), code, headers) from None

    def _recognise(self, request: Request) -> Visitor:
        """Tell who is asking, and that no foreign page asks with a buyer's cookie."""
        headers = request.headers
        cookies = request.cookies if "cookie" in headers else {}
        try:
            visitor = recognise(self._entrance.tokens, headers.get("authorization"), cookies)
        except InvalidToken as problem:
            raise _unauthenticated(problem) from None
        if (
            visitor.by_cookie
            and request.method == "POST"
            and not self._entrance.origins.allow(headers)
        ):
            message = "Pages of this origin may not use the session cookie. Send a token instead."
            raise HttpRefusal(403, message, ErrorCode.UNAUTHENTICATED)
        return visitor

    async def _run(
        self, operation: Operation, context: OperationContext, request: Request
    ) -> Answer:
        """Run the operation; give up a query whose client has gone.

        Neither Starlette nor uvicorn end a handler when its client closes the connection.
        """
        work = asyncio.create_task(self._entrance.operations.run(operation, context, "http"))
        try:
            done, _ = await asyncio.wait({work}, timeout=DISCONNECT_WATCHED_AFTER_SECONDS)
            if not done and operation.type is OperationType.QUERY:
                await _wait_or_disconnect(work, request.receive)
            return await work
        finally:
            work.cancel()

    def _stream(
        self,
        operation: Operation,
        context: OperationContext,
        visitor: Visitor,
        address: str | None,
    ) -> EventStream:
        """Begin to stream a subscription."""
        connections = self._entrance.connections
        try:
            connections.enter(address)
        except TooManyConnections as problem:
            raise HttpRefusal(429, str(problem), ErrorCode.TOO_MANY_REQUESTS) from None
        return EventStream(
            Stream(
                events=events_of(self._entrance, operation, context),
                request_id=context.request_id,
                expires_at=visitor.expires_at,
                closing=self._entrance.closing,
                release=lambda: connections.leave(address),
            )
        )


async def _wait_or_disconnect(work: asyncio.Task[Answer], receive: Receive) -> None:
    """Wait for the work. Raises ClientDisconnect when nobody waits for it any more."""
    gone = asyncio.create_task(disconnected(receive))
    try:
        await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
    if not work.done():
        raise ClientDisconnect


async def _read(request: Request) -> OperationRequest:
    try:
        if request.method == "GET":
            return operation_request(_query_parameters(request))
        _check_content_type(request.headers.get("content-type", ""))
        return operation_request(decode_json(await _body(request)))
    except MalformedRequest as problem:
        raise HttpRefusal(400, str(problem)) from None


def _query_parameters(request: Request) -> dict[str, Any]:
    """Take the parameters from the URL; an empty one counts as absent."""
    parameters: dict[str, Any] = {
        name: value for name, value in request.query_params.items() if value
    }
    for name in ("variables", "extensions"):
        if name in parameters:
            parameters[name] = decode_json(parameters[name])
    return parameters


def _check_content_type(content_type: str) -> None:
    """Take JSON only: it is also what keeps forms of foreign pages out."""
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = {p.partition("=")[2].strip('" ') for p in parameters if p.startswith("charset")}
    if media_type != JSON or charsets - {"utf-8", "utf8"}:
        raise HttpRefusal(415, f"Send the request as {JSON}, in UTF-8.")


async def _body(request: Request) -> bytes:
    """Read the body up to the limit, whatever Content-Length says or does not say."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced[:19]) > REQUEST_BYTES_MAX:
        raise _too_large()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > REQUEST_BYTES_MAX:
            raise _too_large()
    return bytes(body)


def _too_large() -> HttpRefusal:
    return HttpRefusal(413, f"The request is larger than {REQUEST_BYTES_MAX} bytes.")


def _check_transport(operation: Operation, method: str, accepted: Accepted) -> None:
    """Let GET only read, so that no link and no prefetch buys anything; JSON holds no stream."""
    if operation.type is OperationType.SUBSCRIPTION and not accepted.streams:
        message = (
            "Subscriptions need a WebSocket with the subprotocol graphql-transport-ws, or a request"
            f" with the header `Accept: {EVENT_STREAM}`."
        )
        raise HttpRefusal(400, message, ErrorCode.TRANSPORT_NOT_SUPPORTED)
    if operation.type is OperationType.MUTATION and method == "GET":
        message = "Mutations need POST."
        raise HttpRefusal(405, message, ErrorCode.TRANSPORT_NOT_SUPPORTED, {"allow": "POST"})


def _unauthenticated(problem: InvalidToken) -> HttpRefusal:
    """Refuse a bad token; a bad cookie is taken back too, as no script of a page could do."""
    headers = {"www-authenticate": "Bearer"}
    if problem.came_by_cookie:
        headers["set-cookie"] = f"{SESSION_COOKIE}=; Max-Age=0; Path=/; HttpOnly; SameSite=lax"
    return HttpRefusal(401, str(problem), ErrorCode.UNAUTHENTICATED, headers)


def _answered(answer: Answer, media_type: str) -> Response:
    if media_type == EVENT_STREAM:
        return single_answer(answer)
    return _json(answer.payload, _status(answer.outcome, media_type), media_type)


def _status(outcome: Outcome, media_type: str) -> Literal[200, 400, 503]:
    """Say it in the status too, but to clients of the older media type only what they expect."""
    if outcome is Outcome.TIMED_OUT:
        return 503
    if outcome is Outcome.REFUSED and media_type == GRAPHQL_RESPONSE:
        return 400
    return 200


def _set_cookie(response: Response, visitor: Visitor, *, secure: bool) -> None:
    """Give a browser its new session where no script of any page can read it."""
    if visitor.started is not None:
        response.set_cookie(
            SESSION_COOKIE,
            visitor.started.token,
            expires=visitor.started.expires_at,
            httponly=True,
            samesite="lax",
            secure=secure,
        )


def _json(
    payload: dict[str, Any], status: int, media_type: str, headers: dict[str, str] | None = None
) -> Response:
    response = Response(orjson.dumps(payload), status, headers)
    response.headers["content-type"] = f"{media_type}; charset=utf-8"
    response.headers["cache-control"] = "no-store"
    return response
