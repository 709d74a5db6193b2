"""A reader that never reads: it subscribes, and from then on leaves its socket alone."""

import base64
import json
import os
import socket
import struct
from contextlib import suppress

from schema.ids import NodeKind, encode_id
from tests.halls import Hall
from tests.servers import ServerProcess

TCP_ESTABLISHED = 1
RECEIVE_BYTES = 4_096
#: As often as one document may ask for the same.
TIMES = 14
#: Questions whose answers are more than all buffers between the two take.
QUESTIONS = 25
SUBSCRIPTIONS = 10
STATES = " ".join(f"s{n}: states" for n in range(TIMES))
CHANGES = " ".join(f"c{n}: changes {{ index status }}" for n in range(TIMES))
FOLLOW = f"""
    subscription ($event: ID!) {{
        seatAvailability(eventId: $event) {{
            ... on AvailabilitySnapshot {{ availability {{ version }} }}
            ... on AvailabilityDelta {{ {CHANGES} }}
            ... on AvailabilityStale {{ since }}
        }}
    }}
"""
LOOK = f"query ($event: ID!) {{ event(by: {{ id: $event }}) {{ availability {{ {STATES} }} }} }}"


class ReluctantSocket:
    """Speaks WebSocket by hand, for any library would read. It has room for next to nothing."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        self._socket.settimeout(10)
        self._socket.connect(("127.0.0.1", port))
        self._shake_hands(port)

    def say(self, message: dict[str, object]) -> None:
        """Send one masked text frame."""
        text, mask = json.dumps(message).encode(), os.urandom(4)
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(text))
        self._socket.sendall(b"\x81" + struct.pack("!BH", 0x80 | 126, len(text)) + mask + masked)

    def say_goodbye(self) -> None:
        """Send a masked frame that closes the line, or answers such a frame."""
        self._socket.sendall(b"\x88\x80" + os.urandom(4))

    def hang_up_half(self) -> None:
        """Say that nothing more will be said, and leave open whether anything is heard."""
        self._socket.shutdown(socket.SHUT_WR)

    def is_connected(self) -> bool:
        """Ask the kernel, without reading."""
        return self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == TCP_ESTABLISHED

    def read_a_little(self) -> bytes:
        """Take what is there, if that is little; nothing once the line was cut."""
        with suppress(ConnectionError):
            return self._socket.recv(RECEIVE_BYTES)
        return b""

    def ends_politely(self) -> bool:
        """Wait for the end: whether the other side has hung up, and not cut the line."""
        try:
            return self._socket.recv(RECEIVE_BYTES) == b""
        except ConnectionError:
            return False

    def close(self) -> None:
        self._socket.close()

    def _shake_hands(self, port: int) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        lines = ["GET /graphql HTTP/1.1", f"host: 127.0.0.1:{port}"]
        lines += ["connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13"]
        lines += [f"sec-websocket-key: {key}", "sec-websocket-protocol: graphql-transport-ws"]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += self._socket.recv(1)
        assert b" 101 " in answer, answer


def deaf_reader(server: ServerProcess, hall: Hall) -> ReluctantSocket:
    """Ask for more than fits, and follow the event several times over."""
    reader = ReluctantSocket(server.port)
    variables = {"event": encode_id(NodeKind.EVENT, hall.event_id)}
    reader.say({"type": "connection_init"})
    for number, query in enumerate([LOOK] * QUESTIONS + [FOLLOW] * SUBSCRIPTIONS):
        payload = {"query": query, "variables": variables}
        reader.say({"id": str(number), "type": "subscribe", "payload": payload})
    return reader
