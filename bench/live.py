"""How long a change takes from its commit to the eyes of everybody who watches.

Changes are reservations and cancellations through the API, at an even pace. Each has a version; the
change log says when it was committed, by the same machine's clock. A delta that leads from version
3 to 5 delivers 4 and 5. Every subscriber must be told of every version once, in order.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median

from bench import onsale_api
from bench.figures import percentile
from bench.http_load import Connection
from bench.onsale_api import Arena
from bench.postgres import Postgres
from bench.processes import BenchError, Server
from bench.web_socket import Subscriber

CHANGES_PER_SECOND = 10
#: They take turns, so that the pace is kept even if an answer takes longer than a turn.
BUYERS = 10
ARRIVE_SECONDS_MAX = 10.0
LOOK_EVERY_SECONDS = 0.05
SUBSCRIBING_AT_ONCE = 20

COMMITTED = """
    SELECT c.version, extract(epoch FROM c.committed_at)::float8 AS committed_at
    FROM seat_changes c JOIN events e ON e.id = c.event_id
    WHERE e.slug = $1 AND c.version > $2
"""


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """What a round told; of several rounds, the medians."""

    subscribers: float
    changes: float
    changes_per_second: float
    #: Of all deliveries of all changes.
    p50_ms: float
    p99_ms: float
    #: Until the last subscriber knew of a change: the median change, and the worst.
    last_subscriber_p50_ms: float
    last_subscriber_max_ms: float
    #: Deliveries that were due and did not come.
    missed: float
    server_cpu_us_a_delivery: float
    server_cpu_share: float
    subscribing_seconds: float
    load_cpu_share: float

    @classmethod
    def median_of(cls, rounds: Sequence["LiveFigures"]) -> "LiveFigures":
        """Give the median of each figure."""
        names = asdict(rounds[0])
        return cls(**{name: median(asdict(one)[name] for one in rounds) for name in names})

    def as_json(self) -> dict[str, float]:
        """Round to what means something."""
        return {name: round(value, 3) for name, value in asdict(self).items()}


class Buyer:
    """Reserves two seats and gives them back, again and again; each is a change."""

    def __init__(self, connection: Connection, arena: Arena, token: str) -> None:
        self._connection = connection
        self._arena = arena
        self._token = token

    @classmethod
    async def open(cls, port: int, arena: Arena, token: str) -> "Buyer":
        """Connect."""
        return cls(await Connection.open(port), arena, token)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    async def come_and_go(self, due_at: float, until: float) -> int:
        """Make a change whenever one is due, an even number of them; give how many."""
        reservation_id, changes = None, 0
        while due_at < until or reservation_id is not None:
            await asyncio.sleep(max(0.0, due_at - time.perf_counter()))
            if reservation_id is None:
                reservation_id = await self._reserve()
            else:
                await self._cancel(reservation_id)
                reservation_id = None
            changes += 1
            due_at += BUYERS / CHANGES_PER_SECOND
        return changes

    async def _reserve(self) -> str:
        """Take two seats; somebody else may just have one of them, then two others."""
        while True:
            seats = random.sample(self._arena.seats, 2)
            request = onsale_api.reserve(self._arena, self._token, seats)
            reservation = onsale_api.payload_of(await self._connection.ask(request), "reserveSeats")
            if reservation is not None:
                return str(reservation["id"])

    async def _cancel(self, reservation_id: str) -> None:
        body = await self._connection.ask(onsale_api.cancel(self._token, reservation_id))
        if onsale_api.payload_of(body, "cancelReservation") is None:
            raise BenchError(f"A cancellation was refused: {body.decode()}")


class Audience:
    """Many who watch one event."""

    def __init__(
        self, server: Server, postgres: Postgres, arena: Arena, tokens: Sequence[str]
    ) -> None:
        self._server = server
        self._postgres = postgres
        self._arena = arena
        self._tokens = tokens

    async def watch(self, subscribers: int, seconds: float) -> LiveFigures:
        """Let so many watch for so long while seats are reserved and given back."""
        began = time.perf_counter()
        watching = await self._subscribe(subscribers)
        subscribing_seconds = time.perf_counter() - began
        try:
            first = _version_of(watching[0])
            began, cpu = time.perf_counter(), self._server.cpu_seconds()
            own_cpu = time.process_time()
            pace = await self._change(seconds)
            committed = await self._committed_since(first)
            await _until_all_know(watching, max(committed, default=first))
            elapsed = time.perf_counter() - began
            cpu, own_cpu = self._server.cpu_seconds() - cpu, time.process_time() - own_cpu
        finally:
            for subscriber in watching:
                subscriber.close()
        arrivals = _arrivals(watching, committed)
        delays = sorted(delay for all_delays in arrivals.values() for delay in all_delays)
        lasts = sorted(max(all_delays) for all_delays in arrivals.values() if all_delays)
        return LiveFigures(
            subscribers=subscribers,
            changes=len(committed),
            changes_per_second=pace,
            p50_ms=percentile(delays, 50) * 1e3,
            p99_ms=percentile(delays, 99) * 1e3,
            last_subscriber_p50_ms=percentile(lasts, 50) * 1e3,
            last_subscriber_max_ms=percentile(lasts, 100) * 1e3,
            missed=len(committed) * subscribers - len(delays),
            server_cpu_us_a_delivery=cpu / max(len(delays), 1) * 1e6,
            server_cpu_share=cpu / elapsed,
            subscribing_seconds=subscribing_seconds,
            load_cpu_share=own_cpu / elapsed,
        )

    async def _subscribe(self, subscribers: int) -> list[Subscriber]:
        """Let them in, a few at a time, and wait until each has its snapshot."""
        at_once = asyncio.Semaphore(SUBSCRIBING_AT_ONCE)

        async def enter() -> Subscriber:
            async with at_once:
                return await Subscriber.open(
                    self._server.port, onsale_api.WATCH, {"eventId": self._arena.id}
                )

        return await asyncio.gather(*(enter() for _ in range(subscribers)))

    async def _change(self, seconds: float) -> float:
        """Let the buyers change seats for so long, one after the other; give the pace kept."""
        buyers = [await Buyer.open(self._server.port, self._arena, token) for token in self._tokens]
        began = time.perf_counter()
        try:
            changes = await asyncio.gather(
                *(
                    buyer.come_and_go(began + n / CHANGES_PER_SECOND, began + seconds)
                    for n, buyer in enumerate(buyers)
                )
            )
            return sum(changes) / (time.perf_counter() - began)
        finally:
            for buyer in buyers:
                buyer.close()

    async def _committed_since(self, version: int) -> dict[int, float]:
        """Read from the change log when each version was committed."""
        async with self._postgres.connected() as connection:
            rows = await connection.fetch(COMMITTED, self._arena.slug, version)
        return {row["version"]: row["committed_at"] for row in rows}


def _version_of(subscriber: Subscriber) -> int:
    """Give the version of the snapshot that a subscription begins with."""
    _, data = next(subscriber.payloads())
    return int(data["seatAvailability"]["availability"]["version"])


async def _until_all_know(watching: Sequence[Subscriber], version: int) -> None:
    """Wait until everybody was told of this version; those who never are will be counted."""
    give_up_at = time.monotonic() + ARRIVE_SECONDS_MAX
    mark = f'"version":{version},'.encode()
    while time.monotonic() < give_up_at:
        if all(mark in subscriber.messages[-1][1] for subscriber in watching):
            return
        await asyncio.sleep(LOOK_EVERY_SECONDS)


def _arrivals(
    watching: Sequence[Subscriber], committed: dict[int, float]
) -> dict[int, list[float]]:
    """Give for each version how long after its commit each subscriber knew."""
    arrivals: dict[int, list[float]] = {version: [] for version in committed}
    for subscriber in watching:
        known = None
        for received_at, data in subscriber.payloads():
            message = data["seatAvailability"]
            if "availability" in message:
                known = message["availability"]["version"]
            elif "fromVersion" in message:
                if message["fromVersion"] != known:
                    raise BenchError(f"From {known} a delta of {message['fromVersion']} came.")
                for version in range(known + 1, message["version"] + 1):
                    if version in committed:
                        arrivals[version].append(received_at - committed[version])
                known = message["version"]
    return arrivals
