"""The short way through the server answers as the long one does: uvicorn's tasks and messages."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import orjson
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from onsale.front import Front
from onsale.graphql.cross_origin import CrossOrigin
from onsale.graphql.http_requests import REQUEST_BYTES_MAX
from onsale.graphql.websocket import GraphQLOverWebSocket
from onsale.no_http import JsonRefusals
from onsale.short_way import SHORT_BODY_BYTES_MAX, ShortWayProtocol
from tests.servers import serving
from tests.transport.conftest import ReadLog
from tests.transport.tiny import tiny_server

JSON = "application/json"
HELLO = b'{"query":"{ hello }"}'


def post(body: bytes = HELLO, *headers: str, version: str = "1.1", method: str = "POST") -> bytes:
    lines = [
        f"{method} /graphql HTTP/{version}",
        "host: x",
        f"content-type: {JSON}",
        f"content-length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunked(body: bytes) -> bytes:
    head = f"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: {JSON}\r\n"
    return (
        head.encode()
        + b"transfer-encoding: chunked\r\n\r\n"
        + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    )


#: Thirty kilobytes to answer, and so many that no kernel keeps all of them for whoever reads later.
FIFTEEN_TIMES = " ".join(f"a{n}: hello(name: $n)" for n in range(15))
LARGE = orjson.dumps(
    {"query": f"query($n: String!) {{ {FIFTEEN_TIMES} }}", "variables": {"n": "x" * 2_000}}
)
LARGE_ONES = 600
#: How long the server may be silent before it counts as waiting for more.
PATIENCE_SECONDS = 1.5
GET = b"GET /graphql?query=%7Bhello%7D HTTP/1.1\r\nhost: x\r\n"
CLOSE = "connection: close"
SLOW = b'{"query":"{ slow(seconds: 0.05) }"}'
#: What is sent, in pieces that arrive one after the other.
CONVERSATIONS: dict[str, list[bytes]] = {
    "one": [post(HELLO, CLOSE)],
    "get": [GET + b"connection: close\r\n\r\n"],
    "get with a body": [GET + b"content-length: 3\r\nconnection: close\r\n\r\nabc"],
    "post without a body": [post(b"", CLOSE)],
    "head": [post(b"", CLOSE, method="HEAD")],
    "another method": [post(HELLO, CLOSE, method="PUT")],
    "another place": [post(HELLO, CLOSE).replace(b"/graphql", b"/nowhere")],
    "http/1.0": [post(version="1.0")],
    "http/1.0 that would like to stay": [post(HELLO, "connection: keep-alive", version="1.0")],
    "kept alive": [post(), post(SLOW), post(HELLO, CLOSE)],
    "in pieces": [post(HELLO, CLOSE)[:30], post(HELLO, CLOSE)[30:-5], post(HELLO, CLOSE)[-5:]],
    "pipelined": [post() + post(SLOW) + GET + b"\r\n" + post(b"{") + post(HELLO, CLOSE)],
    "pipelined behind a slow one": [post(SLOW) + post() * 20 + post(HELLO, CLOSE)],
    "pipelined with the last in pieces": [post(SLOW) + post(HELLO, CLOSE)[:-9], HELLO[-9:]],
    "pipelined, and again while that is answered": [
        post(SLOW) + post(),
        post() + post() + post(HELLO, CLOSE)[:-9],
        HELLO[-9:],
    ],
    "pipelined deeper than any stack": [post() * 400 + post(HELLO, CLOSE)],
    "nothing is run behind a close": [post(HELLO, CLOSE) + post(b'{"query":"{ boom }"}')],
    "chunked": [chunked(HELLO) + post(HELLO, CLOSE)],
    "expecting": [post(HELLO, "expect: 100-continue", CLOSE)],
    "another protocol": [GET + b"connection: upgrade\r\nupgrade: h2c\r\n\r\n", b"", CLOSE.encode()],
    "large": [post(HELLO.ljust(SHORT_BODY_BYTES_MAX), CLOSE)],
    "larger": [post(HELLO.ljust(SHORT_BODY_BYTES_MAX + 1), CLOSE)],
    "too large": [post(HELLO.ljust(REQUEST_BYTES_MAX + 1), CLOSE)[:1_000]],
    "a length that is none": [post(HELLO, CLOSE).replace(b"length: ", b"length: x")],
    "no http": [b"hello\r\n\r\n"],
    "no http after a request": [post(), b"hello\r\n\r\n"],
    "two of one header": [post(HELLO, "content-type: text/plain", "accept: text/html", CLOSE)],
    "a stream": [
        post(b'{"query":"subscription { numbers { value } }"}', "accept: text/event-stream", CLOSE)
    ],
}  # fmt: skip


@asynccontextmanager
async def both_ways() -> AsyncIterator[tuple[str, str]]:
    """Serve the same the short way and by uvicorn's own protocol; gives both URLs."""
    async with tiny_server() as server, serving(server.app, JsonRefusals) as long_way:
        yield server.url, long_way


async def said_to(url: str, pieces: list[bytes]) -> bytes:
    """Send the pieces, and give all that is answered until the server hangs up, or waits."""
    reader, writer = await opened(url)
    for piece in pieces:
        writer.write(piece)
        await asyncio.sleep(0.02)
    said = b""
    try:
        while more := await asyncio.wait_for(reader.read(65_536), PATIENCE_SECONDS):
            said += more
    except (TimeoutError, ConnectionResetError):
        said += b"\r\n(and is still there)"
    writer.close()
    return re.sub(rb"(?m)^(date|x-request-id): [^\r]*", rb"\1: -", said)


async def test_the_short_way_says_what_the_long_way_says() -> None:
    async with both_ways() as (short_url, long_url):
        short, long = await asyncio.gather(said_in_all_to(short_url), said_in_all_to(long_url))

    assert [what for what in short if short[what] != long[what]] == []
    assert all(said.startswith(b"HTTP/1.1 ") for said in short.values())
    assert short["pipelined"].count(b"HTTP/1.1 200 OK") == 4
    assert short["nothing is run behind a close"].count(b"HTTP/1.1") == 1


async def said_in_all_to(url: str) -> dict[str, bytes]:
    said = await asyncio.gather(*(said_to(url, pieces) for pieces in CONVERSATIONS.values()))
    return dict(zip(CONVERSATIONS, said, strict=True))


class OnlyShort(Front):
    """Answers requests the short way, or fails."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] != "http", "this came the long way"
        await super().__call__(scope, receive, send)


async def test_whatever_is_usual_takes_the_short_way() -> None:
    async with tiny_server() as server:
        sockets = GraphQLOverWebSocket(server.entrance)
        app = OnlyShort(Starlette(), sockets, server.entrance, CrossOrigin())
        async with serving(app) as url:
            for body in (HELLO, SLOW, HELLO.ljust(SHORT_BODY_BYTES_MAX)):
                assert b'{"data":' in await said_to(url, [post(body, CLOSE)])
            assert b"400 Bad Request" in await said_to(url, [post(b"{", CLOSE)])


async def test_a_query_whose_client_hangs_up_is_given_up_at_once() -> None:
    async with tiny_server() as server:
        _, writer = await opened(server.url)
        writer.write(post(b'{"query":"{ slow }"}'))
        await asyncio.sleep(0.05)
        writer.close()
        await asyncio.sleep(0.05)

        assert server.stage.given_up == 1


async def test_when_the_server_stops_who_still_waits_is_told_and_the_mutation_goes_on() -> None:
    async with tiny_server() as server:
        server.operations._mutation_answer_seconds = 9.5
        async with serving(server.app) as url:
            reader, writer = await opened(url)
            writer.write(post(b'{"query":"mutation { finish }"}'))
            await asyncio.sleep(0.05)
        said = await reader.read()
        server.stage.gate.set()
        await server.operations.finish()
        writer.close()

        assert said.startswith(b"HTTP/1.1 503 ")
        assert b"connection: close\r\n" in said
        assert b"The server is stopping. Repeat exactly this call" in said
        assert server.stage.finished == 1


async def test_to_a_client_that_reads_nothing_little_is_written(read_log: ReadLog) -> None:
    async with tiny_server() as server:
        reader, writer = await opened(server.url, receive_buffer_bytes=4_096)
        writer.write(post(LARGE) * LARGE_ONES)
        answered_unread = await answered_until_it_stops(read_log)
        said = 0
        while said < LARGE_ONES:
            said += (await reader.readuntil(b"HTTP/1.1 200 OK")).count(b"HTTP/1.1 200 OK")
        writer.close()

    assert answered_unread < LARGE_ONES * 2 / 3


async def test_who_asks_nothing_for_long_is_hung_up_on_and_who_asks_is_not() -> None:
    async with tiny_server() as server, serving(server.app, Impatient) as url:
        quiet_reader, quiet = await opened(url)
        busy_reader, busy = await opened(url)
        quiet.write(post())
        for _ in range(6):
            busy.write(post())
            await asyncio.sleep(IDLE_SECONDS / 3)
        quietly, said = await quiet_reader.read(), await busy_reader.read(65_536)
        idle = not busy_reader.at_eof()
        quiet.close()
        busy.close()

    assert quietly.count(b"HTTP/1.1 200 OK") == 1
    assert said.count(b"HTTP/1.1 200 OK") == 6
    assert idle


async def test_a_request_that_takes_longer_than_idle_connections_live_is_answered() -> None:
    async with tiny_server() as server, serving(server.app, Impatient) as url:
        reader, writer = await opened(url)
        slow = b'{"query":"{ slow(seconds: %.2f) }"}' % (IDLE_SECONDS * 2)
        writer.write(post())
        await asyncio.sleep(IDLE_SECONDS / 3)
        writer.write(post(slow))
        said = await reader.read()
        writer.close()

    assert said.count(b"HTTP/1.1 200 OK") == 2


async def test_a_line_on_which_nothing_is_read_for_long_is_cut(read_log: ReadLog) -> None:
    async with tiny_server() as server, serving(server.app, Impatient) as url:
        reader, writer = await opened(url, receive_buffer_bytes=4_096)
        writer.write(post(LARGE) * LARGE_ONES)
        await answered_until_it_stops(read_log)
        await asyncio.sleep(IDLE_SECONDS * 3)

        said = 0
        with suppress(ConnectionResetError, asyncio.IncompleteReadError):
            while said < LARGE_ONES:
                said += (await reader.readuntil(b"HTTP/1.1 200 OK")).count(b"HTTP/1.1 200 OK")
        writer.close()

    assert said < LARGE_ONES


async def answered_until_it_stops(read_log: ReadLog) -> int:
    """Count the answers until a moment passes in which there are no more."""
    answered = 0
    for _ in range(20):
        await asyncio.sleep(0.2)
        more = sum(line["event"] == "operation" for line in read_log())
        answered += more
        if answered and not more:
            break
    return answered


#: How long idle connections live in these tests.
IDLE_SECONDS = 0.15


class Impatient(ShortWayProtocol):
    """Hangs up sooner."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.timeout_keep_alive = IDLE_SECONDS  # type: ignore[assignment] # Uvicorn has seconds.


async def opened(
    url: str, receive_buffer_bytes: int | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    door = socket.socket()
    if receive_buffer_bytes is not None:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
    door.setblocking(False)
    at = httpx.URL(url)
    await asyncio.get_running_loop().sock_connect(door, (at.host, at.port))
    return await asyncio.open_connection(sock=door)
