"""The CPU of our HTTP transport beside a bare Starlette route, from bytes to bytes.

Both are fed by the same uvicorn without a socket, in turns, and answer the same bytes; the
operation itself is given, so what is left is HTTP, recognising, limiting, counting, logging and
writing; all ask the same, so what a body asks is known (`onsale.graphql.known_queries`).
`python -m bench.transport_cpu`. The least of many short rounds counts; the machine adds to it and
never takes from it.
"""

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import uvicorn
import uvloop
from graphql import ExecutionResult
from joserfc.jwk import OKPKey
from rich.console import Console
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from bench.operation_cpu import BODY, requests_of_buyers
from compiled_documents import Plan
from onsale.front import Front
from onsale.graphql.cross_origin import CrossOrigin
from onsale.graphql.entrance import Entrance
from onsale.graphql.operations import Operations
from onsale.graphql.origins import Origins
from onsale.graphql.websocket import GraphQLOverWebSocket
from onsale.identity import Tokens
from onsale.logs import configure_logs
from onsale.settings import LogFormat
from onsale.short_way import ShortWayProtocol
from tests.transport.tiny import Stage, TinyContext, tiny_schema

ROUNDS, REQUESTS = 40, 500
DATA = {"hello": "hello Ann", "number": {"value": 0, "inner": {"value": 0}}, "who": "Ann"}


class Line(asyncio.Transport):
    """A connection without a socket, which somebody waits at."""

    def __init__(self) -> None:
        super().__init__({"peername": ("203.0.113.7", 5), "sockname": ("198.51.100.1", 80)})
        self.answer = b""
        self.told = asyncio.Event()

    def write(self, data: Any) -> None:
        """Take what is answered; it is told when the last of it is there."""
        self.answer += data
        if self.answer.endswith(b"}"):
            self.told.set()

    def is_closing(self) -> bool:
        """Never."""
        return False

    def set_write_buffer_limits(self, *_: Any, **__: Any) -> None:
        """Have none."""


class Caller:
    """Somebody who asks the same thing again and again."""

    def __init__(self, protocol: Any, config: uvicorn.Config, request: bytes) -> None:
        self._protocol = protocol(config=config, server_state=ServerState(), app_state={})
        self._line = Line()
        self._protocol.connection_made(self._line)
        self._request = request

    async def ask(self) -> bytes:
        """Ask once more."""
        line = self._line
        line.answer = b""
        line.told.clear()
        self._protocol.data_received(self._request)
        await line.told.wait()
        return line.answer


def main() -> None:
    """Measure, and print the microseconds of a request."""
    Plan.run = given if "--waiting" not in sys.argv else given_later  # type: ignore[method-assign]
    configure_logs(LogFormat.JSON)
    said, sys.stderr = sys.stderr, open(os.devnull, "w")  # noqa: SIM115, PTH123 - to the end.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        ours, bare = runner.run(measure())
    sys.stderr = said
    Console(highlight=False).print(
        f"{ours * 1e6:.0f} µs of CPU a request, a bare route {bare * 1e6:.0f}: {ours / bare:.2f} x"
    )


def given(*_: Any, **__: Any) -> ExecutionResult:
    """Give what the operation is to give."""
    return ExecutionResult(DATA, None)


async def given_later(*_: Any, **__: Any) -> ExecutionResult:
    """Give it after a turn of the event loop, as whatever asks a database does."""
    await asyncio.sleep(0)
    return ExecutionResult(DATA, None)


async def measure() -> tuple[float, float]:
    """Give the least seconds of CPU of a request, ours and the bare route's, in any round."""
    tokens = Tokens(OKPKey.generate_key("Ed25519"))
    requests = [b"".join(_written(headers)) for headers in requests_of_buyers(tokens)]
    ours = _callers(_our_app(tokens), ShortWayProtocol, requests)
    answer = (await ours[0].ask()).partition(b"\r\n\r\n")[2]
    bare = _callers(_bare_app(answer), HttpToolsProtocol, requests)
    rounds = [(await _round(ours), await _round(bare)) for _ in range(ROUNDS)]
    return min(ours for ours, _ in rounds), min(bare for _, bare in rounds)


async def _round(callers: list[Caller]) -> float:
    began = time.process_time()
    for number in range(REQUESTS):
        answer = await callers[number % len(callers)].ask()
        assert b" 200 OK" in answer, "only answers are measured"
    return (time.process_time() - began) / REQUESTS


def _our_app(tokens: Tokens) -> Front:
    stage = Stage()
    entrance = Entrance(
        Operations(tiny_schema),
        lambda visitor, request_id: TinyContext(stage, visitor, request_id),
        tokens,
        Origins(),
    )
    return Front(Starlette(), GraphQLOverWebSocket(entrance), entrance, CrossOrigin())


def _bare_app(answer: bytes) -> Starlette:
    async def respond(request: Request) -> Response:
        await request.body()
        return Response(answer, media_type="application/json")

    return Starlette(routes=[Route("/graphql", respond, methods=["POST"])])


def _callers(app: Any, protocol: type[HttpToolsProtocol], requests: list[bytes]) -> list[Caller]:
    config = uvicorn.Config(app, http=protocol, log_config=None, access_log=False)
    config.load()
    return [Caller(protocol, config, request) for request in requests]


def _written(headers: list[tuple[bytes, bytes]]) -> Iterator[bytes]:
    yield b"POST /graphql HTTP/1.1\r\n"
    for name, value in headers:
        yield b"%s: %s\r\n" % (name, value)
    yield b"\r\n" + BODY


if __name__ == "__main__":
    main()
