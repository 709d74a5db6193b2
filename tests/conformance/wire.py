"""Bytes over real sockets: clients that send what no library would."""

import json
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import BadStatusLine, HTTPException, HTTPResponse
from typing import Any

from tests.conformance.fuzzing import Answer

SECONDS_MAX = 20.0
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
FINAL = 0x80
#: Browsers throw dice for it. Here the same bytes shall be sent in every run.
MASK = b"\x5e\xed\x20\x26"
MASKED = 0x80
#: What a length of this or the next says: the real one follows.
TWO_BYTES, EIGHT_BYTES = 126, 127

HANDSHAKE = (
    "GET /graphql HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)


def exchange(port: int, sent: bytes, method: str = "POST", *, then_leave: bool) -> Answer | None:
    """Send bytes and take the first final answer; None: the server hung up without one.

    `then_leave`: say that nothing more will come, as somebody does who closes the program.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS_MAX) as line:
        with suppress(BrokenPipeError, ConnectionResetError):
            line.sendall(sent)
            if then_leave:
                line.shutdown(socket.SHUT_WR)
        try:
            response = HTTPResponse(line, method=method)
            response.begin()
            body = response.read()
        except (ConnectionResetError, BadStatusLine):
            return None
        except HTTPException as fault:
            raise AssertionError(f"this is no HTTP: {fault!r}") from fault
        finally:
            with suppress(UnboundLocalError):
                response.close()
        return Answer(
            response.status,
            response.headers.get("content-type", ""),
            body,
            response.headers.get("location"),
            response.headers.get("allow"),
        )


@dataclass(slots=True)
class Frame:
    """One frame as the server sent it."""

    opcode: int
    payload: bytes

    @property
    def close_code(self) -> int:
        """What a close frame says; 1005: nothing."""
        assert self.opcode == CLOSE, self
        return int(struct.unpack("!H", self.payload[:2])[0]) if self.payload else 1005

    @property
    def message(self) -> Any:
        """What a text frame says."""
        assert self.opcode == TEXT, self
        return json.loads(self.payload)


@dataclass(slots=True)
class RawSocket:
    """A WebSocket whose frames are written by hand."""

    line: socket.socket
    _unread: bytearray = field(default_factory=bytearray)

    def send(self, data: bytes) -> None:
        """Send bytes, frames or not; whoever has been closed on is told so when reading."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self.line.sendall(data)

    def say(self, message: Any) -> None:
        """Send a message of the protocol."""
        self.send(frame(TEXT, json.dumps(message).encode()))

    def frames(self) -> Iterator[Frame]:
        """Give what the server sends, until it hangs up."""
        while (head := self._take(2)) is not None:
            length = head[1]
            if length >= TWO_BYTES:
                size = 2 if length == TWO_BYTES else 8
                announced = self._take(size)
                assert announced is not None, "the server broke off within a frame"
                length = int.from_bytes(announced)
            payload = self._take(length)
            assert payload is not None, "the server broke off within a frame"
            yield Frame(head[0] & 0x0F, payload)

    def leave(self) -> None:
        """Send nothing any more."""
        with suppress(OSError):
            self.line.shutdown(socket.SHUT_WR)

    def _take(self, count: int) -> bytes | None:
        while len(self._unread) < count:
            try:
                more = self.line.recv(65_536)
            except ConnectionResetError:
                more = b""
            if not more:
                return None
            self._unread += more
        taken = bytes(self._unread[:count])
        del self._unread[:count]
        return taken

    def shake_hands(self, port: int) -> None:
        """Become a WebSocket."""
        self.send(HANDSHAKE.format(host=f"127.0.0.1:{port}").encode())
        head = bytearray()
        while not head.endswith(b"\r\n\r\n"):
            byte = self._take(1)
            assert byte is not None, "the handshake was not answered"
            head += byte
        assert head.startswith(b"HTTP/1.1 101 "), bytes(head)


@contextmanager
def raw_socket(port: int) -> Iterator[RawSocket]:
    """Open a socket that has been accepted, and that nothing was said on."""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS_MAX) as line:
        raw = RawSocket(line)
        raw.shake_hands(port)
        yield raw


def frame(opcode: int, payload: bytes = b"", *, first: int = FINAL, masked: bool = True) -> bytes:
    """Write a frame. `first` are the bits before the opcode: final, and three that nobody uses."""
    mask_bit = MASKED if masked else 0
    if len(payload) < TWO_BYTES:
        length = bytes([mask_bit | len(payload)])
    elif len(payload) <= 0xFFFF:
        length = bytes([mask_bit | TWO_BYTES]) + struct.pack("!H", len(payload))
    else:
        length = bytes([mask_bit | EIGHT_BYTES]) + struct.pack("!Q", len(payload))
    if not masked:
        return bytes([first | opcode]) + length + payload
    hidden = bytes(byte ^ MASK[index % 4] for index, byte in enumerate(payload))
    return bytes([first | opcode]) + length + MASK + hidden
