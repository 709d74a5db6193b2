"""What was sent over HTTP: its head, looked through once, and the operation that it asks for."""

from functools import lru_cache
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect, cookie_parser
from starlette.types import Receive, Scope

from onsale.graphql.errors import plain_error
from onsale.graphql.negotiation import (
    ACCEPT_CHARACTERS_MAX,
    EVENT_STREAM,
    GRAPHQL_RESPONSE,
    JSON,
    Accepted,
    negotiate,
)
from onsale.graphql.requests import (
    MalformedRequest,
    OperationRequest,
    decode_json,
    operation_request,
)
from onsale.logs import REQUEST_ID_HEADER, request_id_like
from schema.errors import ErrorCode

REQUEST_BYTES_MAX = 100_000
CONTENT_TYPE_CHARACTERS_MAX = 200
#: How many different Accept and Content-Type headers are remembered with what they mean.
REMEMBERED_MAX = 256
#: What tells which page sends a request.
ORIGIN_HEADERS = ("origin", "sec-fetch-site", "host")

_REQUEST_ID = REQUEST_ID_HEADER.encode()


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


class HttpRequest:
    """One request. Of headers that are sent twice the first counts."""

    __slots__ = ("accepted", "body", "headers", "id", "scope")

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))
        self.id = request_id_like(self.text(_REQUEST_ID))
        self.body: bytes | bytearray = b""
        #: None until the head was looked at.
        self.accepted: Accepted | None = None

    def text(self, name: bytes) -> str | None:
        """Give a header by its name in small letters."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    def cookies(self) -> dict[str, str]:
        """Give all cookies, of however many headers."""
        cookies: dict[str, str] = {}
        if b"cookie" in self.headers:
            for name, value in self.scope["headers"]:
                if name == b"cookie":
                    cookies.update(cookie_parser(value.decode("latin-1")))
        return cookies

    def origin_headers(self) -> dict[str, str]:
        """Give what tells which page sends this."""
        values = ((name, self.text(name.encode())) for name in ORIGIN_HEADERS)
        return {name: value for name, value in values if value is not None}


def look_at_head(request: HttpRequest) -> Accepted:
    """Tell what the client takes. Raises HttpRefusal for what is refused whatever the body says."""
    method = request.scope["method"]
    if method not in {"GET", "POST"}:
        raise HttpRefusal(405, "Use GET or POST.", headers={"allow": "GET, POST"})
    accepted = _accepted((request.text(b"accept") or "")[:ACCEPT_CHARACTERS_MAX])
    if accepted is None:
        raise HttpRefusal(406, f"Accept {GRAPHQL_RESPONSE}, {JSON} or {EVENT_STREAM}.")
    if method == "POST":
        content_type = request.text(b"content-type") or ""
        if content_type != JSON and not _is_json(content_type[:CONTENT_TYPE_CHARACTERS_MAX]):
            raise HttpRefusal(415, f"Send the request as {JSON}, in UTF-8.")
        if (announced_bytes(request) or 0) > REQUEST_BYTES_MAX:
            raise _too_large()
    request.accepted = accepted
    return accepted


_accepted = lru_cache(REMEMBERED_MAX)(negotiate)


@lru_cache(REMEMBERED_MAX)
def _is_json(content_type: str) -> bool:
    """Take JSON only: it is also what keeps forms of foreign pages out."""
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = {p.partition("=")[2].strip('" ') for p in parameters if p.startswith("charset")}
    return media_type == JSON and not charsets - {"utf-8", "utf8"}


def announced_bytes(request: HttpRequest) -> int | None:
    """Tell how long the body shall be, if the client says so."""
    announced = request.headers.get(b"content-length", b"")
    return int(announced[:19]) if announced.isdigit() else None


async def body_of(request: HttpRequest, receive: Receive) -> bytes:
    """Read the body up to the limit, whatever Content-Length says or does not say.

    Raises HttpRefusal, and ClientDisconnect when nobody is there any more.
    """
    body, more = bytearray(), request.scope["method"] == "POST"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > REQUEST_BYTES_MAX:
            raise _too_large()
        more = message.get("more_body", False)
    return bytes(body)


def _too_large() -> HttpRefusal:
    return HttpRefusal(413, f"The request is larger than {REQUEST_BYTES_MAX} bytes.")


def read_operation(request: HttpRequest) -> OperationRequest:
    """Find what is asked, in the body or the URL. Raises HttpRefusal."""
    try:
        if request.scope["method"] == "GET":
            return operation_request(_query_parameters(request.scope))
        body = request.body
        # Without these two, neither JSON nor GraphQL within it has a way to write U+0000.
        return operation_request(decode_json(body), may_hold_nul=b"\\u" in body)
    except MalformedRequest as problem:
        raise HttpRefusal(400, str(problem)) from None


def _query_parameters(scope: Scope) -> dict[str, Any]:
    """Take the parameters from the URL; an empty one counts as absent."""
    parameters: dict[str, Any] = {
        name: value for name, value in QueryParams(scope["query_string"]).items() if value
    }
    for name in ("variables", "extensions"):
        if name in parameters:
            parameters[name] = decode_json(parameters[name])
    return parameters
