"""What all is measured on: onsale with its services, peers beside it, events, guests."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass, field
from pathlib import Path

from bench import onsale_api
from bench.figures import Measured, Round, amount
from bench.halls import CATEGORY, seating_plan
from bench.http_client import data_of, graphql_request
from bench.load.compiling import compiled
from bench.load.http import HttpLoad
from bench.load.watching import Watchers
from bench.onsale_api import Event
from bench.peers.npm import NODE, installed_peers
from bench.plan import Plan
from bench.postgres import Postgres
from bench.processes import ROOT, BenchError, Server, free_port, running

FOLDER = Path(__file__).parent
GUESTS_AT_ONCE = 32
HTTP_LOAD, WATCHERS = LOAD_PROGRAMS = ("load/http_load.c", "load/watchers.c")

#: What is lifted, and why: all load comes from this one address. Limits of buyers stay.
LIFTED = {"ONSALE_CONNECTIONS_PER_ADDRESS": "0", "ONSALE_COST_PER_ADDRESS": "0"}

Say = Callable[[str], None]


@dataclass(slots=True)
class Stage:
    """onsale with its PostgreSQL and Valkey, in a temporary folder that is gone afterwards."""

    plan: Plan
    say: Say
    folder: Path
    server: Server
    postgres: Postgres
    redis_url: str
    programs: list[str]
    _halls: dict[int, Event] = field(default_factory=dict)
    _tokens: list[str] = field(default_factory=list)
    _compiled: dict[str, Path] = field(default_factory=dict)

    def program(self, source: str) -> Path:
        """Compile one of our programs in C, once."""
        if source not in self._compiled:
            self._compiled[source] = compiled(FOLDER / source, self.folder)
        return self._compiled[source]

    def http_load(self, port: int, connections: int) -> AbstractAsyncContextManager[HttpLoad]:
        """Open connections for a load."""
        return HttpLoad.open(self.program(HTTP_LOAD), self.folder, port, connections)

    def watchers(
        self, server: Server, event: Event, count: int, slow: int = 0
    ) -> AbstractAsyncContextManager[Watchers]:
        """Let so many subscribe to an event, and some more who will read nothing."""
        program, payload = self.program(WATCHERS), onsale_api.subscription_to(event)
        return Watchers.open(program, self.folder, server.port, payload, count, slow)

    async def settle(self) -> None:
        """Wait until leftovers of what was before (sweeps, ticks, autovacuum) are over."""
        await asyncio.sleep(self.plan.settle_seconds)

    def record(self, measured: Measured, name: str, found: Round) -> None:
        """Keep a round, and say what it found."""
        rounds = measured.setdefault(name, [])
        rounds.append(found)
        words = ", ".join(f"{figure} {amount(value)}" for figure, value in found.items())
        self.say(f"{name}, round {len(rounds)}: {words}")

    async def hall(self, seats: int) -> Event:
        """Put an event with so many seats on sale, once, as an organiser would."""
        if seats not in self._halls:
            self.say(f"Building a hall of {seats:,} seats")
            title = f"A night for {seats}"
            plan = self.folder / f"hall-{seats}.json"
            plan.write_text(seating_plan(seats))
            self._onsale(
                "import-seat-map", str(plan), "--venue", f"Hall {seats}", "--city", "Bern",
                "--time-zone", "Europe/Zurich", "--event", title, "--starts", "2036-05-01T19:30",
                "--currency", "CHF", "--price", f"{CATEGORY}=20",
            )  # fmt: skip
            self._halls[seats] = await onsale_api.find_event(self.server.port, title)
        return self._halls[seats]

    async def guests(self, count: int) -> list[str]:
        """Let guests in until there are so many; give their tokens."""
        wanted = count - len(self._tokens)
        if wanted > 0:
            self.say(f"Letting {wanted:,} guests in")
            request = graphql_request(onsale_api.START_GUEST_SESSION)
            async with self.http_load(self.server.port, GUESTS_AT_ONCE) as load:
                outcome = await load.run([request] * wanted)
            for _, body in outcome.bodies():
                self._tokens.append(data_of(body)["startGuestSession"]["token"])
        return self._tokens[:count]

    def another_onsale(self, name: str, **environment: str) -> AbstractContextManager[Server]:
        """Start a new server process on the same services."""
        port = free_port()
        given = {
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.redis_url,
            "ONSALE_DATA_DIR": str(self.folder / name),
            "ONSALE_TOKEN_KEY": str(self.folder / "data" / "token-key.pem"),
            "ONSALE_PORT": str(port),
            "ONSALE_LOG_FORMAT": "json",
        }
        argv = [sys.executable, "-m", "onsale", "serve"]
        log = self.folder / f"{name}.log"
        given = without_settings() | LIFTED | given | environment
        return running(name, argv, given, port, "/readyz", log)

    def uvicorn(self, name: str, app: str, **environment: str) -> AbstractContextManager[Server]:
        """Run an application as its tutorial says, but without a log line for each request."""
        port = free_port()
        argv = [sys.executable, "-m", "uvicorn", app, "--port", str(port), "--no-access-log"]
        given = without_settings() | environment
        return running(name, argv, given, port, "/graphql", self.folder / f"{name}.log")

    def bare(self, name: str, answer: bytes) -> AbstractContextManager[Server]:
        """Run a bare Starlette route with this answer."""
        file = self.folder / f"{name}.json"
        file.write_bytes(answer)
        return self.uvicorn(name, "bench.peers.bare:app", BARE_ANSWER_FILE=str(file))

    def node(self, name: str, script: str, *words: object) -> AbstractContextManager[Server]:
        """Run one of the servers in JavaScript, which are installed first."""
        installed_peers(self.say)
        port = free_port()
        argv = [str(NODE), str(FOLDER / "peers" / script), str(port), *map(str, words)]
        given = without_settings() | {"NODE_ENV": "production"}
        return running(name, argv, given, port, "/", self.folder / f"{name}.log")

    def in_c(self, name: str, source: str, *words: object) -> AbstractContextManager[Server]:
        """Run a server in C."""
        port = free_port()
        argv = [str(self.program(source)), str(port), *map(str, words)]
        log = self.folder / f"{name}.log"
        return running(name, argv, without_settings(), port, "/", log)

    def _onsale(self, *words: str) -> None:
        """Run a command of onsale on the same database. Raises BenchError with what it said."""
        given = without_settings() | {
            "DATABASE_URL": self.postgres.url,
            "ONSALE_DATA_DIR": str(self.folder / "data"),
        }
        answer = subprocess.run(  # noqa: S603 - our own words.
            [sys.executable, "-m", "onsale", *words],
            cwd=ROOT,
            env=given,
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode:
            raise BenchError(f"onsale {words[0]} failed: {answer.stdout}{answer.stderr}")


@contextmanager
def embedded_onsale(folder: Path, name: str) -> Iterator[Server]:
    """Run onsale as anybody would, with a PostgreSQL, a Valkey and demo events of its own."""
    folder.chmod(0o711)  # As root, PostgreSQL runs as somebody else, who has to get through.
    port = free_port()
    given = without_settings() | LIFTED
    given |= {
        "ONSALE_DATA_DIR": str(folder / "data"),
        "ONSALE_PORT": str(port),
        "ONSALE_LOG_FORMAT": "json",
    }
    argv = [sys.executable, "-m", "onsale", "serve", "--demo"]
    with running(name, argv, given, port, "/readyz", folder / f"{name}.log") as server:
        yield server


@asynccontextmanager
async def open_stage(plan: Plan, say: Say) -> AsyncIterator[Stage]:
    """Set it up, until the block ends."""
    say("Starting onsale with a PostgreSQL, a Valkey and demo events of its own")
    with tempfile.TemporaryDirectory(prefix="onsale-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        programs = {source: compiled(FOLDER / source, folder) for source in LOAD_PROGRAMS}
        with embedded_onsale(folder, "onsale") as server:
            yield _stage(plan, say, folder, server, programs)


def _stage(plan: Plan, say: Say, folder: Path, server: Server, programs: dict[str, Path]) -> Stage:
    """Read where the server's services are."""
    data = folder / "data"
    services = json.loads((data / "services.json").read_text())
    postmaster = (data / "postgres" / "postmaster.pid").read_text().split()[0]
    return Stage(
        plan=plan,
        say=say,
        folder=folder,
        server=server,
        postgres=Postgres(services["database_url"], int(postmaster)),
        redis_url=services["redis_url"],
        programs=services["programs"],
        _compiled=programs,
    )


def without_settings() -> dict[str, str]:
    """Keep of this process's environment what is no setting of onsale."""
    ours = ("ONSALE_", "DATABASE_URL", "REDIS_URL")
    kept: Mapping[str, str] = os.environ
    return {name: value for name, value in kept.items() if not name.startswith(ours)}
