"""Ids are opaque and canonical: one thing, one id, and nothing else is an id."""

from base64 import urlsafe_b64encode
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.ids import (
    SEAT_INDEX_MAX,
    NodeId,
    NodeKind,
    decode_id,
    encode_id,
    encode_seat_id,
    encode_seat_ids,
    key_of,
)

ONE = UUID("01939c2f-0000-7000-8000-000000000001")


@pytest.mark.parametrize("kind", [kind for kind in NodeKind if kind is not NodeKind.EVENT_SEAT])
def test_an_id_says_what_was_written_into_it(kind: NodeKind) -> None:
    assert decode_id(encode_id(kind, ONE)) == NodeId(kind, ONE)


@pytest.mark.parametrize("seat_index", [0, 1, 19_999, SEAT_INDEX_MAX])
def test_the_id_of_a_seat_says_event_and_index(seat_index: int) -> None:
    seat_id = encode_seat_id(ONE, seat_index)

    assert decode_id(seat_id) == NodeId(NodeKind.EVENT_SEAT, ONE, seat_index)


def test_ids_of_many_seats_are_those_of_each() -> None:
    indexes = [0, 7, 300, 19_999]

    assert encode_seat_ids(ONE, indexes) == [encode_seat_id(ONE, index) for index in indexes]


def test_ids_never_change_because_clients_keep_them() -> None:
    assert encode_id(NodeKind.EVENT, ONE) == "AQGTnC8AAHAAgAAAAAAAAAE"
    assert encode_id(NodeKind.VIEWER, ONE) == "CwGTnC8AAHAAgAAAAAAAAAE"
    assert encode_seat_id(ONE, 5) == "AgGTnC8AAHAAgAAAAAAAAAEAAAAF"


def test_a_key_is_read_only_from_an_id_of_its_kind() -> None:
    venue_id = encode_id(NodeKind.VENUE, ONE)

    assert key_of(venue_id, NodeKind.VENUE) == ONE
    assert key_of(venue_id, NodeKind.EVENT) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "null",
        "AQGTnC8AAHAAgAAAAAAAAAE=",  # Padded.
        "AQGTnC8AAHAAgAAAAAAAAAF",  # Bits that say nothing are set.
        " AQGTnC8AAHAAgAAAAAAAAAE",
        "AQGTnC8AAHAAgAAAAAAAAAE\n",
        "AQGTnC8AAHAAgAAAAAAAAA+",  # The other base64.
        "AQGTnC8AAHAAgAAAAAAAAA\u0415",  # A Cyrillic letter.
        "AgGTnC8AAHAAgAAAAAAAAAE",  # A seat without index.
        "AQGTnC8AAHAAgAAAAAAAAAEAAAAF",  # An event with one.
        "AgGTnC8AAHAAgAAAAAAAAAH_____",  # An index beyond Int.
        urlsafe_b64encode(b"Event:" + ONE.bytes).decode(),
        urlsafe_b64encode(b"\0" + ONE.bytes).decode().rstrip("="),
        str(ONE),
        "\ud800" * 23,
        "A" * 100_000,
    ],
)
def test_what_we_would_not_have_written_is_no_id(text: str) -> None:
    assert decode_id(text) is None


@given(
    st.text(
        alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=", max_size=30
    )
)
def test_whatever_can_be_read_is_written_exactly_like_that(text: str) -> None:
    found = decode_id(text)

    if found is not None and found.seat_index is not None:
        assert encode_seat_id(found.key, found.seat_index) == text
    elif found is not None:
        assert encode_id(found.kind, found.key) == text


def test_two_things_never_have_one_id() -> None:
    key = uuid4()
    others = [kind for kind in NodeKind if kind is not NodeKind.EVENT_SEAT]

    assert len({encode_id(kind, key) for kind in others}) == len(others)
