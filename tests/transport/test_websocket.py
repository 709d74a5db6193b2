import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

import pytest
from joserfc import jwt
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from onsale.identity import ALGORITHM, SESSION_COOKIE
from schema.context import Buyer
from tests.transport.tiny import FOREIGN_FRIEND, OPERATIONS_MAX, SECRET, TinyServer, tiny_server

PROTOCOL = "graphql-transport-ws"


class Client:
    """Speaks graphql-transport-ws, one message at a time."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def receive(self) -> Any:
        async with asyncio.timeout(5):
            frame = await self.connection.recv()
        assert isinstance(frame, str), "frames are text"
        return json.loads(frame)

    async def initialise(self, payload: Any = None) -> None:
        await self.send({"type": "connection_init", **({"payload": payload} if payload else {})})
        assert await self.receive() == {"type": "connection_ack"}

    async def subscribe(self, operation_id: str, query: str, **payload: Any) -> None:
        payload = {"query": query, **payload}
        await self.send({"id": operation_id, "type": "subscribe", "payload": payload})

    async def answer(self, query: str) -> Any:
        """Ask a query, and take its answer and its end."""
        operation_id = uuid4().hex
        await self.subscribe(operation_id, query)
        answer = await self.receive()
        assert answer["type"] == "next"
        assert await self.receive() == {"id": operation_id, "type": "complete"}
        return answer["payload"]

    async def close_code(self) -> int:
        """Wait until the server closes."""
        async with asyncio.timeout(5):
            with suppress(ConnectionClosed):
                while True:
                    await self.connection.recv()  # What was under way before.
        assert self.connection.close_code is not None
        return self.connection.close_code


@asynccontextmanager
async def opened(
    server: TinyServer, protocol: str | None = PROTOCOL, **headers: str
) -> AsyncIterator[Client]:
    subprotocols = [Subprotocol(protocol)] if protocol else None
    async with connect(
        server.socket_url, subprotocols=subprotocols, additional_headers=headers, compression=None
    ) as connection:
        yield Client(connection)


@pytest.fixture
async def socket(server: TinyServer) -> AsyncIterator[Client]:
    """A socket that has been opened and not yet initialised."""
    async with opened(server) as client:
        yield client


@pytest.fixture
async def ready(socket: Client) -> Client:
    """A socket that has been initialised."""
    await socket.initialise()
    return socket


async def test_queries_and_subscriptions_are_answered_each_under_its_id(ready: Client) -> None:
    await ready.subscribe("a", "subscription { numbers { value } }")

    messages = [await ready.receive() for _ in range(4)]

    assert [m["type"] for m in messages] == ["next", "next", "next", "complete"]
    assert {m["id"] for m in messages} == {"a"}
    assert (await ready.answer("{ hello }"))["data"] == {"hello": "hello world"}


async def test_every_event_sees_the_world_anew(ready: Client) -> None:
    await ready.subscribe("a", "subscription { numbers { value inner { value } } }")

    payloads = [(await ready.receive())["payload"]["data"]["numbers"] for _ in range(3)]

    assert payloads == [{"value": n, "inner": {"value": n}} for n in range(3)]


async def test_every_operation_of_a_socket_sees_the_world_anew(
    ready: Client, server: TinyServer
) -> None:
    for number in (5, 6):
        server.stage.number = number
        answer = await ready.answer("{ number { value } }")
        assert answer["data"] == {"number": {"value": number}}


async def test_ping_is_answered_at_any_time(socket: Client) -> None:
    await socket.send({"type": "ping"})
    assert await socket.receive() == {"type": "pong"}

    await socket.initialise()
    await socket.send({"type": "pong"})
    await socket.send({"type": "ping", "payload": {"any": 1}})
    assert await socket.receive() == {"type": "pong"}


async def test_who_does_not_introduce_themselves_in_time_is_sent_away(socket: Client) -> None:
    started = time.monotonic()

    assert await socket.close_code() == 4408
    assert 0.3 < time.monotonic() - started < 2


@pytest.mark.parametrize("protocol", [None, "graphql-ws", "chat"])
async def test_other_protocols_are_not_spoken(server: TinyServer, protocol: str | None) -> None:
    async with opened(server, protocol=None) as client:
        assert await client.close_code() == 4406
    if protocol:
        with pytest.raises(ConnectionClosed) as closed:
            async with opened(server, protocol=protocol) as client:
                await client.connection.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4406


@pytest.mark.parametrize(
    "frame",
    [
        "[]", '"hi"', "null", "5", "{}", "", "{", '{"type":5}', '{"type":null}', '{"type":"what"}',
        "NaN", "[" * 30_000, '{"type":' * 5_000, b"binary", b"\x00\xff",
        '{"type":"complete"}', '{"type":"complete","id":5}', '{"type":"complete","id":{}}',
        '{"type":"subscribe"}', '{"type":"subscribe","id":""}', '{"type":"subscribe","id":"a"}',
        '{"type":"subscribe","id":["a"],"payload":{"query":"{hello}"}}',
        '{"type":"subscribe","id":5,"payload":{"query":"{hello}"}}',
        '{"type":"subscribe","id":"a","payload":null}',
        '{"type":"subscribe","id":"a","payload":"x"}',
        '{"type":"subscribe","id":"a","payload":[]}',
        '{"type":"subscribe","id":"a","payload":{}}',
        '{"type":"subscribe","id":"a","payload":{"query":5}}',
        '{"type":"subscribe","id":"a","payload":{"query":"{hello}","variables":"x"}}',
        '{"type":"subscribe","id":"a","payload":{"query":"{hello}","variables":[1]}}',
        '{"type":"subscribe","id":"a","payload":{"query":"{hello}","operationName":{}}}',
        '{"type":"subscribe","id":"a","payload":{"query":"{hello}","extensions":"x"}}',
    ],
)  # fmt: skip
async def test_a_frame_of_a_wrong_shape_closes_the_socket_and_says_so(
    ready: Client, frame: str | bytes
) -> None:
    await ready.connection.send(frame)

    assert await ready.close_code() == 4400


async def test_a_frame_that_is_too_large_is_refused(ready: Client) -> None:
    await ready.subscribe("a", "{ hello }" + " " * 70_000)

    assert await ready.close_code() == 1009


@pytest.mark.parametrize("payload", ["x", 5, [], True])
async def test_an_introduction_of_a_wrong_shape_is_refused(socket: Client, payload: Any) -> None:
    await socket.send({"type": "connection_init", "payload": payload})

    assert await socket.close_code() == 4400


async def test_an_introduction_may_have_no_payload_and_comes_once(socket: Client) -> None:
    await socket.send({"type": "connection_init", "payload": None})
    assert await socket.receive() == {"type": "connection_ack"}

    await socket.send({"type": "connection_init"})
    assert await socket.close_code() == 4429


async def test_nothing_runs_before_the_introduction(socket: Client) -> None:
    await socket.subscribe("a", "{ hello }")

    assert await socket.close_code() == 4401


async def test_an_id_is_used_for_one_operation_at_a_time(ready: Client) -> None:
    assert (await ready.answer("{ hello }"))["data"]
    for _ in range(2):
        await ready.subscribe("same", "{ slow }")

    assert await ready.close_code() == 4409


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ hello", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("", "BAD_REQUEST"),
        ('{ hello(name: "\\u0000") }', "BAD_REQUEST"),
        ("query A { hello } query B { hello }", "OPERATION_RESOLUTION_FAILURE"),
        ("query($n: String!) { hello(name: $n) }", "BAD_USER_INPUT"),
        ("subscription($n: Int!) { numbers(to: $n) { value } }", "BAD_USER_INPUT"),
        ("subscription { boomFirst }", "INTERNAL_ERROR"),
    ],
)
async def test_what_is_wrong_with_one_operation_leaves_the_others_running(
    ready: Client, query: str, code: str
) -> None:
    await ready.subscribe("long", "{ slow(seconds: 0.2) }")
    await ready.subscribe("wrong", query)

    error, answer, end = [await ready.receive() for _ in range(3)]

    assert (error["id"], error["type"]) == ("wrong", "error")
    assert error["payload"][0]["extensions"]["code"] == code
    assert (answer["id"], end["id"]) == ("long", "long")


async def test_a_stream_that_breaks_tells_no_secret(ready: Client) -> None:
    await ready.subscribe("a", "subscription { boomLater }")

    messages = [await ready.receive() for _ in range(2)]

    assert [m["type"] for m in messages] == ["next", "error"]
    assert messages[1]["payload"][0]["extensions"]["code"] == "INTERNAL_ERROR"
    assert SECRET not in json.dumps(messages)


async def test_a_query_that_takes_too_long_is_given_up(ready: Client) -> None:
    await ready.subscribe("a", "{ slow }")

    error = await ready.receive()

    assert error["type"] == "error"
    assert error["payload"][0]["extensions"]["code"] == "TIMEOUT"


async def test_who_waits_too_long_for_a_mutation_is_answered_and_it_goes_on(
    ready: Client, server: TinyServer
) -> None:
    await ready.subscribe("a", "mutation { finish }")

    error = await ready.receive()

    assert (error["id"], error["type"]) == ("a", "error")
    assert error["payload"][0]["extensions"]["code"] == "TIMEOUT"
    server.stage.gate.set()
    await server.operations.finish()
    assert server.stage.finished == 1


async def test_completing_ends_the_operation_and_frees_its_id(
    ready: Client, server: TinyServer
) -> None:
    await ready.subscribe("a", "subscription { numbers(to: 1000) { value } }")
    await ready.receive()
    await ready.send({"id": "a", "type": "complete"})
    await ready.send({"id": "never-begun", "type": "complete"})
    await asyncio.sleep(0.1)

    assert server.stage.listeners == 0
    while True:  # What was under way when the client lost interest.
        await ready.subscribe("b", "{ hello }")
        if (await ready.receive())["id"] == "b":
            break


async def test_one_socket_runs_only_so_many_operations_at_once(ready: Client) -> None:
    for n in range(OPERATIONS_MAX + 1):
        await ready.subscribe(str(n), "{ slow(seconds: 0.3) }")

    refused = await ready.receive()

    assert (refused["id"], refused["type"]) == (str(OPERATIONS_MAX), "error")
    assert refused["payload"][0]["extensions"]["code"] == "TOO_MANY_REQUESTS"


async def test_the_end_of_the_socket_ends_its_streams_and_queries(server: TinyServer) -> None:
    async with opened(server) as client:
        await client.initialise()
        await client.subscribe("a", "subscription { numbers(to: 100000) { value } }")
        await client.receive()
        await client.subscribe("b", "{ slow }")
        await asyncio.sleep(0.05)
        client.connection.transport.abort()
    await asyncio.sleep(0.2)

    assert server.stage.listeners == 0
    assert server.stage.given_up == 1


@pytest.mark.parametrize("politely", [True, False])
async def test_a_mutation_outlives_its_socket(server: TinyServer, *, politely: bool) -> None:
    async with opened(server) as client:
        await client.initialise()
        await client.subscribe("a", "mutation { finish }")
        await asyncio.sleep(0.1)
        if politely:
            await client.send({"id": "a", "type": "complete"})
        else:
            client.connection.transport.abort()
    await asyncio.sleep(0.1)
    server.stage.gate.set()
    await server.operations.finish()

    assert server.stage.finished == 1


async def test_a_server_that_stops_says_so_and_finishes_what_was_bought() -> None:
    async with tiny_server() as server:
        connection = await connect(server.socket_url, subprotocols=[Subprotocol(PROTOCOL)])
        client = Client(connection)
        await client.initialise()
        await client.subscribe("a", "subscription { numbers(to: 100000) { value } }")
        await client.subscribe("b", "mutation { finish }")
        await asyncio.sleep(0.1)
        asyncio.get_running_loop().call_later(0.5, server.stage.gate.set)

    assert await client.close_code() == 1012
    assert server.stage.listeners == 0
    await server.operations.finish()
    assert server.stage.finished == 1


def ways_to_say_who(token: str) -> dict[str, tuple[dict[str, str], Any]]:
    """Each way as headers of the handshake and payload of the introduction."""
    return {
        "payload authorization": ({}, {"authorization": f"Bearer {token}"}),
        "payload Authorization": ({}, {"Authorization": f"Bearer {token}"}),
        "payload token": ({}, {"token": token}),
        "header": ({"Authorization": f"Bearer {token}"}, None),
        "cookie": ({"Cookie": f"{SESSION_COOKIE}={token}"}, None),
    }


@pytest.mark.parametrize("way", ways_to_say_who(""))
async def test_a_token_in_any_place_says_who_asks(server: TinyServer, way: str) -> None:
    buyer = Buyer(id=uuid4(), is_guest=True)
    headers, payload = ways_to_say_who(server.tokens.issue(buyer).token)[way]

    async with opened(server, **headers) as client:
        await client.initialise(payload)

        assert (await client.answer("{ who }"))["data"] == {"who": str(buyer.id)}


@pytest.mark.parametrize("way", ways_to_say_who(""))
async def test_a_bad_token_in_any_place_closes_the_socket(server: TinyServer, way: str) -> None:
    headers, payload = ways_to_say_who("no-token-of-ours")[way]

    async with opened(server, **headers) as client:
        await client.send({"type": "connection_init", "payload": payload})

        assert await client.close_code() == 4403


@pytest.mark.parametrize("payload", [{"authorization": 5}, {"authorization": {}}])
async def test_a_token_that_is_no_string_closes_the_socket(socket: Client, payload: Any) -> None:
    await socket.send({"type": "connection_init", "payload": payload})

    assert await socket.close_code() == 4400


async def test_a_socket_lives_no_longer_than_its_token(server: TinyServer) -> None:
    claims = {"sub": str(uuid4()), "guest": True, "iat": 0, "exp": int(time.time()) + 2}
    token = jwt.encode({"alg": ALGORITHM}, claims, server.tokens._key, algorithms=[ALGORITHM])

    async with opened(server) as client:
        await client.initialise({"token": token})

        assert await client.close_code() == 4403


async def test_pages_of_foreign_origins_cannot_open_a_socket(server: TinyServer) -> None:
    for origin in ("https://evil.example", "null", "not an origin"):
        with pytest.raises(InvalidStatus) as refused:
            async with opened(server, Origin=origin):
                pass
        assert refused.value.response.status_code == 403


async def test_pages_of_our_own_and_of_allowed_origins_can(server: TinyServer) -> None:
    for origin in (server.url, FOREIGN_FRIEND):
        async with opened(server, Origin=origin) as client:
            await client.initialise()
