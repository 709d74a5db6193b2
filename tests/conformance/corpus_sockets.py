"""WebSocket messages and frames that no client should send, and the order they come in."""

import json
from typing import Any

from hypothesis import strategies as st

from tests.conformance.corpus import BODIES, DOCUMENTS, REQUESTS, SCALARS, TEXTS, VALUES
from tests.conformance.wire import BINARY, CLOSE, FINAL, PING, PONG, TEXT, frame

IDS = st.one_of(
    st.sampled_from(["1", "2", "3"]), st.sampled_from(["", "i" * 300, "\x00", "é"]), VALUES
)
#: More than half of all are such as a client sends, so that something runs when the rest comes.
SUBSCRIPTION = "subscription ($e: ID!) { seatAvailability(eventId: $e) { __typename } }"


def _message(kind: str, **parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({"type": st.just(kind)}, optional=parts)


def _subscribing(event_id: str) -> st.SearchStrategy[Any]:
    payload = {"query": SUBSCRIPTION, "variables": {"e": event_id}}
    return st.sampled_from(["1", "2", "3"]).map(
        lambda name: {"id": name, "type": "subscribe", "payload": payload}
    )


#: Without a payload, or with one that may hold a token: that no guess is right is clear enough.
_INTRODUCTIONS = st.one_of(
    st.just({"type": "connection_init"}),
    st.just({"type": "connection_init"}),
    st.just({"type": "connection_init", "payload": None}),
    st.just({"type": "connection_init", "payload": {}}),
    _message("connection_init", payload=VALUES),
    _message(
        "connection_init",
        payload=st.fixed_dictionaries(
            {}, optional={"authorization": SCALARS, "token": SCALARS, "Authorization": SCALARS}
        ),
    ),
)


def messages(event_id: str) -> st.SearchStrategy[Any]:
    """Give messages of the protocol: right, of a wrong shape, or none at all."""
    return st.one_of(
        _subscribing(event_id),
        _message("subscribe", id=IDS, payload=REQUESTS),
        st.builds(
            lambda name, query: {"id": name, "type": "subscribe", "payload": {"query": query}},
            st.sampled_from(["1", "2", "3", "4"]),
            DOCUMENTS,
        ),
        _message("subscribe", id=IDS, payload=VALUES),
        _message("complete", id=IDS),
        st.sampled_from(["1", "2", "3"]).map(lambda name: {"id": name, "type": "complete"}),
        _message("ping", payload=VALUES),
        _message("pong", payload=VALUES),
        _INTRODUCTIONS,
        st.fixed_dictionaries({"type": st.one_of(TEXTS, VALUES)}, optional={"id": IDS}),
        st.sampled_from(["start", "stop", "connection_terminate", "next", "error"]).map(
            lambda kind: {"type": kind, "id": "1"}
        ),
        VALUES,
    )


def conversations(event_id: str) -> st.SearchStrategy[list[bytes]]:
    """Give messages one after the other, as texts in whole frames; most begin as they should."""
    texts = st.one_of(
        messages(event_id).map(lambda message: json.dumps(message).encode()),
        messages(event_id).map(lambda message: json.dumps(message).encode()),
        messages(event_id).map(lambda message: json.dumps(message).encode()),
        st.sampled_from(BODIES),
    )
    begin: st.SearchStrategy[list[bytes]] = st.one_of(
        st.just([b'{"type":"connection_init"}']),
        st.just([b'{"type":"connection_init"}']),
        st.just([]),
        _INTRODUCTIONS.map(lambda message: [json.dumps(message).encode()]),
    )
    return st.builds(lambda first, rest: first + rest, begin, st.lists(texts, max_size=8)).map(
        lambda payloads: [frame(TEXT, payload) for payload in payloads]
    )


_BITS = st.sampled_from([FINAL, FINAL, FINAL, 0, FINAL | 0x40, FINAL | 0x20, 0x10])
_PAYLOADS = st.one_of(
    st.binary(max_size=20),
    st.sampled_from(
        [
            b'{"type":"connection_init"}',
            b'{"type":"ping"}',
            b"\xff",
            b"a" * 126,
            b"a" * 65_537,
            b'{"type":"ping"}' + b" " * 70_000,
            b"\x03\xe8",
            b"\x03\xee",
            b"\x00\x00",
            b"\x13\x88" + b"\xff",
        ]
    ),
)
_FRAME = st.builds(
    lambda opcode, payload, first, masked: frame(opcode, payload, first=first, masked=masked),
    st.one_of(st.sampled_from([0, TEXT, BINARY, CLOSE, PING, PONG]), st.integers(0, 15)),
    _PAYLOADS,
    _BITS,
    st.sampled_from([True, True, True, False]),
)
_INTRODUCTION = frame(TEXT, b'{"type":"connection_init"}')
_QUESTION = b'{"id":"1","type":"subscribe","payload":{"query":"{ events { nodes { id } } }"}}'
_NO_UTF_8 = frame(TEXT, b"\xff")
#: Each in one packet: what comes last is known before what comes first is answered.
KNOWN_FRAMES = (
    _NO_UTF_8,
    _NO_UTF_8 + _NO_UTF_8,
    _NO_UTF_8 + frame(CLOSE, b"\x03\xe8"),
    frame(TEXT, b"[]") + _NO_UTF_8,
    _INTRODUCTION + _NO_UTF_8,
    _INTRODUCTION + frame(TEXT, _QUESTION) + _NO_UTF_8,
    _INTRODUCTION + frame(TEXT, _QUESTION) + frame(CLOSE, b"\x03\xe8"),
    frame(TEXT, b"[]") + frame(TEXT, b"[]"),
    frame(TEXT, b"[]") + frame(CLOSE, b"\x03\xe8"),
    frame(BINARY, b"{}"),
    frame(TEXT, b"x", first=FINAL | 0x40),
    frame(TEXT, b"x", masked=False),
    frame(0, b"x"),
    frame(TEXT, b"{", first=0) + frame(TEXT, b"}"),
    frame(3, b"x"),
    frame(PING, b"x" * 126),
    frame(CLOSE, b"\x03"),
    frame(CLOSE, b"\x03\xee"),
    frame(CLOSE, b"\x03\xe8\xff"),
    frame(TEXT, b"a" * 65_537),
)
#: Frames of any kind, one after the other.
FRAMES = st.lists(_FRAME, min_size=1, max_size=5).map(b"".join)
#: How the last one may be broken off, or not.
RESTS = st.one_of(
    st.just(b""),
    st.just(b""),
    st.sampled_from([b"\x81", b"\x81\xff\x7f\xff", frame(TEXT, b'{"type":"ping"}')[:-3]]),
)
