"""The whole way: buyers over HTTP at two server processes, viewers over WebSockets at both."""

import asyncio
import base64
import itertools
import json
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from box_office.database import Database
from schema.ids import NodeKind, encode_id
from tests.given_time import eventually
from tests.live.breakable import OwnValkey
from tests.live.hall import Hall, open_hall
from tests.servers import ServerProcess, running_servers

SEATS = 800
BUYERS = 40
CHANGES = 1_000
REDIS_AWAY_SECONDS = 5
STATUSES = ["AVAILABLE", "HELD", "SOLD", "BLOCKED"]

START_GUEST_SESSION = "mutation { startGuestSession { token } }"
RESERVE = """
    mutation ($input: ReserveSeatsInput!) {
        reserveSeats(input: $input) { reservation { id seats { index } } errors { __typename } }
    }
"""
RELEASE = """
    mutation ($input: ReleaseSeatsInput!) {
        releaseSeats(input: $input) { reservation { id status } errors { __typename } }
    }
"""
FOLLOW = """
    subscription ($event: ID!, $since: Int) {
        seatAvailability(eventId: $event, sinceVersion: $since) {
            __typename
            ... on AvailabilitySnapshot { availability { version available states } }
            ... on AvailabilityDelta {
                fromVersion version available changes { index status }
                sections { available section { name } }
            }
            ... on AvailabilityStale { since version }
        }
    }
"""


class Buyer:
    """A guest who reserves and gives back seats at any server, at random."""

    def __init__(self, event_id: str, servers: list[ServerProcess], dice: random.Random) -> None:
        self.event_id = event_id
        self.servers = servers
        self.dice = dice
        self.token = ""
        self.reservation: dict[str, Any] | None = None

    async def ask(self, client: httpx.AsyncClient, query: str, **variables: Any) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        answer = await client.post(
            self.dice.choice(self.servers).graphql_url,
            json={"query": query, "variables": variables},
            headers=headers,
        )
        body: dict[str, Any] = answer.json()
        assert "errors" not in body, body
        data: dict[str, Any] = body["data"]
        return data

    async def come(self, client: httpx.AsyncClient) -> None:
        self.token = (await self.ask(client, START_GUEST_SESSION))["startGuestSession"]["token"]

    async def do_something(self, client: httpx.AsyncClient) -> None:
        if self.reservation and self.dice.random() * 8 < len(self.reservation["seats"]):
            await self._give_back(client)
        else:
            await self._reserve(client)

    async def _reserve(self, client: httpx.AsyncClient) -> None:
        seats = self.dice.sample(range(SEATS // 2), self.dice.randint(1, 3))
        wish = {"eventId": self.event_id, "seatIndexes": seats}
        made = (await self.ask(client, RESERVE, input=wish))["reserveSeats"]
        self.reservation = made["reservation"] or self.reservation

    async def _give_back(self, client: httpx.AsyncClient) -> None:
        assert self.reservation is not None
        seats = [seat["index"] for seat in self.reservation["seats"]]
        some = self.dice.sample(seats, self.dice.randint(1, len(seats)))
        wish = {"reservationId": self.reservation["id"], "seatIndexes": some}
        await self.ask(client, RELEASE, input=wish)
        self.reservation["seats"] = [{"index": seat} for seat in seats if seat not in some]
        if not self.reservation["seats"]:
            self.reservation = None


class SocketViewer:
    """A browser's map, with the numbers of a browser: JSON and base64."""

    def __init__(self, event_id: str) -> None:
        self.event_id = event_id
        self.version = -1
        self.available = -1
        self.states: list[int] = []
        self.told: list[str] = []
        self.is_stale = False

    async def follow(self, server: ServerProcess, *, resume: bool = True) -> None:
        """Follow until the line is cut; a server that goes away ends it, too."""
        async with gateway(server) as line:
            since = self.version if resume and self.version >= 0 else None
            variables = {"event": self.event_id, "since": since}
            payload = {"query": FOLLOW, "variables": variables}
            await line.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
            async for text in line:
                message = json.loads(text)
                if message["type"] == "ping":
                    await line.send('{"type":"pong"}')
                    continue
                assert message["type"] == "next", message
                assert "errors" not in message["payload"], message
                self.take(message["payload"]["data"]["seatAvailability"])

    def take(self, message: dict[str, Any]) -> None:
        kind = message["__typename"]
        self.told.append(kind)
        if kind == "AvailabilitySnapshot":
            view = message["availability"]
            assert view["version"] >= self.version, "a version went back"
            packed = base64.b64decode(view["states"])
            self.states = [packed[at >> 2] >> 2 * (at & 3) & 3 for at in range(SEATS)]
            self.version, self.available = view["version"], view["available"]
        elif kind == "AvailabilityDelta":
            assert message["fromVersion"] == self.version, "a version was skipped"
            assert message["version"] >= self.version, "a version went back"
            for change in message["changes"]:
                self.states[change["index"]] = STATUSES.index(change["status"])
            self.version, self.available = message["version"], message["available"]
        self.is_stale = kind == "AvailabilityStale"

    async def sees_the_truth(self, hall: Hall) -> None:
        version, states = await hall.truth()
        await eventually(lambda: self.version >= version)
        assert (self.version, self.states) == (version, states)
        assert self.available == states.count(0)


@asynccontextmanager
async def gateway(server: ServerProcess) -> AsyncIterator[ClientConnection]:
    protocol = Subprotocol("graphql-transport-ws")
    async with connect(server.socket_url, subprotocols=[protocol], compression=None) as line:
        await line.send('{"type":"connection_init"}')
        assert json.loads(await line.recv())["type"] == "connection_ack"
        yield line


async def move_about(viewer: SocketViewer, servers: list[ServerProcess], dice: Any) -> None:
    """Follow, be cut in the middle of whatever is told, and resume at either server."""
    while True:
        with suppress(TimeoutError, ConnectionClosed):
            async with asyncio.timeout(dice.uniform(0.05, 0.6)):
                await viewer.follow(dice.choice(servers))


async def trade(
    client: httpx.AsyncClient, buyers: list[Buyer], hall: Hall, redis: asyncio.Task[None]
) -> None:
    """Buyers of one group act in turn until there were enough changes and Redis is back."""
    for buyer in buyers:
        await buyer.come(client)
    for buyer in itertools.cycle(buyers):
        await buyer.do_something(client)
        if buyer is buyers[-1] and redis.done() and (await hall.truth())[0] >= CHANGES:
            return


async def fail_for_a_while(valkey: OwnValkey, hall: Hall) -> None:
    await eventually(lambda: _has_version(hall, CHANGES // 4), seconds=60)
    valkey.kill()
    await asyncio.sleep(REDIS_AWAY_SECONDS)
    valkey.start()


async def _has_version(hall: Hall, version: int) -> bool:
    await asyncio.sleep(0.05)
    return (await hall.truth())[0] >= version


@pytest.fixture
def servers(
    database_url: str, own_valkey: OwnValkey, tmp_path: Path
) -> Iterator[list[ServerProcess]]:
    with running_servers(database_url, own_valkey.url, tmp_path, count=2) as servers:
        yield servers


async def test_every_map_equals_the_database_after_a_thousand_changes_whatever_breaks(
    database: Database, servers: list[ServerProcess], own_valkey: OwnValkey
) -> None:
    hall, dice = await open_hall(database, SEATS), random.Random(11)
    event_id = encode_id(NodeKind.EVENT, hall.event_id)
    buyers = [Buyer(event_id, servers, dice) for _ in range(BUYERS)]
    steady = [SocketViewer(event_id) for _ in servers]
    restless = [SocketViewer(event_id) for _ in range(6)]
    watching = [
        *(asyncio.create_task(v.follow(s)) for v, s in zip(steady, servers, strict=True)),
        *(asyncio.create_task(move_about(viewer, servers, dice)) for viewer in restless),
    ]

    redis = asyncio.create_task(fail_for_a_while(own_valkey, hall))
    async with httpx.AsyncClient(timeout=10) as client:
        groups = (buyers[start::4] for start in range(4))
        await asyncio.gather(*(trade(client, group, hall, redis) for group in groups))

    for viewer in steady + restless:
        await viewer.sees_the_truth(hall)
    assert not [task for task in watching if task.done()]
    for viewer in steady:
        assert "AvailabilityStale" not in viewer.told, "nothing broke for those who stayed"
    for task in watching:
        task.cancel()
    await asyncio.gather(*watching, return_exceptions=True)


async def test_an_unknown_event_and_an_id_of_something_else_are_the_clients_mistake(
    servers: list[ServerProcess], database: Database
) -> None:
    hall = await open_hall(database)
    async with gateway(servers[0]) as line:
        for kind, key in ((NodeKind.EVENT, hall.section_ids[0]), (NodeKind.VENUE, hall.event_id)):
            variables = {"event": encode_id(kind, key)}
            payload = {"query": FOLLOW, "variables": variables}
            await line.send(json.dumps({"id": kind, "type": "subscribe", "payload": payload}))

            message = json.loads(await line.recv())

            assert (message["id"], message["type"]) == (kind, "error"), message
            assert message["payload"][0]["extensions"]["code"] == "BAD_USER_INPUT"
