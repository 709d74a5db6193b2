"""A socket that is read here says what it says when uvicorn and `websockets` read all of it.

Frame by frame, whatever comes and however it is cut into pieces.
"""

import asyncio
import re
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode

from onsale.no_http import JsonRefusals
from onsale.patience import PatientWebSocket
from tests.servers import serving
from tests.transport.test_handshakes import BROWSER, USUAL, head
from tests.transport.test_short_way import opened
from tests.transport.tiny import tiny_server

#: How long nothing is said before that counts as waiting.
QUIET_SECONDS = 1.5
ANSWER_SECONDS_MAX = 10.0
END = b"\r\n\r\n"
HANDSHAKE = head(USUAL | {"sec-websocket-protocol": "graphql-transport-ws"})


class Careful(PatientWebSocket):
    """Leaves the handshake and every frame to `websockets`."""

    def data_received(self, data: bytes) -> None:
        WebSocketsSansIOProtocol.data_received(self, data)


def text(message: Any, **how: Any) -> bytes:
    data = message if isinstance(message, bytes) else orjson.dumps(message)
    return Frame(Opcode.TEXT, data, **how).serialize(mask=True)


def frame(opcode: Opcode, data: bytes = b"", **how: Any) -> bytes:
    return Frame(opcode, data, **how).serialize(mask=True)


def ask(operation_id: str, query: str = "{ hello }") -> bytes:
    return text({"id": operation_id, "type": "subscribe", "payload": {"query": query}})


INIT = text({"type": "connection_init"})
LONG = "query { hello }" + " " * 300
BYE = frame(Opcode.CLOSE, b"\x03\xe8")
#: One frame, for each has a mask of its own.
CUT = ask("a")
#: The head of a frame whose mask changes nothing, and in which the next piece looks like a frame.
AROUND = b"\x81\xfe" + (5 + len(CUT)).to_bytes(2) + bytes(4) + b"abcde"
#: What is sent, in pieces that arrive one after the other.
CONVERSATIONS: dict[str, Sequence[bytes]] = {
    "as usual": [HANDSHAKE, INIT, ask("a"), ask("b"), BYE],
    "as browsers do": [
        head(BROWSER | {"origin": "http://tickets.example", "cookie": "a=b"}), INIT, ask("a"), BYE,
    ],
    "a longer one": [HANDSHAKE, INIT, ask("a", LONG), ask("b"), BYE],
    "one that is long": [HANDSHAKE, INIT, ask("a", "{ hello }" + " " * 60_000), ask("b"), BYE],
    "one that would be too long": [HANDSHAKE, INIT, text(b"x" * 66_000)[:20]],
    "all at once": [HANDSHAKE + INIT + ask("a")],
    "all frames at once": [HANDSHAKE, INIT + ask("a") + ask("b"), BYE],
    "a frame in pieces": [HANDSHAKE, INIT, CUT[:30], CUT[30:], ask("b"), BYE],
    "a frame within a frame": [HANDSHAKE, INIT, AROUND, CUT],
    "a frame and a half": [HANDSHAKE, INIT, ask("b") + CUT[:4], CUT[4:], BYE],
    "only a frame's head": [HANDSHAKE, INIT[:6], INIT[6:], ask("a"), BYE],
    "the head in pieces": [HANDSHAKE, INIT[:1], INIT[1:4], INIT[4:], ask("a"), BYE],
    "half a handshake": [HANDSHAKE[:40], HANDSHAKE[40:], INIT, ask("a"), BYE],
    "pings between": [HANDSHAKE, INIT, frame(Opcode.PING, b"1"), ask("a"), ask("b"), BYE],
    "a pong that nobody asked for": [HANDSHAKE, INIT, frame(Opcode.PONG, b"1"), ask("a"), BYE],
    "fragments": [
        HANDSHAKE, INIT, text(b'{"type":', fin=False), frame(Opcode.CONT, b'"ping"}'), ask("a"),
    ],
    "a text within fragments": [HANDSHAKE, INIT, text(b'{"type":', fin=False), ask("a")],
    "a continuation of nothing": [HANDSHAKE, INIT, frame(Opcode.CONT, b"x"), ask("a")],
    "bytes": [HANDSHAKE, INIT, frame(Opcode.BINARY, b"{}"), ask("a")],
    "no mask": [HANDSHAKE, INIT, Frame(Opcode.TEXT, b"{}").serialize(mask=False), ask("a")],
    "reserved bits": [HANDSHAKE, INIT, b"\xc1" + text(b"{}")[1:], ask("a")],
    "no UTF-8": [HANDSHAKE, INIT, text(b'{"type":"\xff"}'), ask("a")],
    "no JSON": [HANDSHAKE, INIT, text(b"{"), ask("a")],
    "nothing in it": [HANDSHAKE, INIT, text(b""), ask("a")],
    "no introduction": [HANDSHAKE, ask("a")],
    "two introductions": [HANDSHAKE, INIT, INIT],
    "something after a goodbye": [HANDSHAKE, INIT, BYE + ask("a")],
    "no more than the handshake": [HANDSHAKE],
    "another place": [HANDSHAKE.replace(b"/graphql", b"/nowhere")],
    "a foreign page": [head(BROWSER | {"origin": "https://evil.example"})],
}  # fmt: skip


async def said_to(url: str, pieces: Sequence[bytes]) -> bytes:
    """Send the pieces, and give all that is answered until the server hangs up, or waits."""
    reader, writer = await opened(url)
    said = b""
    for piece in pieces:
        writer.write(piece)
        if piece.endswith(END):  # What comes with a handshake, uvicorn does not hear.
            said += await asyncio.wait_for(reader.readuntil(END), ANSWER_SECONDS_MAX)
        else:
            await asyncio.sleep(0.03)
    try:
        while more := await asyncio.wait_for(reader.read(65_536), QUIET_SECONDS):
            said += more
    except (TimeoutError, ConnectionError):
        said += b"(and is still there)"
    writer.close()
    head, _, frames = said.partition(END)
    told = sorted(re.sub(rb"(?im)^(date|x-request-id): [^\r]*", rb"\1: -", head).split(b"\r\n"))
    return b"\r\n".join(told).lower() + END + frames


async def said_in_all_to(url: str) -> dict[str, bytes]:
    said = await asyncio.gather(*(said_to(url, pieces) for pieces in CONVERSATIONS.values()))
    return dict(zip(CONVERSATIONS, said, strict=True))


async def test_both_say_the_same() -> None:
    async with (
        tiny_server() as server,
        serving(server.app, JsonRefusals, Careful) as careful_url,
    ):
        here, careful = await said_in_all_to(server.url), await said_in_all_to(careful_url)

    assert set(here) == set(CONVERSATIONS)
    assert {what: (here[what], careful[what]) for what in here if here[what] != careful[what]} == {}
    assert here["as usual"].count(b'"type":"next"') == 2
    assert here["all frames at once"].count(b'"type":"next"') == 2


async def test_what_is_usual_is_read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("this was to be read in one step")

    async with tiny_server() as server:
        monkeypatch.setattr(HttpToolsProtocol, "data_received", refuse)
        monkeypatch.setattr(WebSocketsSansIOProtocol, "data_received", refuse)
        said = await said_to(server.url, [HANDSHAKE, INIT, ask("a"), ask("b", LONG)])

    assert said.count(b'"type":"next"') == 2


async def test_an_answer_to_a_ping_is_no_reason_to_read_the_rest_in_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[bytes] = []
    really = WebSocketsSansIOProtocol.data_received

    def noting(self: WebSocketsSansIOProtocol, data: bytes) -> None:
        read.append(data)
        really(self, data)

    pong, ping = frame(Opcode.PONG, b"1"), frame(Opcode.PING, b"1")
    async with tiny_server() as server:
        monkeypatch.setattr(WebSocketsSansIOProtocol, "data_received", noting)
        await said_to(server.url, [HANDSHAKE, INIT, pong, ask("a"), ping, CUT])

    assert read == [pong, ping, CUT]
