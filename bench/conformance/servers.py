"""The servers that are judged: started, made ready, and stopped."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from structlog.testing import capture_logs

from bench.processes import BenchError, free_port, running
from tests.conformance.programs import FOLDER as SUITES
from tests.conformance.programs import NODE, what_is_missing
from tests.transport.tiny import tiny_server

FOLDER = Path(__file__).parent

#: What `tests.conformance.programs.ask` has to know of a server.
Asked = dict[str, Any]
Opening = AbstractAsyncContextManager[Asked]


@dataclass(frozen=True, slots=True)
class Judged:
    """A column of the table."""

    name: str
    #: With versions.
    made_of: str
    open: Callable[[], Opening]


def all_servers() -> list[Judged]:
    """Give them in the order of the table."""
    return [
        Judged("onsale", "the whole server with its demo data", _onsale),
        Judged("onsale, tiny", "the same transport with the tiny schema", _onsale_tiny),
        Judged(
            "references",
            _npm(SUITES, "graphql-http", "graphql-ws", "graphql-sse", "ws", "graphql"),
            _references,
        ),
        Judged(
            "Yoga",
            _npm(FOLDER, "graphql-yoga", "graphql-ws", "ws", "graphql"),
            lambda: _program([str(NODE), str(FOLDER / "yoga.mjs")]),
        ),
        Judged(
            "Strawberry",
            _pypi("strawberry-graphql", "graphql-core", "starlette", "uvicorn", "websockets"),
            lambda: _program(_STRAWBERRY),
        ),
        Judged(
            "Strawberry, SSE",
            "the same with event streams switched on",
            lambda: _program(_STRAWBERRY, "--sse"),
        ),
        Judged(
            "Mercurius",
            _npm(FOLDER, "mercurius", "fastify", "@fastify/websocket", "graphql"),
            lambda: _program([str(NODE), str(FOLDER / "mercurius.mjs")]),
        ),
    ]


_STRAWBERRY = [sys.executable, "-m", "bench.conformance.stock_strawberry"]


def install() -> None:
    """Install the servers of others, as locked. Raises BenchError when that cannot be done."""
    if missing := what_is_missing():
        raise BenchError(missing)
    npm_ci = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    path = f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"
    installed = subprocess.run(  # noqa: S603 - our own words.
        npm_ci, cwd=FOLDER, env={**os.environ, "PATH": path}, check=False
    )
    if installed.returncode:
        raise BenchError("The servers of others could not be installed; npm says why, above.")


@asynccontextmanager
async def _onsale() -> AsyncIterator[Asked]:
    port = free_port()
    with TemporaryDirectory(prefix="onsale-bench-") as folder:
        environment = _without_settings() | {
            "ONSALE_DATA_DIR": folder,
            "ONSALE_PORT": str(port),
            "ONSALE_LOG_FORMAT": "json",
        }
        command = [sys.executable, "-m", "onsale", "serve", "--demo"]
        log = Path(folder) / "server.log"
        with running("onsale", command, environment, port, "/readyz", log):
            yield {"url": _url(port), "dialect": "onsale", "initTimeoutSeconds": 5.0}


@asynccontextmanager
async def _onsale_tiny() -> AsyncIterator[Asked]:
    with capture_logs():  # What fails there on purpose would be told with long tracebacks.
        async with tiny_server() as server:
            yield {"url": server.graphql_url}


@asynccontextmanager
async def _references() -> AsyncIterator[Asked]:
    yield {}  # Without a URL the program of the suites starts them itself.


@asynccontextmanager
async def _program(command: Sequence[str], *words: str) -> AsyncIterator[Asked]:
    """Run a server that takes its port as a word."""
    port = free_port()
    with TemporaryDirectory(prefix="onsale-bench-") as folder:
        started = [*command, str(port), *words]
        log = Path(folder) / "server.log"
        with running(started[-1], started, _without_settings(), port, "/", log):
            yield {"url": _url(port)}


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}/graphql"


def _without_settings() -> dict[str, str]:
    """Keep of this process's environment what is no setting of onsale."""
    ours = ("ONSALE_", "DATABASE_URL", "REDIS_URL")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def _pypi(*names: str) -> str:
    return ", ".join(f"{name} {version(name)}" for name in names)


def _npm(folder: Path, *names: str) -> str:
    packages = json.loads((folder / "package-lock.json").read_text())["packages"]
    return ", ".join(f"{name} {packages[f'node_modules/{name}']['version']}" for name in names)
