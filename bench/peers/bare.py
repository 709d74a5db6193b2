"""A bare Starlette route: what uvicorn and Starlette cost before anybody computes anything."""

import os
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

ANSWER = Path(os.environ["BARE_ANSWER_FILE"]).read_bytes()


async def answer(request: Request) -> Response:
    """Read what was asked and answer the same bytes to everybody."""
    await request.body()
    return Response(ANSWER, media_type="application/json")


app = Starlette(routes=[Route("/graphql", answer, methods=["POST", "GET"])])
