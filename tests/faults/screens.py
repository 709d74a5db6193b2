"""Screens that show a hall: what they were told, when, and whether it is the truth."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import cycle
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from schema.ids import NodeKind, encode_id
from tests.given_time import eventually
from tests.halls import Hall
from tests.servers import ServerProcess

STATUSES = ["AVAILABLE", "HELD", "SOLD", "BLOCKED"]
CONNECT_AGAIN_SECONDS = 0.1
#: A screen that is as late as this is not late, but wrong.
NEVER_SECONDS = 30.0
FOLLOW = """
    subscription ($event: ID!, $since: Int) {
        seatAvailability(eventId: $event, sinceVersion: $since) {
            __typename
            ... on AvailabilitySnapshot { availability { version states } }
            ... on AvailabilityDelta { fromVersion version changes { index status } }
            ... on AvailabilityStale { since version }
        }
    }
"""
SNAPSHOT, DELTA, STALE = "AvailabilitySnapshot", "AvailabilityDelta", "AvailabilityStale"


@dataclass(eq=False)
class Screen:
    """A browser's map: applies what it is told, and fails where a version is skipped."""

    hall: Hall
    version: int = -1
    states: bytearray = field(default_factory=bytearray)
    #: When, by the calendar, and what kind of message.
    told: list[tuple[float, str]] = field(default_factory=list)
    #: How many characters it was sent.
    heard: int = 0
    #: Begin anew when the line is cut, instead of going on from the version that is known.
    forgets: bool = False

    @property
    def is_stale(self) -> bool:
        return bool(self.told) and self.told[-1][1] == STALE

    def first(self, kind: str, since: float) -> float | None:
        """When such a message came first since then; None: it has not."""
        return next((at for at, told in self.told if at >= since and told == kind), None)

    async def watch(self, servers: Sequence[ServerProcess]) -> None:
        """Follow at the first server, and at the next one whenever the line is cut."""
        for server in cycle(servers):
            try:
                await self._follow(server)
            except (OSError, WebSocketException, TimeoutError):
                await asyncio.sleep(CONNECT_AGAIN_SECONDS)

    async def _follow(self, server: ServerProcess) -> None:
        protocol = Subprotocol("graphql-transport-ws")
        if self.forgets:
            self.version = -1
        async with connect(server.socket_url, subprotocols=[protocol], compression=None) as line:
            await line.send('{"type":"connection_init"}')
            await line.recv()
            await line.send(question(self.hall, self.version))
            async for text in line:
                self.heard += len(text)
                message = parsed(text)
                assert message["type"] == "next", message
                assert "errors" not in message["payload"], message
                self.take(message["payload"]["data"]["seatAvailability"])

    def take(self, message: dict[str, Any]) -> None:
        kind = message["__typename"]
        if kind == SNAPSHOT:
            view = message["availability"]
            assert view["version"] >= self.version, "a version went back"
            self.version, self.states = view["version"], bytearray(unpacked(view["states"]))
        elif kind == DELTA:
            assert message["fromVersion"] == self.version, "a version was skipped"
            for change in message["changes"]:
                self.states[change["index"]] = STATUSES.index(change["status"])
            self.version = message["version"]
        self.told.append((time.time(), kind))

    def shows(self, truth: tuple[int, bytes]) -> bool:
        version, states = truth
        is_true = self.version == version and self.states.startswith(states)
        return is_true and not self.is_stale


def question(hall: Hall, version: int = -1) -> str:
    """Ask to follow, from the version that is known on."""
    event = encode_id(NodeKind.EVENT, hall.event_id)
    variables = {"event": event, "since": None if version < 0 else version}
    payload = {"query": FOLLOW, "variables": variables}
    return json.dumps({"id": "1", "type": "subscribe", "payload": payload})


@lru_cache(maxsize=64)
def parsed(text: str | bytes) -> Any:
    """Read a message; two hundred screens get the same one."""
    return json.loads(text)


@lru_cache(maxsize=64)
def unpacked(states: str) -> bytes:
    return bytes(byte >> 2 * at & 3 for byte in base64.b64decode(states) for at in range(4))


@asynccontextmanager
async def watching(
    hall: Hall, *lines: Sequence[ServerProcess], forget: bool = False
) -> AsyncIterator[list[Screen]]:
    """Put up a screen for each list of servers; all show something when the block begins.

    A screen that was told nonsense fails the block.
    """
    screens = [Screen(hall, forgets=forget) for _ in lines]
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(screen.watch(servers))
            for screen, servers in zip(screens, lines, strict=True)
        ]
        await eventually(lambda: all(screen.told for screen in screens), 15)
        yield screens
        for task in tasks:
            task.cancel()


async def truth_of(hall: Hall) -> tuple[int, bytes]:
    """Read the version and every seat's state, of one moment."""
    [row] = await hall.fetch(
        "SELECT l.version, (SELECT array_agg(s.state ORDER BY s.seat_index) FROM event_seats s"
        " WHERE s.event_id = l.event_id) AS states FROM event_ledgers l WHERE l.event_id = $1",
        hall.event_id,
    )
    return row["version"], bytes(row["states"])


async def all_show_the_truth(hall: Hall, screens: Sequence[Screen], seconds: float) -> float:
    """Wait until every screen equals the database; tells how long that took."""
    began = time.monotonic()

    async def do() -> bool:
        truth = await truth_of(hall)
        await asyncio.sleep(0)  # What has come meanwhile is taken in.
        return all(screen.shows(truth) for screen in screens)

    await eventually(do, seconds)
    return time.monotonic() - began


@asynccontextmanager
async def timing(hall: Hall, screens: Sequence[Screen]) -> AsyncIterator[list[float]]:
    """Measure by how much the slowest of the screens is behind the database, again and again."""
    late: list[float] = []
    ledger = "SELECT version FROM event_ledgers WHERE event_id = $1"

    async def measure() -> None:
        while True:
            version = (await hall.fetch(ledger, hall.event_id))[0]["version"]
            seen_at = time.monotonic()
            await eventually(
                lambda: all(screen.version >= version for screen in screens),  # noqa: B023 - awaited.
                NEVER_SECONDS,
            )
            late.append(time.monotonic() - seen_at)
            await asyncio.sleep(0.02)

    task = asyncio.create_task(measure())
    try:
        yield late
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
