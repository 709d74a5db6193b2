"""Thousands who watch one event, beside those who only broadcast."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import orjson

from bench import onsale_api
from bench.changing import BUYERS, Changes, Committed, OnsaleChanges, PostedChanges
from bench.figures import Measured, Round
from bench.http_client import ask_once, data_of
from bench.load.watching import Deliveries, Watchers
from bench.onsale_api import Event
from bench.processes import Server
from bench.row import Bound, Column, Goal, Medians, Plot, Row
from bench.stage import Stage

CHANGES_A_SECOND = 10
WARM_UP_SUBSCRIBERS = 10
WARM_UP_SECONDS = 0.5
#: Who uses less of a core than this for so long has nothing to do.
QUIET_SHARE, QUIET_SECONDS, QUIET_SECONDS_MAX = 0.1, 0.3, 10.0
#: A server cuts off who has not read for 10 seconds: see docs/limits.md.
SLOW_SECONDS_MAX = 15.0

ONSALE, C, BARE, STRAWBERRY = "onsale", "C and epoll", "bare Starlette", "Strawberry"


@dataclass(frozen=True, slots=True)
class Contender:
    """Somebody who tells many of changes."""

    name: str
    #: How many watch it, one audience after the other.
    audiences: tuple[int, ...]
    start: Callable[[], AbstractContextManager[Server]]
    changes: Callable[[Server, int], AbstractAsyncContextManager[Changes]]
    #: Whether it can tell the largest audience of ten changes a second.
    keeps_pace: bool = True


class Told(NamedTuple):
    """Changes that everybody was told of, and what that took of the server."""

    committed: Committed
    deliveries: Deliveries
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Audience:
    """So many who watch a contender."""

    stage: Stage
    arena: Event
    contender: Contender
    server: Server
    count: int
    #: Besides, who read nothing.
    slow: int = 0

    async def watch(self, *, is_first: bool) -> Round:
        """Subscribe, and be told of changes at an even pace; the first, too, as fast as it goes."""
        plan, resident = self.stage.plan, self.server.resident_bytes()
        async with self.stage.watchers(self.server, self.arena, self.count, self.slow) as watchers:
            resident = self.server.resident_bytes() - resident
            found = {"subscribed_a_second": self.count / watchers.subscribing_seconds}
            if is_first:
                found["memory_kb"] = resident / self.count / 1e3
            async with self.contender.changes(self.server, watchers.version) as changes:
                if self.contender.keeps_pace:
                    steady = changes.at_pace(CHANGES_A_SECOND, plan.steady_seconds)
                    found |= self._delays(await self._told(watchers, steady))
                if is_first:
                    as_fast = changes.flat_out(watchers, plan.flat_out_seconds)
                    found |= _rates(await self._told(watchers, as_fast))
                if self.slow:
                    await changes.at_pace(CHANGES_A_SECOND, SLOW_SECONDS_MAX)
                    found["cut_off_share"] = await watchers.count_given_up() / self.slow
        return found

    async def _told(self, watchers: Watchers, changing: Awaitable[Committed]) -> Told:
        """Let changes happen until all know of them."""
        began, cpu = time.perf_counter(), self.server.cpu_seconds()
        committed = await changing
        await watchers.until_told(max(committed))
        seconds, cpu = time.perf_counter() - began, self.server.cpu_seconds() - cpu
        return Told(committed, await watchers.collect(), seconds, cpu)

    def _delays(self, told: Told) -> Round:
        delays = told.deliveries.delays(told.committed)
        return {
            "p50_ms": delays.p50_ms,
            "p99_ms": delays.p99_ms,
            "last_p50_ms": delays.last_p50_ms,
            "last_p99_ms": delays.last_p99_ms,
            "missed": len(told.committed) * self.count - delays.told,
        }


def _rates(told: Told) -> Round:
    messages = max(told.deliveries.messages, 1)
    return {
        "deliveries": messages / told.seconds,
        "delivery_cpu_us": told.cpu_seconds / messages * 1e6,
        "server_cpu_share": told.cpu_seconds / told.seconds,
        "changes": len(told.committed) / told.seconds,
        "flat_out_last_p99_ms": told.deliveries.delays(told.committed).last_p99_ms,
        "message_bytes": told.deliveries.bytes_a_message,
        "load_cpu_share": told.deliveries.own_cpu_seconds / told.seconds,
    }


async def measure(stage: Stage) -> Measured:
    """Let everybody tell of changes, in turn, to every audience."""
    measured: Measured = {}
    arena = await onsale_api.find_arena(stage.server.port)
    contenders = await _contenders(stage, arena)
    for n in range(stage.plan.rounds):
        slow = stage.plan.slow_readers if n == stage.plan.rounds - 1 else 0
        for contender in contenders:
            await stage.settle()
            with contender.start() as server:
                await _warm_up(stage, arena, contender, server)
                # Memory is that of a new process, so the largest audience comes first.
                for count in sorted(contender.audiences, reverse=True):
                    await _quiet(server)
                    is_first = count == max(contender.audiences)
                    slow_here = slow if is_first and contender.name == ONSALE else 0
                    audience = Audience(stage, arena, contender, server, count, slow_here)
                    found = await audience.watch(is_first=is_first)
                    stage.record(measured, f"{contender.name}, {count} subscribers", found)
    return measured


async def _warm_up(stage: Stage, arena: Event, contender: Contender, server: Server) -> None:
    async with (
        stage.watchers(server, arena, WARM_UP_SUBSCRIBERS) as watchers,
        contender.changes(server, watchers.version) as changes,
    ):
        committed = await changes.at_pace(CHANGES_A_SECOND, WARM_UP_SECONDS)
        await watchers.until_told(max(committed))


async def _quiet(server: Server) -> None:
    """Wait until a server has done with the audience before, and with all that it puts off."""
    until = time.perf_counter() + QUIET_SECONDS_MAX
    while time.perf_counter() < until:
        cpu = server.cpu_seconds()
        await asyncio.sleep(QUIET_SECONDS)
        if server.cpu_seconds() - cpu < QUIET_SHARE * QUIET_SECONDS:
            return


async def _contenders(stage: Stage, arena: Event) -> list[Contender]:
    snapshot = await _snapshot(stage, arena)
    tokens = await stage.guests(BUYERS)
    audiences = stage.plan.audiences
    larger = audiences[-2:]
    environment = {
        "BROADCAST_SNAPSHOT_FILE": str(snapshot),
        "BROADCAST_REDIS_URL": stage.redis_url,
    }

    def bought(server: Server, _version: int) -> AbstractAsyncContextManager[Changes]:
        return OnsaleChanges.open(server.port, stage.postgres, arena, tokens)

    def posted(server: Server, version: int) -> AbstractAsyncContextManager[Changes]:
        return PostedChanges.open(server.port, version)

    def served(name: str) -> Callable[[], AbstractContextManager[Server]]:
        return lambda: stage.uvicorn(name, f"bench.peers.{name}:app", **environment)

    contenders = [
        Contender(ONSALE, audiences, lambda: stage.another_onsale("onsale-live"), bought),
        Contender(C, larger, lambda: stage.in_c("c", "peers/broadcast.c", snapshot), posted),
        Contender(BARE, larger, served("broadcast_starlette"), posted),
    ]
    if stage.plan.is_whole:
        strawberry = served("strawberry_live")
        few = (stage.plan.strawberry_audience,)
        contenders.append(Contender(STRAWBERRY, few, strawberry, posted, keeps_pace=False))
    return contenders


async def _snapshot(stage: Stage, arena: Event) -> Path:
    """Keep what onsale tells first, so that the peers tell the same."""
    request = onsale_api.availability_request(arena)
    answer = data_of(await ask_once(stage.server.port, request))["event"]
    file = stage.folder / "snapshot.json"
    file.write_bytes(orjson.dumps({"__typename": "AvailabilitySnapshot", **answer}))
    return file


def _at_most(medians: Medians, name: str) -> Round:
    """Give what was found with the largest audience. Raises KeyError."""
    theirs = [one for one in medians if one.startswith(f"{name}, ")]
    if not theirs:
        raise KeyError(name)
    return medians[max(theirs, key=lambda one: int(one.split()[-2]))]


def _of_onsale(figure: str) -> Callable[[Medians], float]:
    return lambda medians: _at_most(medians, ONSALE)[figure]


LIVE = Row(
    name="live",
    title="Changes of an arena's seats, told over WebSockets",
    columns=(
        Column("deliveries", "flat out: deliveries/s"),
        Column("delivery_cpu_us", "CPU µs a delivery", ",.1f"),
        Column("server_cpu_share", "of a core", ".0%"),
        Column("message_bytes", "bytes"),
        Column("flat_out_last_p99_ms", "to the last, p99 ms"),
        Column("p50_ms", "at 10/s: p50 ms", ",.1f"),
        Column("p99_ms", "p99 ms", ",.1f"),
        Column("last_p99_ms", "to the last, p99 ms", ",.1f"),
        Column("missed", "missed"),
        Column("subscribed_a_second", "subscribed/s"),
        Column("memory_kb", "kB a subscriber", ",.1f"),
    ),
    goals=(
        Goal(
            "the deliveries a second of C and epoll",
            Bound.AT_LEAST,
            0.9,
            1.0,
            " times",
            lambda medians: (
                _at_most(medians, ONSALE)["deliveries"] / _at_most(medians, C)["deliveries"]
            ),
        ),
        Goal(
            "of those who read nothing are cut off",
            Bound.AT_LEAST,
            100,
            None,
            " %",
            lambda medians: _at_most(medians, ONSALE)["cut_off_share"] * 100,
        ),
        Goal(
            "p99 from commit to the last subscriber",
            Bound.AT_MOST,
            150,
            100,
            " ms",
            _of_onsale("last_p99_ms"),
        ),
        Goal("missed", Bound.AT_MOST, 0, None, "", _of_onsale("missed")),
        Goal(
            "subscribe",
            Bound.AT_LEAST,
            2_000,
            5_000,
            " a second",
            _of_onsale("subscribed_a_second"),
        ),
        Goal("memory a subscriber", Bound.AT_MOST, 25, 5, " kB", _of_onsale("memory_kb")),
    ),
    measure=measure,
    note=(
        f"Latency at {CHANGES_A_SECOND} changes a second, from the commit (of the peers: from the"
        " POST) to the arrival. Deliveries as fast as it goes: the peers have four changes under"
        " way at a time; onsale gets more changes than it has ticks, and merges what comes within"
        " one. Memory is the growth of the resident set of a new process, without the"
        " kernel's socket buffers. Strawberry has fewer subscribers, and is not timed: it does not"
        " keep that pace with more."
    ),
    plots=(
        Plot(
            "latency",
            "From commit to receipt, by subscribers",
            (("p50_ms", "p50"), ("p99_ms", "p99"), ("last_p99_ms", "p99 of the last")),
            "subscribers",
            "ms",
        ),
    ),
)
