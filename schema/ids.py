"""Global ids: opaque to clients, canonical for us. Each thing has one id, written one way."""

import re
from base64 import urlsafe_b64encode
from binascii import a2b_base64
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from uuid import UUID

import strawberry


class NodeKind(StrEnum):
    """What an id can stand for: the types that implement Node."""

    EVENT = "Event"
    EVENT_SEAT = "EventSeat"
    ORDER = "Order"
    PERFORMER = "Performer"
    PRICE_LEVEL = "PriceLevel"
    RESERVATION = "Reservation"
    SEAT_MAP = "SeatMap"
    SECTION = "Section"
    TICKET = "Ticket"
    VENUE = "Venue"
    VIEWER = "Viewer"


#: The first byte of an id. Ids live on in clients: a number is never given to another kind.
_TAGS = {
    NodeKind.EVENT: 1,
    NodeKind.EVENT_SEAT: 2,
    NodeKind.ORDER: 3,
    NodeKind.PERFORMER: 4,
    NodeKind.PRICE_LEVEL: 5,
    NodeKind.RESERVATION: 6,
    NodeKind.SEAT_MAP: 7,
    NodeKind.SECTION: 8,
    NodeKind.TICKET: 9,
    NodeKind.VENUE: 10,
    NodeKind.VIEWER: 11,
}
_KINDS = {tag: kind for kind, tag in _TAGS.items()}

_PADDING = ("", "", "==", "=")
_KEY_BYTES = 17  # The tag and a UUID.
_SEAT_BYTES = _KEY_BYTES + 4  # A seat is known by its event's key and its index.
SEAT_INDEX_MAX = 2**31 - 1  # GraphQL's Int, and PostgreSQL's.

#: Of a seat's, the longest there is.
ID_CHARACTERS_MAX = 28
#: 17 bytes and 21 bytes. What the last of 23 characters has to spare must be zero: so each id is
#: written in one way only. 28 characters have nothing to spare.
_ID = re.compile(r"[A-Za-z0-9_-]{22}[AEIMQUYcgkosw048]|[A-Za-z0-9_-]{28}")

#: Ids of events come again and again; what is remembered of one takes about 400 bytes.
HOT_IDS_MAX = 4_096


@dataclass(frozen=True, slots=True)
class NodeId:
    """What an id says. `key` of an EventSeat is its event's, and `seat_index` the seat."""

    kind: NodeKind
    key: UUID
    seat_index: int | None = None


def encode_id(kind: NodeKind, key: UUID) -> strawberry.ID:
    """Write the id of anything but a seat."""
    return _text(bytes((_TAGS[kind],)) + key.bytes)


def encode_seat_id(event_id: UUID, seat_index: int) -> strawberry.ID:
    """Write the id of one seat of an event."""
    seat = bytes((_TAGS[NodeKind.EVENT_SEAT],)) + event_id.bytes + seat_index.to_bytes(4, "big")
    return _text(seat)


def encode_seat_ids(event_id: UUID, seat_indexes: Iterable[int]) -> list[strawberry.ID]:
    """Write the ids of many seats of an event, at a third of the price of one by one."""
    event = bytes((_TAGS[NodeKind.EVENT_SEAT],)) + event_id.bytes
    # 21 bytes are 28 characters exactly: many ids side by side encode in one call.
    every = b"".join([event + index.to_bytes(4, "big") for index in seat_indexes])
    text = urlsafe_b64encode(every).decode()
    return [strawberry.ID(text[start : start + 28]) for start in range(0, len(text), 28)]


def decode_id(text: str) -> NodeId | None:
    """Read an id. Anything we would not have written ourselves is none."""
    return _decoded(text) if len(text) <= ID_CHARACTERS_MAX else None


@lru_cache(HOT_IDS_MAX)
def _decoded(text: str) -> NodeId | None:
    if not _ID.fullmatch(text):
        return None
    raw = a2b_base64(text.replace("-", "+").replace("_", "/") + _PADDING[len(text) & 3])
    kind = _KINDS.get(raw[0])
    if kind is None or (kind is NodeKind.EVENT_SEAT) != (len(raw) == _SEAT_BYTES):
        return None
    key = UUID(bytes=raw[1:_KEY_BYTES])
    if kind is not NodeKind.EVENT_SEAT:
        return NodeId(kind, key)
    seat_index = int.from_bytes(raw[_KEY_BYTES:], "big")
    return NodeId(kind, key, seat_index) if seat_index <= SEAT_INDEX_MAX else None


def key_of(text: str, kind: NodeKind) -> UUID | None:
    """Read the key of an id of this kind; None when it is no such id."""
    node_id = decode_id(text)
    return node_id.key if node_id is not None and node_id.kind is kind else None


def _text(raw: bytes) -> strawberry.ID:
    return strawberry.ID(urlsafe_b64encode(raw).rstrip(b"=").decode())
