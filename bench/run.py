"""One run: start everything, measure in turns, so that a change of weather meets all alike."""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import baseline_api, onsale_api
from bench.availability import AvailabilityReader, availability_answer, availability_request
from bench.baseline_api import BaselineSeats
from bench.figures import Figures
from bench.live import BUYERS, Audience, LiveFigures
from bench.machine import describe_machine, require_proc
from bench.onsale_api import Arena
from bench.pgbench import PgbenchSeller
from bench.postgres import Postgres
from bench.processes import Server, free_port, running
from bench.report import Report
from bench.reservations import BaselineSeller, OnsaleSeller, Seller

CONNECTIONS = 64
WARM_UP_SECONDS = 2.0
#: Leftovers of the part before (sweeps, ticks, autovacuum) are over by then.
SETTLE_SECONDS = 1.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    rounds: int
    reserving_seconds: float
    #: Each makes one reservation a round, at most.
    guests: int
    reading_seconds: float
    subscribers: int
    watching_seconds: float


FULL = Plan(
    rounds=3,
    reserving_seconds=4.0,
    guests=8_000,
    reading_seconds=3.0,
    subscribers=300,
    watching_seconds=8.0,
)
QUICK = Plan(
    rounds=1,
    reserving_seconds=3.0,
    guests=3_000,
    reading_seconds=2.0,
    subscribers=300,
    watching_seconds=5.0,
)


@dataclass(slots=True)
class House:
    """onsale with its PostgreSQL and Valkey, in a temporary folder that is gone afterwards."""

    folder: Path
    server: Server
    postgres: Postgres
    programs: list[str]
    machine: dict[str, Any] = field(default_factory=dict)


async def run(plan: Plan, command: str, say: Say) -> Report:
    """Measure all there is to measure."""
    require_proc()
    began_at, began = datetime.now(UTC), time.monotonic()
    say("Starting onsale with a PostgreSQL, a Valkey and demo events of its own")
    with open_house() as house:
        arena = await onsale_api.find_arena(house.server.port)
        say(f"{arena.title}: {arena.seat_count:,} seats, {len(arena.seats):,} of them numbered")
        reservations, tokens = await measure_reservations(plan, house, arena, say)
        availability = await measure_availability(plan, house, arena, say)
        live = await measure_live(plan, house, arena, tokens, say)
        conditions = {
            "programs": house.programs,
            "postgres": await house.postgres.settings(),
            "event": arena.title,
            "seats": arena.seat_count,
            "connections": CONNECTIONS,
            "rounds": plan.rounds,
        }
    return Report(
        began_at=began_at,
        command=command,
        seconds=time.monotonic() - began,
        machine=house.machine,
        conditions=conditions,
        reservations=reservations,
        availability=availability,
        live=live,
    )


@contextmanager
def open_house() -> Iterator[House]:
    """Run onsale as anybody would, by its command line."""
    with tempfile.TemporaryDirectory(prefix="onsale-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)  # As root, PostgreSQL runs as somebody else, who has to get through.
        machine = describe_machine(folder)
        data, port = folder / "data", free_port()
        environment = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith("ONSALE_") and key not in {"DATABASE_URL", "REDIS_URL"}
        }
        environment |= {
            "ONSALE_DATA_DIR": str(data),
            "ONSALE_PORT": str(port),
            "ONSALE_LOG_FORMAT": "json",
        }
        argv = [sys.executable, "-m", "onsale", "serve", "--demo"]
        with running("onsale", argv, environment, port, "/readyz", folder / "onsale.log") as server:
            services = json.loads((data / "services.json").read_text())
            postmaster = (data / "postgres" / "postmaster.pid").read_text().split()[0]
            postgres = Postgres(services["database_url"], int(postmaster))
            yield House(folder, server, postgres, services["programs"], machine)


async def measure_reservations(
    plan: Plan, house: House, arena: Arena, say: Say
) -> tuple[dict[str, list[Figures]], list[str]]:
    """Let onsale, the baseline and pgbench sell in turn; give the guests' tokens, too."""
    say(f"Letting {plan.guests:,} guests in, and building the baseline")
    tokens = await onsale_api.start_guests(house.server.port, plan.guests, CONNECTIONS)
    rounds: dict[str, list[Figures]] = {"onsale": [], "baseline": [], "pgbench": []}
    pgbench = PgbenchSeller(house.postgres, arena.seat_count)
    await pgbench.prepare()
    await house.postgres.make_database(baseline_api.DATABASE)
    with open_baseline(house, arena.seat_count) as baseline_server:
        sellers: dict[str, Seller] = {
            "onsale": OnsaleSeller(house.server, house.postgres, arena, tokens),
            "baseline": BaselineSeller(
                baseline_server, house.postgres, BaselineSeats(house.postgres, arena.seat_count)
            ),
            "pgbench": pgbench,
        }
        say("Warming up")
        for seller in sellers.values():
            await seller.sell(CONNECTIONS, WARM_UP_SECONDS)
        for n in range(1, plan.rounds + 1):
            for name, seller in sellers.items():
                await asyncio.sleep(SETTLE_SECONDS)
                figures = await seller.sell(CONNECTIONS, plan.reserving_seconds)
                rounds[name].append(figures)
                say(f"Reservations, round {n}, {name}: {in_words(figures)}")
    return rounds, tokens


@contextmanager
def open_baseline(house: House, seats: int) -> Iterator[Server]:
    """Run the baseline on the same PostgreSQL, in a database of its own."""
    url = house.postgres.url_of(baseline_api.DATABASE)
    environment = dict(os.environ) | {
        "BASELINE_DATABASE_URL": url.replace("postgresql://", "postgresql+asyncpg://", 1),
        "BASELINE_SEATS": str(seats),
    }
    with _uvicorn("baseline", "bench.baseline.app:app", environment, house) as server:
        yield server


async def measure_availability(
    plan: Plan, house: House, arena: Arena, say: Say
) -> dict[str, list[Figures]]:
    """Read an arena's availability from onsale and the same bytes from a bare route, in turn."""
    await asyncio.sleep(SETTLE_SECONDS)
    answer = await availability_answer(house.server.port, arena)
    answer_file = house.folder / "answer.json"
    answer_file.write_bytes(answer)
    environment = dict(os.environ) | {"BARE_ANSWER_FILE": str(answer_file)}
    request = availability_request(arena)
    rounds: dict[str, list[Figures]] = {"onsale": [], "bare": []}
    with _uvicorn("bare", "bench.bare:app", environment, house) as bare:
        servers = {"onsale": house.server, "bare": bare}
        for n in range(1, plan.rounds + 1):
            for name, server in servers.items():
                reader = AvailabilityReader(server, house.postgres, request, answer)
                figures = await reader.read(plan.reading_seconds)
                rounds[name].append(figures)
                say(f"Availability, round {n}, {name}: {in_words(figures)}")
    return rounds


async def measure_live(
    plan: Plan, house: House, arena: Arena, tokens: Sequence[str], say: Say
) -> list[LiveFigures]:
    """Change seats while many watch."""
    audience = Audience(house.server, house.postgres, arena, tokens[:BUYERS])
    rounds = []
    for n in range(1, plan.rounds + 1):
        await asyncio.sleep(SETTLE_SECONDS)
        figures = await audience.watch(plan.subscribers, plan.watching_seconds)
        rounds.append(figures)
        say(
            f"Live, round {n}: {figures.subscribers:.0f} subscribers,"
            f" {figures.changes_per_second:.1f} changes/s, p50 {figures.p50_ms:.0f} ms,"
            f" p99 {figures.p99_ms:.0f} ms, server {figures.server_cpu_share:.0%} of a core"
        )
    return rounds


def _uvicorn(
    name: str, app: str, environment: dict[str, str], house: House
) -> AbstractContextManager[Server]:
    """Run an application as its tutorial says, but without a line in a log for each request."""
    port = free_port()
    argv = [sys.executable, "-m", "uvicorn", app, "--port", str(port), "--no-access-log"]
    return running(name, argv, environment, port, "/graphql", house.folder / f"{name}.log")


def in_words(figures: Figures) -> str:
    """Say in a line what a round found."""
    return (
        f"{figures.requests_per_second:,.0f} a second, p99 {figures.p99_ms:.1f} ms,"
        f" {figures.server_cpu_us:,.0f} µs of server CPU, {figures.success_share:.1%} succeeded"
    )
