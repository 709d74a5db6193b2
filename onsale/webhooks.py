"""Where payment providers send their webhooks."""

from collections.abc import Callable

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from box_office.box_office import BoxOffice
from box_office.hints import receive_hint
from box_office.providers import ProviderUnreachable
from onsale.door import WEBHOOKS_PATH
from onsale.graphql.errors import plain_error
from schema.errors import ErrorCode

#: A hint is an id and a word.
HINT_BYTES_MAX = 65_536

log = structlog.get_logger("onsale.webhooks")


def webhook_routes(box_office: Callable[[], BoxOffice]) -> list[Route]:
    """Receive hints. The box office is there once the server has started."""

    async def receive(request: Request) -> Response:
        try:
            body = await read_briefly(request)
        except ClientDisconnect:
            return Response(status_code=400)  # Nobody is left to read it.
        if body is None:
            return refused("A webhook of ours is smaller.", 413)
        hint = box_office().provider.read_hint(request.headers, body)
        if hint is None:
            log.warning("A webhook was refused: the payment provider has not signed it")
            return refused("The payment provider has not signed this; nothing was done.", 400)
        try:
            await receive_hint(box_office(), hint)
        except ProviderUnreachable:
            return refused("You do not answer what this made us ask; send it again.", 503)
        return Response(status_code=204)

    return [Route(WEBHOOKS_PATH, receive, methods=["POST"])]


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
