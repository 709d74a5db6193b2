"""A subscriber over graphql-transport-ws that notes when each message came, and no more.

Messages are read after the round: what arrives last should not wait until others are decoded.
"""

import asyncio
import base64
import os
import time
from collections.abc import Iterator
from typing import Any, cast

import orjson

from bench.processes import BenchError

OPEN_SECONDS_MAX = 30.0
TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
LAST_FRAME, MASKED = 0x80, 0x80
LENGTH_IN_2_BYTES, LENGTH_IN_8_BYTES = 126, 127
OPERATION_ID = "watch"


class Subscriber(asyncio.Protocol):
    """One socket with one subscription."""

    def __init__(self, port: int, query: str, variables: dict[str, Any]) -> None:
        self._port = port
        self._subscribe = {"query": query, "variables": variables}
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._is_upgraded = False
        self._first_message: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        #: When each message came, by the machine's clock, and its text.
        self.messages: list[tuple[float, bytes]] = []
        #: Why the server ended it, if it did.
        self.ended: str | None = None

    @classmethod
    async def open(cls, port: int, query: str, variables: dict[str, Any]) -> "Subscriber":
        """Connect, subscribe and wait for the first message."""
        _, subscriber = await asyncio.get_running_loop().create_connection(
            lambda: cls(port, query, variables), "127.0.0.1", port
        )
        async with asyncio.timeout(OPEN_SECONDS_MAX):
            await subscriber._first_message  # noqa: SLF001 - its own.
        return subscriber

    def payloads(self) -> Iterator[tuple[float, dict[str, Any]]]:
        """Give when each message came, and what it said."""
        for received_at, text in self.messages:
            payload = orjson.loads(text)["payload"]
            if "errors" in payload:
                raise BenchError(f"A subscription answered with errors: {payload['errors']}")
            yield received_at, payload["data"]

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for a WebSocket."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by shape alone.
        key = base64.b64encode(os.urandom(16)).decode()
        self._transport.write(
            f"GET /graphql HTTP/1.1\r\nhost: 127.0.0.1:{self._port}\r\n"
            "connection: upgrade\r\nupgrade: websocket\r\n"
            f"sec-websocket-version: 13\r\nsec-websocket-key: {key}\r\n"
            "sec-websocket-protocol: graphql-transport-ws\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Read the frames that are whole."""
        received_at = time.time()
        self._received += data
        if not self._is_upgraded and not self._upgrade():
            return
        while (frame := self._next_frame()) is not None:
            self._handle(*frame, received_at)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        self.ended = self.ended or str(exc or "the server hung up")
        if not self._first_message.done():
            self._first_message.set_exception(BenchError(f"No subscription: {self.ended}"))

    def _upgrade(self) -> bool:
        head_ends_at = self._received.find(b"\r\n\r\n")
        if head_ends_at < 0:
            return False
        status = bytes(self._received[9:12])
        del self._received[: head_ends_at + 4]
        if status != b"101":
            self.ended = f"the handshake was answered with {status.decode()}"
            self.close()
            return False
        self._is_upgraded = True
        self._send({"type": "connection_init"})
        return True

    def _next_frame(self) -> tuple[int, bytes] | None:
        """Take the next frame; servers do not mask theirs, and ours does not split messages."""
        received = self._received
        if len(received) < 2:  # noqa: PLR2004 - the shortest frame.
            return None
        start, length = 2, received[1]
        if length == LENGTH_IN_2_BYTES:
            start, length = 4, int.from_bytes(received[2:4])
        elif length == LENGTH_IN_8_BYTES:
            start, length = 10, int.from_bytes(received[2:10])
        if len(received) < start + length:
            return None
        opcode, content = received[0] & 0x0F, bytes(received[start : start + length])
        del received[: start + length]
        return opcode, content

    def _handle(self, opcode: int, content: bytes, received_at: float) -> None:
        if opcode == PING:
            self._write_frame(PONG, content)
        elif opcode == CLOSE:
            self.ended = f"closed with {int.from_bytes(content[:2])}: {content[2:].decode()}"
        elif b'"type":"next"' in content:
            self.messages.append((received_at, content))
            if not self._first_message.done():
                self._first_message.set_result(None)
        elif b'"type":"connection_ack"' in content:
            self._send({"type": "subscribe", "id": OPERATION_ID, "payload": self._subscribe})
        elif b'"type":"error"' in content:
            self.ended = content.decode()
            self.close()

    def _send(self, message: dict[str, Any]) -> None:
        self._write_frame(TEXT, orjson.dumps(message))

    def _write_frame(self, opcode: int, content: bytes) -> None:
        """Write a frame; clients must mask theirs, and a mask of zeros changes nothing."""
        assert self._transport is not None
        head = bytes([LAST_FRAME | opcode])
        if len(content) < LENGTH_IN_2_BYTES:
            head += bytes([MASKED | len(content)])
        else:
            head += bytes([MASKED | LENGTH_IN_2_BYTES]) + len(content).to_bytes(2)
        self._transport.write(head + bytes(4) + content)
