"""The real server as a process of its own, over a database of its own, and a look at its health."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from box_office.database import Database
from onsale.embedded import Services
from schema.ids import NodeKind, encode_id
from tests.conftest import broken_rules, own_database
from tests.halls import USUAL, build_hall
from tests.servers import ROOT, ServerProcess

GUEST = "mutation { startGuestSession { token } }"
TOLD_SECONDS_MAX = 10.0
#: States of a connection as `/proc/net/tcp` writes them.
ESTABLISHED, CLOSE_WAIT = "01", "08"


@dataclass(frozen=True, slots=True)
class Burden:
    """What a process takes from its machine."""

    memory_bytes: int
    #: Open files, connections to the database among them, of which it may open more.
    files: int
    #: Of clients.
    connections: int
    #: Tasks of asyncio that are not done.
    tasks: int
    #: By the server's own count.
    subscriptions: int


class HouseServer(ServerProcess):
    """A server that can be asked what it takes, and what it wrote."""

    words: tuple[str, ...] = ("serve",)

    def begin(self) -> None:
        """Start it as `tests.conformance.counted`."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.conformance.counted", *self.words],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def has_ended(self, seconds_max: float) -> int:
        """Wait for its end, which somebody has asked for, and give its exit code."""
        assert self._process is not None, "begin() comes first"
        code = self._process.wait(seconds_max)
        self._process = None
        return code

    def burden(self) -> Burden:
        """Look at the process from outside, and ask it for what is not to be seen there."""
        folder = Path(f"/proc/{self.pid}")
        tasks = self._tasks()  # It collects its garbage first.
        status = dict(
            line.split(":", 1) for line in (folder / "status").read_text().splitlines() if line
        )
        metrics = httpx.get(f"{self.url}/metrics").text
        [subscriptions] = (
            line.split()[1] for line in metrics.splitlines() if line.startswith("onsale_subscript")
        )
        return Burden(
            memory_bytes=int(status["VmRSS"].split()[0]) * 1024,
            files=sum(1 for _ in (folder / "fd").iterdir()),
            connections=self._connections(),
            tasks=tasks,
            subscriptions=int(float(subscriptions)),
        )

    def processor_seconds(self) -> float:
        """Tell how much of a processor it has used since its start."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def lines(self) -> list[dict[str, Any]]:
        """Give the lines of its log; what is no JSON is a line of the level "none"."""
        return [_line(text) for text in self.log.read_text().splitlines()]

    def complaints(self) -> list[str]:
        """Give what it wrote that tells of a fault: tracebacks, errors, and lines that are none."""
        return [
            json.dumps(line)
            for line in self.lines()
            if line.get("level") in {"error", "critical", "none"} or "Traceback" in str(line)
        ]

    def token(self) -> str:
        """Start a guest session."""
        answer = httpx.post(self.graphql_url, json={"query": GUEST}).json()
        return str(answer["data"]["startGuestSession"]["token"])

    def _connections(self) -> int:
        """Count what the kernel has as open, or as waiting for this end to close it."""
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        here = f":{self.port:04X}"
        return sum(row[1].endswith(here) and row[3] in {ESTABLISHED, CLOSE_WAIT} for row in rows)

    def _tasks(self) -> int:
        before = self._counts()
        os.kill(self.pid, signal.SIGUSR1)
        deadline = time.monotonic() + TOLD_SECONDS_MAX
        while len(counts := self._counts()) == len(before):
            assert time.monotonic() < deadline, "the server does not tell of its tasks"
            with suppress(httpx.TransportError):
                httpx.get(f"{self.url}/healthz")  # Python looks for signals when it has work.
            time.sleep(0.02)
        return counts[-1]

    def _counts(self) -> list[int]:
        return [line["count"] for line in self.lines() if line.get("event") == "tasks"]


def _line(text: str) -> dict[str, Any]:
    try:
        line = json.loads(text)
    except ValueError:
        line = None
    return line if isinstance(line, dict) else {"level": "none", "event": text}


class DemoServer(HouseServer):
    """The same with the demo's events, as `make run` starts it."""

    words = ("serve", "--demo")


@dataclass(frozen=True, slots=True)
class House:
    """A server, its database, and the id of an event that is on sale."""

    server: HouseServer
    database_url: str
    event_id: str

    def ask(self, query: str, token: str | None = None, **variables: Any) -> httpx.Response:
        """Ask as most clients do."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        asked = {"query": query, "variables": variables}
        return httpx.post(self.server.graphql_url, json=asked, headers=headers, timeout=30)


@contextmanager
def own_house(
    services: Services,
    template: str,
    folder: Path,
    settings: Mapping[str, str] | None = None,
    *,
    seats: int = 12,
) -> Iterator[House]:
    """Run a server over a database with one event; no Redis, its log in the folder.

    A block for fixtures that many tests share. `settings` are variables of its environment.
    """
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        owned = own_database(services, template)
        url = runner.run(owned.__aenter__())
        event_id = runner.run(_put_on_sale(url, seats))
        server = HouseServer(url, None, folder, **(settings or {}))
        try:
            server.start()
            yield House(server, url, encode_id(NodeKind.EVENT, event_id))
        finally:
            server.stop()
        assert runner.run(broken_rules(url)) == {}, "the tests left books that do not agree"
        runner.run(owned.__aexit__(None, None, None))


@contextmanager
def demo_house(services: Services, template: str, folder: Path) -> Iterator[House]:
    """Run a server with the demo's events, over a Redis, too."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        owned = own_database(services, template)
        url = runner.run(owned.__aenter__())
        server = DemoServer(url, services.redis_url, folder, ONSALE_COST_PER_BUYER="0")
        try:
            server.start()
            events = "{ events(first: 1) { nodes { id } } }"
            answer = httpx.post(server.graphql_url, json={"query": events}).json()
            yield House(server, url, answer["data"]["events"]["nodes"][0]["id"])
        finally:
            server.stop()
        assert runner.run(broken_rules(url)) == {}, "the tests left books that do not agree"
        runner.run(owned.__aexit__(None, None, None))


async def _put_on_sale(database_url: str, seats: int) -> UUID:
    database = await Database.connect(database_url)
    try:
        event_id, _, _ = await build_hall(database, seats, 0, USUAL)
    finally:
        await database.close()
    return event_id
