"""Where payment providers send their webhooks."""

from collections.abc import Callable

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from box_office.box_office import BoxOffice
from box_office.hints import receive_hint
from onsale.graphql.errors import plain_error
from onsale.settings import Settings
from schema.errors import ErrorCode

#: A hint is an id and a word.
HINT_BYTES_MAX = 65_536
PATH = "/webhooks/payments"
EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104 - where we listen is our owner's choice.

log = structlog.get_logger("onsale.webhooks")


def webhook_routes(box_office: Callable[[], BoxOffice]) -> list[Route]:
    """Receive hints. The box office is there once the server has started."""

    async def receive(request: Request) -> Response:
        body = await read_briefly(request)
        if body is None:
            return refused("A webhook of ours is smaller.", 413)
        hint = box_office().provider.read_hint(request.headers, body)
        if hint is None:
            log.warning("A webhook was refused: the payment provider has not signed it")
            return refused("The payment provider has not signed this; nothing was done.", 400)
        await receive_hint(box_office(), hint)
        return Response(status_code=204)

    return [Route(PATH, receive, methods=["POST"])]


def webhooks_url(settings: Settings) -> str | None:
    """Say where a provider on this machine reaches us; None: our port is not known."""
    if settings.port == 0:
        return None
    host = "127.0.0.1" if settings.host in EVERYWHERE else settings.host
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{settings.port}{PATH}"


async def read_briefly(request: Request) -> bytes | None:
    """Read a body; None: it is longer than any hint."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > HINT_BYTES_MAX:
            return None
    return bytes(body)


def refused(message: str, status: int) -> Response:
    """Say no in the way of the whole server."""
    return JSONResponse({"errors": [plain_error(ErrorCode.BAD_REQUEST, message)]}, status)
