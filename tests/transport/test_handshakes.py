"""What is read as a usual handshake, `websockets` would have read and answered in the same way."""

import asyncio
import base64
from collections.abc import Mapping, Sequence

import pytest
from websockets.http11 import Request
from websockets.server import ServerProtocol

from onsale.handshakes import HEADERS_MAX, usual_handshake
from tests.transport.test_websocket import PROTOCOL, opened
from tests.transport.tiny import TinyServer

KEY = base64.b64encode(bytes(range(16))).decode()
USUAL = {
    "host": "tickets.example",
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": KEY,
}
BROWSER = USUAL | {
    "connection": "keep-alive, Upgrade",
    "user-agent": "Mozilla/5.0",
    "origin": "https://tickets.example",
    "cookie": "onsale_session=abc",
    "sec-websocket-protocol": "graphql-transport-ws, graphql-ws",
    "sec-websocket-extensions": "permessage-deflate; client_max_window_bits",
}


def head(
    headers: Mapping[str, str | None],
    request: str = "GET /graphql HTTP/1.1",
    more: Sequence[tuple[str, str]] = (),
) -> bytes:
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    lines += [f"{name}: {value}" for name, value in more]
    return "\r\n".join([request, *lines, "", ""]).encode()


def answered_by_websockets(request: bytes) -> tuple[int, str | None]:
    """Give the status and the word that proves to the client that its key was read."""
    conn = ServerProtocol()
    conn.receive_data(request)
    [event] = conn.events_received()
    assert isinstance(event, Request)
    response = conn.accept(event)
    return response.status_code, response.headers.get("Sec-WebSocket-Accept")


@pytest.mark.parametrize("headers", [USUAL, BROWSER])
def test_a_usual_handshake_is_answered_as_websockets_would(headers: dict[str, str]) -> None:
    request = head(headers, "GET /gr%61phql?a=b HTTP/1.1")
    handshake = usual_handshake(request)

    assert handshake is not None
    status, accept = answered_by_websockets(request)
    answer = handshake.answer([(b"x-request-id", b"1")], PROTOCOL).decode()
    assert answer.startswith(f"HTTP/1.1 {status} ")
    assert f"\r\nSec-WebSocket-Accept: {accept}\r\n" in answer
    assert f"\r\nSec-WebSocket-Protocol: {PROTOCOL}\r\n" in answer
    assert answer.endswith("\r\n\r\n")
    assert (handshake.path, handshake.raw_path) == ("/graphql", b"/gr%61phql")
    assert handshake.query_string == b"a=b"
    assert dict(handshake.headers)[b"sec-websocket-key"] == KEY.encode()


def test_the_protocols_that_a_client_speaks_are_read_in_their_order() -> None:
    handshake = usual_handshake(head(BROWSER, more=[("sec-websocket-protocol", "chat")]))

    assert handshake is not None
    assert handshake.subprotocols == ["graphql-transport-ws", "graphql-ws", "chat"]


UNUSUAL = {
    "no key": head(USUAL | {"sec-websocket-key": None}),
    "a short key": head(USUAL | {"sec-websocket-key": "AAAA"}),
    "a key that is no base64": head(USUAL | {"sec-websocket-key": "!" * 24}),
    "two keys": head(USUAL, more=[("sec-websocket-key", KEY)]),
    "two origins": head(USUAL | {"origin": "https://a.example"}, more=[("origin", "null")]),
    "no version": head(USUAL | {"sec-websocket-version": None}),
    "an old version": head(USUAL | {"sec-websocket-version": "8"}),
    "another upgrade": head(USUAL | {"upgrade": "h2c"}),
    "no upgrade": head(USUAL | {"upgrade": None}),
    "a connection that is not upgraded": head(USUAL | {"connection": "keep-alive"}),
    "no host": head(USUAL | {"host": None}),
    "a post": head(USUAL, "POST /graphql HTTP/1.1"),
    "an old HTTP": head(USUAL, "GET /graphql HTTP/1.0"),
    "a whole URL": head(USUAL, "GET http://tickets.example/graphql HTTP/1.1"),
    "a body": head(USUAL | {"content-length": "3"}),
    "a chunked body": head(USUAL | {"transfer-encoding": "chunked"}),
    "letters beyond ASCII": head(USUAL | {"x-name": "Zoë"}),
    "no end": head(USUAL)[:-2],
    "something behind it": head(USUAL) + b"x",
    "another one behind it": head(USUAL) * 2,
    "a line that ends with LF": head(USUAL).replace(b"\r\nupgrade", b"\nupgrade"),
    "CR and LF apart": head(USUAL | {"x-name": "a\rb\nc"}),
    "LF before CR": head(USUAL | {"x-name": "a\n\rb"}),
    "a line that goes on": head(USUAL | {"x-name": "a"}).replace(b"x-name: a", b"x-name: a\r\n b"),
    "a header without a colon": head(USUAL).replace(b"host: ", b"host "),
    "a header without a name": head(USUAL, more=[("", "a")]),
    "a name that is no token": head(USUAL, more=[("x name", "a")]),
    "a colon after a space": head(USUAL, more=[("x-name ", "a")]),
    "a colon without a space": head(USUAL).replace(b"host: ", b"host:"),
    "spaces around a value": head(USUAL, more=[("x-name", " a ")]),
    "a connection that is no list of tokens": head(USUAL | {"connection": "foo bar, upgrade"}),
    "protocols that are no tokens": head(USUAL | {"sec-websocket-protocol": "a b@"}),
    "no protocol between commas": head(USUAL | {"sec-websocket-protocol": "a,,b"}),
    "two connections": head(USUAL, more=[("connection", "close")]),
    "a letter that is not printed": head(USUAL | {"x-name": "a\0b"}),
    "a space in the path": head(USUAL, "GET /gra phql HTTP/1.1"),
    "a fragment": head(USUAL, "GET /graphql#a HTTP/1.1"),
    "small letters": head(USUAL, "get /graphql HTTP/1.1"),
    "nothing": b"",
    "too many headers": head(USUAL, more=[(f"x-{n}", "1") for n in range(HEADERS_MAX)]),
    "too long a header": head(USUAL | {"x-long": "x" * 9_000}),
}


@pytest.mark.parametrize("what", UNUSUAL)
def test_whatever_is_unusual_is_left_to_websockets(what: str) -> None:
    assert usual_handshake(UNUSUAL[what]) is None


@pytest.mark.parametrize("what", ["an old version", "a short key", "two keys", "no version"])
async def test_a_server_refuses_what_websockets_refuses(server: TinyServer, what: str) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(UNUSUAL[what])
    async with asyncio.timeout(5):
        answer = await reader.readline()
    writer.close()

    assert answer.split()[1] in {b"400", b"426"}


async def test_both_ways_to_shake_hands_lead_to_the_same_conversation(server: TinyServer) -> None:
    long = "x" * 5_000
    for headers in ({}, {"x-one": long, "x-two": long}):  # The second one is unusual.
        async with opened(server, **headers) as client:
            await client.initialise()
            assert (await client.answer("{ hello }"))["data"] == {"hello": "hello world"}
            assert client.connection.response is not None
            assert client.connection.response.headers["date"]
