"""Changes of seats at a pace: by buyers on onsale, by POSTs to the peers."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

import orjson

from bench import onsale_api
from bench.http_client import Connection, post
from bench.load.watching import Watchers
from bench.onsale_api import Event
from bench.postgres import Postgres
from bench.processes import BenchError

BUYERS = 20
#: So many changes may be under way before the first of them is known to all.
UNDER_WAY_MAX = 4
#: More changes than any server has ticks: flat out, each tick has something to tell.
FLAT_OUT_A_SECOND = 40

COMMITTED = """
    SELECT c.version, extract(epoch FROM c.committed_at)::float8 AS committed_at
    FROM seat_changes c JOIN events e ON e.id = c.event_id
    WHERE e.slug = $1 AND c.version > $2
"""

#: When each version was committed, by the machine's clock, in seconds.
Committed = Mapping[int, float]


class Changes(Protocol):
    """Whoever changes seats that are watched."""

    async def at_pace(self, a_second: float, seconds: float) -> Committed:
        """Change them evenly for so long; tell when each version was committed."""

    async def flat_out(self, watchers: Watchers, seconds: float, /) -> Committed:
        """Change them as fast as everybody can be told."""


class Buyer:
    """Reserves two seats and gives them back, again and again; each is a change."""

    def __init__(self, connection: Connection, event: Event, token: str) -> None:
        self._connection = connection
        self._event = event
        self._token = token

    async def come_and_go(self, due_at: float, every: float, until: float) -> None:
        """Make a change whenever one is due, an even number of them."""
        reservation_id = None
        while due_at < until or reservation_id is not None:
            await asyncio.sleep(max(0.0, due_at - time.perf_counter()))
            if reservation_id is None:
                reservation_id = await self._reserve()
            else:
                await self._cancel(reservation_id)
                reservation_id = None
            due_at += every

    async def _reserve(self) -> str:
        """Take two seats; somebody else may just have one of them, then two others."""
        while True:
            seats = random.sample(self._event.seats, 2)
            request = onsale_api.reserve(self._event, self._token, seats)
            body = await self._connection.ask(request)
            if reservation := onsale_api.reservation_of(body, "reserveSeats"):
                return str(reservation["id"])
            if b"SeatsUnavailable" not in body:
                raise BenchError(f"A reservation was refused: {body.decode()}")

    async def _cancel(self, reservation_id: str) -> None:
        body = await self._connection.ask(onsale_api.cancel(self._token, reservation_id))
        if onsale_api.reservation_of(body, "cancelReservation") is None:
            raise BenchError(f"A cancellation was refused: {body.decode()}")


class OnsaleChanges:
    """Buyers who come and go, through the API; the change log knows when each was committed."""

    def __init__(self, postgres: Postgres, event: Event, buyers: list[Buyer]) -> None:
        self._postgres = postgres
        self._event = event
        self._buyers = buyers

    @classmethod
    @asynccontextmanager
    async def open(
        cls, port: int, postgres: Postgres, event: Event, tokens: list[str]
    ) -> AsyncIterator["OnsaleChanges"]:
        """Connect the buyers until the block ends."""
        connections = [await Connection.open(port) for _ in tokens]
        try:
            pairs = zip(connections, tokens, strict=True)
            yield cls(postgres, event, [Buyer(one, event, token) for one, token in pairs])
        finally:
            for connection in connections:
                connection.close()

    async def at_pace(self, a_second: float, seconds: float) -> Committed:
        """Let the buyers take turns, so that the pace is kept even if an answer takes longer."""
        before = await self._version()
        began, every = time.perf_counter(), len(self._buyers) / a_second
        await asyncio.gather(
            *(
                buyer.come_and_go(began + n / a_second, every, began + seconds)
                for n, buyer in enumerate(self._buyers)
            )
        )
        async with self._postgres.connected() as connection:
            rows = await connection.fetch(COMMITTED, self._event.slug, before)
        return {row["version"]: row["committed_at"] for row in rows}

    async def flat_out(self, _watchers: Watchers, seconds: float) -> Committed:
        """Change more often than there are ticks; what comes within one is told at once."""
        return await self.at_pace(FLAT_OUT_A_SECOND, seconds)

    async def _version(self) -> int:
        async with self._postgres.connected() as connection:
            return int(
                await connection.fetchval(
                    "SELECT l.version FROM event_ledgers l JOIN events e ON e.id = l.event_id"
                    " WHERE e.slug = $1",
                    self._event.slug,
                )
            )


class PostedChanges:
    """Changes that a peer is sent, and tells as they come."""

    def __init__(self, connection: Connection, version: int, available: int) -> None:
        self._connection = connection
        self._version = version
        self._available = available

    @classmethod
    @asynccontextmanager
    async def open(cls, port: int, version: int) -> AsyncIterator["PostedChanges"]:
        """Connect until the block ends; the subscribers know this version."""
        connection = await Connection.open(port)
        try:
            yield cls(connection, version, onsale_api.ARENA_SEATS)
        finally:
            connection.close()

    async def at_pace(self, a_second: float, seconds: float) -> Committed:
        """Post a change whenever one is due."""
        committed: dict[int, float] = {}
        due_at = time.perf_counter()
        until = due_at + seconds
        while due_at < until:
            await asyncio.sleep(max(0.0, due_at - time.perf_counter()))
            await self._change(committed)
            due_at += 1 / a_second
        return committed

    async def flat_out(self, watchers: Watchers, seconds: float) -> Committed:
        """Keep a few under way: post the next one whenever all know another one."""
        committed: dict[int, float] = {}
        until = time.perf_counter() + seconds
        first = self._version + 1
        while time.perf_counter() < until:
            await self._change(committed)
            if self._version - first >= UNDER_WAY_MAX - 1:
                await watchers.until_told(self._version - UNDER_WAY_MAX + 1)
        return committed

    async def _change(self, committed: dict[int, float]) -> None:
        """Tell of two seats, in onsale's words."""
        message = delta(self._version, self._available)
        self._version += 1
        committed[self._version] = time.time()
        await self._connection.ask(post("/changes", orjson.dumps(message)))


def delta(version: int, available: int) -> dict[str, Any]:
    """Write what onsale would tell of two seats that are held."""
    seats = random.sample(range(onsale_api.ARENA_SEATS), 2)
    return {
        "__typename": "AvailabilityDelta",
        "fromVersion": version,
        "version": version + 1,
        "available": available,
        "changes": [{"index": seat, "status": "HELD"} for seat in sorted(seats)],
    }
