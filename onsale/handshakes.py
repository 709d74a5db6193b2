"""The usual handshake of a WebSocket, read once.

Uvicorn's HTTP parser reads a request header by header; then it writes it down again for
`websockets`, which reads it a second time, carefully: half of what a socket costs until it has
subscribed. What looks as every browser's and client's handshake does needs no more than this.
Whatever does not is left to the two of them, who know what to say about it.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

Headers = list[tuple[bytes, bytes]]

#: What stands in a line, and in a header's name (RFC 9110, section 5.1).
PRINTABLE = bytes(range(0x20, 0x7F))
TOKEN = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"

#: By RFC 6455, part of the answer to every key.
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
KEY_BYTES = 16
VERSION = b"13"
HANDSHAKE_BYTES_MAX, HEADERS_MAX = 8_192, 100
#: Each comes once; none of the others comes twice. With a body it is no handshake.
SINGLE = frozenset({b"upgrade", b"sec-websocket-key", b"sec-websocket-version", b"host"})
AT_MOST_ONCE = frozenset({b"origin", b"authorization", b"connection"})
BODY = frozenset({b"content-length", b"transfer-encoding"})
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
    """Read a request that is all of what came; None if anything is unusual."""
    if len(head) > HANDSHAKE_BYTES_MAX or not head.startswith(b"GET /"):
        return None
    lines = head.split(b"\r\n")
    # It ends with an empty line, and nothing but the ends of lines is left without what is printed.
    if head.translate(None, PRINTABLE) != b"\r\n" * (len(lines) - 1) or lines[-2:] != [b"", b""]:
        return None
    target, _, protocol = lines[0][4:].rpartition(b" ")
    headers = _headers_of(lines[1:-2])
    if protocol != b"HTTP/1.1" or not _is_path(target) or not _upgrades(headers):
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


def _headers_of(lines: list[bytes]) -> Headers:
    """Read the headers, if all of them are written as usual; otherwise none."""
    headers: Headers = []
    for line in lines:
        name, separator, value = line.partition(b": ")
        name = name.lower()
        if not (separator and name) or name.translate(None, TOKEN) or value.strip() != value:
            return []
        headers.append((name, value))
    return headers if len(headers) <= HEADERS_MAX else []


def _is_path(target: bytes) -> bool:
    return target.startswith(b"/") and b" " not in target and b"#" not in target


def _upgrades(headers: Headers) -> bool:
    """See whether it asks for this protocol, in this version, with a key, and for nothing else."""
    by_name = dict(headers)
    if not by_name.keys() >= SINGLE or not by_name.keys().isdisjoint(BODY):
        return False
    if len(by_name) != len(headers) and _repeats(headers):
        return False
    if not all(_tokens(value) for name, value in headers if name == b"sec-websocket-protocol"):
        return False
    connection = _tokens(by_name.get(b"connection", b""))
    return (
        by_name[b"upgrade"].lower() == b"websocket"
        and b"upgrade" in connection
        and by_name[b"sec-websocket-version"] == VERSION
        and _is_key(by_name[b"sec-websocket-key"])
    )


def _tokens(value: bytes) -> list[bytes]:
    """Read a list of tokens, in small letters; of a list that has anything else in it, none."""
    tokens = [token.strip() for token in value.lower().split(b",")]
    return [] if any(not token or token.translate(None, TOKEN) for token in tokens) else tokens


def _repeats(headers: Headers) -> bool:
    """Tell whether something comes twice of which the one might say what the other does not."""
    names = [name for name, _ in headers]
    return any(names.count(name) > 1 for name in (*SINGLE, *AT_MOST_ONCE))


def _is_key(key: bytes) -> bool:
    try:
        return len(binascii.a2b_base64(key, strict_mode=True)) == KEY_BYTES
    except binascii.Error:
        return False
