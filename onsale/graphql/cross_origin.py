"""What pages of other origins may read: the headers that Starlette would add, found once each.

`CORSMiddleware` looks at every header of every request and answer. What it adds to an answer of
ours depends on the request's Origin alone, so it is asked once for each origin.
"""

from collections.abc import Iterable
from functools import lru_cache

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from onsale.at_once import at_once
from onsale.graphql.replies import Headers
from onsale.logs import REQUEST_ID_HEADER

#: How many origins are remembered, and how long those may be: their senders choose them.
ORIGINS_MAX = 256
ORIGIN_BYTES_MAX = 300


def cors_middleware(app: ASGIApp, allowed_origins: Iterable[str]) -> CORSMiddleware:
    """Let pages of these origins use what the application serves, with their cookies."""
    return CORSMiddleware(
        app,
        allow_origins=tuple(allowed_origins),
        allow_methods=["GET", "POST"],
        allow_headers=["authorization", "content-type", REQUEST_ID_HEADER],
        expose_headers=[REQUEST_ID_HEADER],
        allow_credentials=True,
    )


class CrossOrigin:
    """Tells what answers say to pages of other origins. Without allowed ones: nothing."""

    def __init__(self, allowed_origins: Iterable[str] = ()) -> None:
        allowed = tuple(allowed_origins)
        #: Whether browsers may ask beforehand what they may send: Starlette answers that.
        self.is_open = bool(allowed)
        self._middleware = cors_middleware(_answer_nothing, allowed)
        self._remembered = lru_cache(ORIGINS_MAX)(self._found)

    def headers(self, origin: bytes | None) -> Headers:
        """Give what is added to an answer to this Origin; not to be changed."""
        if not self.is_open:
            return []
        if origin is not None and len(origin) > ORIGIN_BYTES_MAX:
            return self._found(origin)
        return self._remembered(origin)

    def _found(self, origin: bytes | None) -> Headers:
        """Let Starlette answer such a request, and see what it says."""
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        headers = [] if origin is None else [(b"origin", origin)]
        scope = {"type": "http", "method": "POST", "headers": headers}
        at_once(self._middleware(scope, _hear_nothing, send))
        added: Headers = sent[0]["headers"]
        return added


async def _answer_nothing(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})


async def _hear_nothing() -> Message:
    return {"type": "http.disconnect"}
