"""Sockets and event streams that are told the same, by a whole server: each has its manners."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from box_office.database import Database
from onsale import patience
from onsale.app import create_app
from onsale.embedded import Services
from onsale.metrics import SUBSCRIPTIONS
from onsale.settings import LogFormat, Settings
from schema.ids import NodeKind, encode_id
from tests.conftest import own_database
from tests.given_time import eventually
from tests.halls import USUAL, build_hall
from tests.servers import serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

SEATS = 2_000
STORM = 300
FOLLOW = """subscription Watch($event: ID!, $since: Int) {
  seatAvailability(eventId: $event, sinceVersion: $since) {
    ... on AvailabilitySnapshot { availability { version available states } }
    ... on AvailabilityDelta { fromVersion version available changes { index status } }
  }
}"""
RESERVE = """mutation ($event: ID!, $seats: [Int!]!) {
  reserveSeats(input: {eventId: $event, seatIndexes: $seats}) { reservation { id } }
}"""
#: As much as fits into a message: what nobody reads soon fills every buffer.
LONG = " ".join(f"s{n}: states" for n in range(14))
FOLLOW_AT_LENGTH = FOLLOW.replace("states", LONG)


class House:
    """A server of this process with an event on sale."""

    def __init__(self, url: str, event_key: Any, database: Database) -> None:
        self.url = f"{url}/graphql"
        self.event_key = event_key
        self.event = encode_id(NodeKind.EVENT, event_key)
        self.database = database
        self.seats = iter(range(SEATS))
        self._counted_before = counted()

    def subscriptions(self) -> float:
        """Tell how many live subscriptions of this house the metrics count."""
        return counted() - self._counted_before

    async def reserve(self, client: httpx.AsyncClient, seats: int = 1) -> None:
        """Change the map by one version."""
        chosen = [next(self.seats) for _ in range(seats)]
        made = await self.ask(client, RESERVE, event=self.event, seats=chosen)
        assert made["reserveSeats"]["reservation"], made

    async def ask(self, client: httpx.AsyncClient, query: str, **variables: Any) -> Any:
        body = {"query": query, "variables": variables}
        answer = (await client.post(self.url, json=body)).json()
        assert "errors" not in answer, answer
        return answer["data"]

    @asynccontextmanager
    async def guest(self) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(timeout=20) as client:
            await self.ask(client, "mutation { startGuestSession { token } }")
            yield client

    @asynccontextmanager
    async def socket(self) -> AsyncIterator["Socket"]:
        async with connect(
            self.url.replace("http", "ws", 1),
            subprotocols=[Subprotocol("graphql-transport-ws")],
            compression=None,
            open_timeout=30,
        ) as connection:
            await connection.send('{"type":"connection_init"}')
            assert json.loads(await connection.recv())["type"] == "connection_ack"
            yield Socket(connection, self.event)


class Socket:
    def __init__(self, connection: ClientConnection, event: str) -> None:
        self.connection = connection
        self.event = event

    async def follow(
        self, name: str, since: int | None = None, event: str | None = None, query: str = FOLLOW
    ) -> None:
        variables = {"event": event or self.event, "since": since}
        payload = {"query": query, "variables": variables}
        await self.send({"id": name, "type": "subscribe", "payload": payload})

    async def send(self, message: dict[str, Any]) -> None:
        await self.connection.send(json.dumps(message))

    async def hear(self) -> Any:
        async with asyncio.timeout(20):
            return json.loads(await self.connection.recv())

    async def news(self, name: str) -> Any:
        message = await self.hear()
        assert (message["id"], message["type"]) == (name, "next"), message
        return message["payload"]["data"]["seatAvailability"]


@pytest.fixture(scope="module")
def _log_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(
    services: Services,
    template: str,
    tmp_path_factory: pytest.TempPathFactory,
    _log_as_it_was: None,
) -> AsyncIterator[tuple[str, Database]]:
    """One for all tests here: it takes longer to start and to end than most of them."""
    async with own_database(services, template) as database_url:
        database = await Database.connect(database_url)
        settings = Settings(
            database_url=database_url,
            data_dir=tmp_path_factory.mktemp("house"),
            log_format=LogFormat.JSON,
        )
        async with serving(create_app(settings)) as url:
            yield url, database
        await database.close()


@pytest_asyncio.fixture(loop_scope="module")
async def house(server: tuple[str, Database]) -> AsyncIterator[House]:
    """An event of the test's own."""
    url, database = server
    event_key, _, _ = await build_hall(database, SEATS, 0, USUAL | {"seats_per_buyer_max": SEATS})
    house = House(url, event_key, database)
    yield house
    await eventually(lambda: house.subscriptions() == 0)


def counted() -> float:
    """Give what the metrics say of this process; other tests may have left some behind."""
    [metric] = SUBSCRIPTIONS.collect()
    return metric.samples[0].value


async def test_each_gets_what_all_get_under_the_name_it_chose(house: House) -> None:
    names = ["1", "1", "Größe", '"quoted"', "x" * 150]
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(house.guest())
        sockets = [await stack.enter_async_context(house.socket()) for _ in names]
        told = []
        for socket, name in zip(sockets, names, strict=True):
            await socket.follow(name)
            told.append([await socket.news(name)])
        assert house.subscriptions() == len(names)

        await house.reserve(client)
        for socket, name, messages in zip(sockets, names, told, strict=True):
            messages.append(await socket.news(name))

    assert all(messages == told[0] for messages in told)
    assert told[0][0]["availability"]["version"] == told[0][1]["fromVersion"] == 0


async def test_one_socket_follows_the_same_several_times_and_ends_each_alone(house: House) -> None:
    async with house.guest() as client, house.socket() as socket:
        for name in ("a", "b"):
            await socket.follow(name)
            await socket.news(name)
        await socket.send({"id": "a", "type": "complete"})
        await socket.send({"type": "ping"})
        assert await socket.hear() == {"type": "pong"}

        await house.reserve(client)
        await socket.news("b")
        await socket.follow("a", since=0)
        resumed = await socket.news("a")

        assert resumed["fromVersion"] == 0
        await socket.follow("b")
        with pytest.raises(ConnectionClosed) as closed:
            await socket.hear()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4409


async def test_streams_tell_what_sockets_tell(house: House) -> None:
    query = {"query": FOLLOW, "variables": {"event": house.event}}
    headers = {"accept": "text/event-stream"}
    async with (
        house.guest() as client,
        house.socket() as socket,
        client.stream("POST", house.url, json=query, headers=headers) as stream,
    ):
        lines = stream.aiter_lines()
        await socket.follow("a")
        for _ in range(3):
            data = json.loads(await _data(lines))["data"]["seatAvailability"]
            assert data == await socket.news("a")
            await house.reserve(client)


async def _data(lines: AsyncIterator[str]) -> str:
    async with asyncio.timeout(20):
        async for line in lines:
            if line.startswith("data:"):
                return line.removeprefix("data:")
    raise AssertionError("the stream has ended")


async def test_a_line_in_the_log_begins_and_ends_each_of_them(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    async with house.guest() as client:
        async with house.socket() as first, house.socket() as second:
            for socket in (first, second):
                await socket.follow("a")
                await socket.news("a")
            await house.reserve(client)
            await first.news("a")
            await second.news("a")
        await eventually(lambda: house.subscriptions() == 0)

    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    began = [line for line in lines if line["event"] == "subscription started"]
    ended = [line for line in lines if line["event"] == "subscription ended"]
    assert len({line["request_id"] for line in began}) == 2
    assert {line["request_id"] for line in began} == {line["request_id"] for line in ended}
    for line in ended:
        assert (line["messages"], line["name"], line["transport"], line["outcome"]) == (
            2, "Watch", "websocket", "ok",
        )  # fmt: skip


async def test_what_is_wrong_is_told_to_whom_it_is_wrong_for(house: House) -> None:
    async with house.guest() as client, house.socket() as socket:
        await socket.follow("good")
        await socket.news("good")
        await socket.follow("bad", event=encode_id(NodeKind.EVENT, uuid4()))
        error = await socket.hear()
        await house.reserve(client)

        assert (error["id"], error["type"]) == ("bad", "error")
        assert error["payload"][0]["extensions"]["code"] == "BAD_USER_INPUT"
        await socket.news("good")


async def test_who_reads_late_gets_one_message_for_all_they_missed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "KERNEL_BYTES_MAX", 4_096)
    names = [str(n) for n in range(90)]
    async with house.guest() as client, house.socket() as quick, house.socket() as slow:
        await quick.follow("q")
        await quick.news("q")
        slow.connection.transport.pause_reading()
        for name in names:
            await slow.follow(name, query=FOLLOW_AT_LENGTH)
        for _ in range(3):
            await house.reserve(client)
            await quick.news("q")
        slow.connection.transport.resume_reading()

        versions: dict[str, list[int]] = {name: [] for name in names}
        while any(told[-1:] != [3] for told in versions.values()):
            message = await slow.hear()
            news = message["payload"]["data"]["seatAvailability"]
            told = versions[message["id"]]
            assert news.get("fromVersion") == (told[-1] if told else None)
            told.append(news["version"] if told else news["availability"]["version"])

    assert any(len(told) < 4 for told in versions.values()), "nobody was ever left out"


async def test_who_says_no_more_is_let_go_of(house: House) -> None:
    async with house.socket() as socket:
        await socket.follow("a")
        await socket.news("a")
        assert house.subscriptions() == 1

        socket.connection.transport.write_eof()

        await eventually(lambda: house.subscriptions() == 0)


async def test_a_storm_of_those_who_come_again_and_reservations_are_both_served(
    house: House,
) -> None:
    slowest = 0.0
    is_over = False

    async def go_on_reserving() -> None:
        nonlocal slowest
        while not is_over:
            async with house.guest() as client:
                began = time.perf_counter()
                await house.reserve(client)
                slowest = max(slowest, time.perf_counter() - began)
            await asyncio.sleep(0.1)

    reserving = asyncio.create_task(go_on_reserving())
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(house.socket()) for _ in range(STORM)]
        await asyncio.gather(*(socket.follow("a", since=0) for socket in sockets))
        first = await asyncio.gather(*(socket.hear() for socket in sockets))
        is_over = True
        await reserving

    assert all(message["type"] == "next" for message in first)
    assert slowest < 3


async def test_when_the_event_is_withdrawn_all_are_told_that_this_is_the_end(house: House) -> None:
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(house.socket()) for _ in range(5)]
        for socket in sockets:
            await socket.follow("a")
            await socket.news("a")

        await house.database.pool.execute(
            "DELETE FROM event_ledgers WHERE event_id = $1", house.event_key
        )

        for socket in sockets:
            assert await socket.hear() == {"id": "a", "type": "complete"}
            await socket.send({"type": "ping"})
            assert await socket.hear() == {"type": "pong"}
