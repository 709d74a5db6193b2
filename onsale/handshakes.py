"""The usual handshake of a WebSocket, read once.

Uvicorn's HTTP parser has read the request already; it writes it down again for `websockets`, which
reads it a second time, carefully: half of what a socket costs until it has subscribed. What looks
as every browser's and client's handshake does needs no more than this. Whatever does not is left
to `websockets`, which knows what to say about it.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

Headers = list[tuple[bytes, bytes]]

#: By RFC 6455, part of the answer to every key.
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
KEY_BYTES = 16
VERSION = b"13"
HANDSHAKE_BYTES_MAX, HEADERS_MAX = 8_192, 100
#: Each comes once; none of the others comes twice. With a body it is no handshake.
SINGLE = (b"upgrade", b"sec-websocket-key", b"sec-websocket-version", b"host")
AT_MOST_ONCE = (b"origin", b"authorization")
BODY = (b"content-length", b"transfer-encoding")
ANSWER = (
    b"HTTP/1.1 101 Switching Protocols\r\n"
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %b\r\n"
)


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a client asks for."""

    path: str
    raw_path: bytes
    query_string: bytes
    #: Names in lower case.
    headers: Headers
    subprotocols: list[str]
    _key: bytes

    def answer(self, headers: Iterable[tuple[bytes, bytes]], subprotocol: str | None) -> bytes:
        """Accept it, with these headers."""
        digest = hashlib.sha1(self._key + GUID, usedforsecurity=False).digest()
        lines = [ANSWER % base64.b64encode(digest)]
        if subprotocol:
            headers = [*headers, (b"Sec-WebSocket-Protocol", subprotocol.encode("latin-1"))]
        lines += (b"%b: %b\r\n" % header for header in headers)
        return b"".join([*lines, b"\r\n"])


def usual_handshake(head: bytes) -> Handshake | None:
    """Read a request as uvicorn's HTTP parser passes it on; None if anything is unusual."""
    if len(head) > HANDSHAKE_BYTES_MAX or not head.endswith(b"\r\n\r\n") or not head.isascii():
        return None
    request, *lines = head[:-4].split(b"\r\n")
    method, _, rest = request.partition(b" ")
    target, _, protocol = rest.rpartition(b" ")
    headers = [
        (name.lower(), value) for name, _, value in (line.partition(b": ") for line in lines)
    ]
    if (method, protocol) != (b"GET", b"HTTP/1.1") or not _is_path(target):
        return None
    if len(headers) > HEADERS_MAX or not _upgrades(headers):
        return None
    raw_path, _, query_string = target.partition(b"?")
    return Handshake(
        path=unquote(raw_path.decode()),
        raw_path=raw_path,
        query_string=query_string,
        headers=headers,
        subprotocols=[
            token.strip()
            for name, value in headers
            if name == b"sec-websocket-protocol"
            for token in value.decode().split(",")
        ],
        _key=dict(headers)[b"sec-websocket-key"],
    )


def _is_path(target: bytes) -> bool:
    return target.startswith(b"/") and b" " not in target and b"#" not in target


def _upgrades(headers: Headers) -> bool:
    """See whether it asks for this protocol, in this version, with a key, and for nothing else."""
    names = [name for name, _ in headers]
    if any(names.count(name) != 1 for name in SINGLE) or any(name in names for name in BODY):
        return False
    if any(names.count(name) > 1 for name in AT_MOST_ONCE):
        return False
    by_name = dict(headers)
    connection = by_name.get(b"connection", b"").lower().split(b",")
    return (
        by_name[b"upgrade"].lower() == b"websocket"
        and b"upgrade" in (token.strip() for token in connection)
        and by_name[b"sec-websocket-version"] == VERSION
        and _is_key(by_name[b"sec-websocket-key"])
    )


def _is_key(key: bytes) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == KEY_BYTES
    except binascii.Error:
        return False
