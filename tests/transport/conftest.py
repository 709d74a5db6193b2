"""The tiny schema behind real sockets, clients for it, and its log."""

import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest

from onsale.logs import configure_logs
from onsale.settings import LogFormat
from tests.transport.tiny import TinyServer, tiny_server

ReadLog = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def read_log(capsys: pytest.CaptureFixture[str]) -> Iterator[ReadLog]:
    """Give what was logged since the last look: the real lines, as they would reach a machine."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    configure_logs(LogFormat.JSON)
    yield lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
async def server() -> AsyncIterator[TinyServer]:
    async with tiny_server() as server:
        yield server


@pytest.fixture
async def client(server: TinyServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url) as client:
        yield client
