"""Servers to test against, over real sockets: within this process, or as processes of their own."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Protocol

import httpx
import uvicorn
from starlette.types import ASGIApp

from onsale.patience import PatientWebSocket
from onsale.short_way import ShortWayProtocol

ROOT = Path(__file__).parent.parent
#: All tests can be run without compiled documents: `ONSALE_COMPILED_DOCUMENTS=off make test`.
COMPILED_SETTING = "ONSALE_COMPILED_DOCUMENTS"
COMPILED = os.environ.get(COMPILED_SETTING, "on") == "on"
START_SECONDS_MAX = 90.0
STOP_SECONDS_MAX = 15.0


@asynccontextmanager
async def serving(
    app: ASGIApp,
    http: type[asyncio.Protocol] = ShortWayProtocol,
    ws: type[asyncio.Protocol] = PatientWebSocket,
) -> AsyncIterator[str]:
    """Serve an application from this event loop; gives its URL."""
    with closing_socket() as door:
        config = uvicorn.Config(
            app,
            http=http,
            ws=ws,
            ws_max_size=65_536,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=3,
            log_config=None,
            access_log=False,
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[door]))
        while not server.started:
            await asyncio.sleep(0.005)
            assert not task.done(), "the server did not start"
        yield f"http://127.0.0.1:{door.getsockname()[1]}"
        server.should_exit = True
        await task


@contextmanager
def closing_socket() -> Iterator[socket.socket]:
    """Bind a free port of this machine."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        yield door


def free_port() -> int:
    """Name a port that nobody uses at the moment."""
    with closing_socket() as door:
        port: int = door.getsockname()[1]
        return port


class Process(Protocol):
    """What a server runs as."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self, seconds_max: float, /) -> int: ...
    def send_signal(self, how: signal.Signals, /) -> None: ...


class ServerProcess:
    """`python -m onsale serve` on a free port, over a given PostgreSQL and Redis."""

    def __init__(
        self, database_url: str, redis_url: str | None, data_dir: Path, **settings: str
    ) -> None:
        self.python = sys.executable
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.graphql_url = f"{self.url}/graphql"
        self.socket_url = f"ws://127.0.0.1:{self.port}/graphql"
        self.log = data_dir / f"server-{self.port}.log"
        self.environment = _inherited() | {
            "DATABASE_URL": database_url,
            "ONSALE_DATA_DIR": str(data_dir),
            "ONSALE_PORT": str(self.port),
            "ONSALE_LOG_FORMAT": "json",
            **({"REDIS_URL": redis_url} if redis_url else {}),
            **settings,
        }
        self._process: Process | None = None

    def start(self) -> None:
        """Start it, and wait until it can sell."""
        self.begin()
        self.wait_until_ready()

    def begin(self) -> None:
        """Start it and do not wait: several servers start at the same time."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self.python, "-m", "onsale", "serve"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def wait_until_ready(self) -> None:
        """Wait until `/readyz` says so."""
        assert self._process is not None, "begin() comes first"
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            assert self._process.poll() is None, f"the server ended:\n{self.log.read_text()}"
            try:
                if httpx.get(f"{self.url}/readyz").is_success:
                    return
            except httpx.TransportError:
                pass  # It does not listen yet.
            time.sleep(0.05)
        raise AssertionError(f"the server was not ready in time:\n{self.log.read_text()}")

    @property
    def pid(self) -> int:
        """Which process it is."""
        assert self._process is not None, "begin() comes first"
        return self._process.pid

    def stop(self) -> None:
        """Ask it to stop, as a process manager does."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Let it die in the middle of whatever it does."""
        self._end(signal.SIGKILL)

    def has_killed_itself(self, seconds_max: float = STOP_SECONDS_MAX) -> bool:
        """Wait for its end, and tell whether it came by SIGKILL."""
        assert self._process is not None, "begin() comes first"
        try:
            return self._process.wait(seconds_max) == -signal.SIGKILL
        except subprocess.TimeoutExpired:
            return False

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(STOP_SECONDS_MAX)
            self._process = None


@contextmanager
def running_servers(
    database_url: str, redis_url: str | None, data_dir: Path, count: int = 1, **settings: str
) -> Iterator[list[ServerProcess]]:
    """Run several servers over the same PostgreSQL, Redis and data; all are stopped at the end.

    They share the data directory, so that a token of one is a token of all. `settings` are further
    variables of their environment.
    """
    servers = [ServerProcess(database_url, redis_url, data_dir, **settings) for _ in range(count)]
    try:
        for server in servers:
            server.begin()
        for server in servers:
            server.wait_until_ready()
        yield servers
    finally:
        for server in servers:
            server.stop()


def _inherited() -> dict[str, str]:
    """Keep of this process's environment what is no setting of ours, and COMPILED_SETTING."""
    ours = ("ONSALE_", "DATABASE_URL", "REDIS_URL")
    return {
        name: value
        for name, value in os.environ.items()
        if name == COMPILED_SETTING or not name.startswith(ours)
    }
