"""HTTP requests as bytes: methods, addresses, headers and bodies that no client should send."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_from_bytes

from hypothesis import strategies as st

from tests.conformance.corpus import BODIES, DOCUMENTS, REQUESTS, TEXTS, VALUES

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class RawRequest:
    """What goes over the line, and whether it is all that its head promises."""

    method: str
    target: str
    headers: tuple[Header, ...]
    body: bytes
    is_whole: bool = True

    def encode(self) -> bytes:
        """Write it down as HTTP/1.1."""
        head = [f"{self.method} {self.target} HTTP/1.1".encode("latin-1"), b"Host: onsale.test"]
        head += [name + b": " + value for name, value in self.headers]
        return b"\r\n".join(head) + b"\r\n\r\n" + self.body


def framed(method: str, target: str, headers: tuple[Header, ...], body: bytes) -> RawRequest:
    """Say how long the body is."""
    length = (b"Content-Length", str(len(body)).encode())
    return RawRequest(method, target, (*headers, length), body)


def chunked(
    method: str, target: str, headers: tuple[Header, ...], body: bytes, size: int = 7
) -> RawRequest:
    """Send the body in pieces, and do not say how many."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    encoded = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    chunks = (b"Transfer-Encoding", b"chunked")
    return RawRequest(method, target, (*headers, chunks), encoded + b"0\r\n\r\n")


@st.composite
def half_sent(draw: st.DrawFn, whole: RawRequest) -> RawRequest:
    """Leave off in the middle of the body."""
    kept = draw(st.integers(0, max(len(whole.body) - 1, 0)))
    return RawRequest(whole.method, whole.target, whole.headers, whole.body[:kept], is_whole=False)


METHODS = st.sampled_from(
    ["POST", "POST", "POST", "GET", "GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"]
)
JSON_HEADER: Header = (b"Content-Type", b"application/json")

#: Bytes that may stand in a header's value, by the protocol; whatever they mean.
_VALUE_BYTES = st.binary(max_size=60).map(
    lambda value: bytes(byte for byte in value if byte >= 32 and byte != 127).strip()
)
_RANGES = (
    "application/json",
    "application/graphql-response+json",
    "text/event-stream",
    "multipart/mixed",
    "*/*",
    "application/*",
    "text/html",
)
_PARTS_OF_RANGES = (
    "q=1",
    "q=0",
    "q=0.5",
    "q=x",
    "q=",
    ";",
    ";;",
    ",",
    "charset=utf-8",
    '"',
    "é",
    "*",
)
_WISHES = st.lists(st.sampled_from(_RANGES + _PARTS_OF_RANGES), max_size=12).flatmap(
    lambda words: st.sampled_from([", ", ";", ",", " "]).map(lambda by: by.join(words))
)
_CONTENT_TYPES = st.sampled_from(
    [
        b"application/json",
        b"application/json; charset=utf-8",
        b"application/json; charset=utf-16",
        b"application/json;;",
        b"APPLICATION/JSON",
        b"text/plain",
        b"multipart/form-data; boundary=x",
        b"application/x-www-form-urlencoded",
        b"application/graphql",
        b"",
        b";",
        b"json",
        b"application/json, text/plain",
        b"application/json; charset",
    ]
)
_AUTHORIZATIONS = st.one_of(
    st.sampled_from(
        [
            b"Bearer",
            b"Bearer ",
            b"Bearer x",
            b"Bearer a.b.c",
            b"bearer eyJhbGciOiJub25lIn0.e30.",
            b"Basic YTpi",
            b"Bearer " + b"a" * 5_000,
            b"Bearer \xe9",
        ]
    ),
    _VALUE_BYTES,
)
_ODD: dict[bytes, st.SearchStrategy[bytes]] = {
    b"Accept": st.one_of(_WISHES.map(lambda text: text.encode("latin-1")), _VALUE_BYTES),
    b"Content-Type": st.one_of(_CONTENT_TYPES, _VALUE_BYTES),
    b"Authorization": _AUTHORIZATIONS,
    b"Cookie": st.one_of(
        st.sampled_from([b"onsale_session=x", b"onsale_session=", b";;=;", b'a="', b"=" * 500]),
        _VALUE_BYTES,
    ),
    b"Origin": st.one_of(
        st.sampled_from([b"null", b"http://", b"http://[", b"https://evil.example", b"a b"]),
        _VALUE_BYTES,
    ),
    b"X-Request-ID": st.one_of(_VALUE_BYTES, st.just(b"r" * 3_000)),
    b"X-Forwarded-For": st.one_of(st.sampled_from([b"1.2.3.4", b",", b"::1, x"]), _VALUE_BYTES),
    b"Content-Encoding": st.sampled_from([b"gzip", b"br", b"identity", b"x"]),
    b"Expect": st.sampled_from([b"100-continue", b"x"]),
    b"Range": st.just(b"bytes=0-1"),
    b"Sec-Fetch-Site": st.sampled_from([b"same-origin", b"cross-site", b""]),
}
HEADERS: st.SearchStrategy[tuple[Header, ...]] = st.lists(
    st.sampled_from(sorted(_ODD)).flatmap(lambda name: _ODD[name].map(lambda value: (name, value))),
    max_size=4,
).map(tuple)
#: Most requests say that they are JSON: or else the answer is always 415.
SOME_HEADERS = st.one_of(
    HEADERS, HEADERS.map(lambda headers: (JSON_HEADER, *headers)), st.just((JSON_HEADER,))
)


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


REQUEST_BODIES = st.one_of(
    st.sampled_from(BODIES),
    REQUESTS.map(_json),
    REQUESTS.map(_json),
    REQUESTS.map(_json),
    VALUES.map(_json),
    st.binary(max_size=200),
    REQUESTS.map(_json).flatmap(lambda body: st.integers(0, len(body)).map(lambda end: body[:end])),
)

_PARAMETERS = st.lists(
    st.tuples(
        st.sampled_from(["query", "query", "variables", "operationName", "extensions", "x", ""]),
        st.one_of(
            DOCUMENTS.map(quote),
            REQUESTS.map(lambda request: quote(json.dumps(request))),
            TEXTS.map(lambda text: quote(text, errors="replace")),
            st.binary(max_size=20).map(quote_from_bytes),
            st.sampled_from(["%", "%zz", "%ff", "{}", "[]", "null", "5", "+", ""]),
        ),
    ),
    max_size=4,
).map(lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)[:30_000])
_PATHS = st.sampled_from(
    ["/graphql"] * 12 + ["/graphql/", "/nowhere", "/%00", "/%ff", "/graphql%2f", "/layouts/x.json"]
)
TARGETS = st.one_of(
    st.just("/graphql"),
    st.builds(lambda path, query: f"{path}?{query}" if query else path, _PATHS, _PARAMETERS),
)

WHOLE_REQUESTS = st.one_of(
    st.builds(framed, METHODS, TARGETS, SOME_HEADERS, REQUEST_BODIES),
    st.builds(chunked, METHODS, TARGETS, SOME_HEADERS, REQUEST_BODIES, st.integers(1, 40)),
)
HTTP_REQUESTS = st.one_of(
    WHOLE_REQUESTS, WHOLE_REQUESTS, WHOLE_REQUESTS, WHOLE_REQUESTS.flatmap(half_sent)
)

_GET = b"GET /graphql HTTP/1.1\r\nHost: x\r\n"
_POST = b"POST /graphql HTTP/1.1\r\nHost: x\r\n"
_NO_HTTP = (
    b"\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET /graphql\r\n\r\n",
    b"GET /graphql HTTP/9.9\r\n\r\n",
    b"GET /graphql HTTP/1.0\r\n\r\n",
    b"FOO /graphql HTTP/1.1\r\nHost: x\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n",
    _GET + b"A\x00B: c\r\n\r\n",
    _GET + b": c\r\n\r\n",
    _GET + b"A: b\r\n c\r\n\r\n",
    _GET + b"A: " + b"b" * 90_000 + b"\r\n\r\n",
    _GET + b"Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    _POST + b"Content-Length: -1\r\n\r\n",
    _POST + b"Content-Length: 99999999999999999999\r\n\r\n",
    _POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    _POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    _POST + b"Transfer-Encoding: gzip\r\n\r\n",
    _POST + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
)
#: Handshakes of sockets that lack what they need: the library of sockets answers, in plain text.
NO_HANDSHAKES = tuple(
    _GET + b"Upgrade: websocket\r\nConnection: Upgrade\r\n" + rest + b"\r\n"
    for rest in (
        b"",
        b"Sec-WebSocket-Version: 13\r\n",
        b"Sec-WebSocket-Version: 12\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n",
    )
)
#: What is no HTTP, or lies about how it goes on. The server may answer 400, or wait for more.
NO_REQUESTS = st.one_of(st.binary(min_size=1, max_size=200), st.sampled_from(_NO_HTTP))
