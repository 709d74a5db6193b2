"""One event's board: order, counts, and proposals of free seats."""

from base64 import b64decode
from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from box_office.changes import SeatChanges
from subscriptions.board import HELD_BACK_MAX, SeatBoard, pack
from tests.live.boards_by_hand import BALCONY, STALLS, a_change, a_row

AVAILABLE, HELD, SOLD, BLOCKED = range(4)


def test_a_new_board_shows_what_the_database_said() -> None:
    view = SeatBoard(a_row(bytes([0, 1, 2, 3, 0, 0, 0]), version=7)).view()

    assert view.version == 7
    assert view.seat_count == 7
    assert [view.state(index) for index in range(7)] == [0, 1, 2, 3, 0, 0, 0]
    assert (view.available, view.held, view.sold, view.blocked) == (4, 1, 1, 1)
    assert view.states == bytes([0b11_10_01_00, 0])
    assert b64decode(view.states_base64) == view.states
    assert view.seat_states == bytes([0, 1, 2, 3, 0, 0, 0])


@given(st.binary(max_size=40).map(lambda raw: bytes(byte & 3 for byte in raw)))
def test_four_seats_share_a_byte(states: bytes) -> None:
    packed = pack(states)

    assert len(packed) == (len(states) + 3) // 4
    assert [packed[at >> 2] >> 2 * (at & 3) & 3 for at in range(len(states))] == list(states)


def test_the_next_change_is_applied_and_an_older_one_passed_over() -> None:
    board = SeatBoard(a_row(bytes(4), version=5))

    assert board.apply(a_change(5, {0: SOLD})) == []
    assert board.apply(a_change(6, {1: HELD})) == [a_change(6, {1: HELD})]
    assert board.apply(a_change(6, {1: SOLD})) == []

    view = board.view()
    assert view.version == 6
    assert view.as_of == a_change(6, {}).as_of
    assert [view.state(index) for index in range(4)] == [0, 1, 0, 0]


def test_a_change_that_comes_too_early_waits_for_the_one_before() -> None:
    board = SeatBoard(a_row(bytes(4)))
    first, second, third = (a_change(n, {n: SOLD}) for n in (1, 2, 3))

    assert board.apply(third) == []
    assert board.apply(second) == []
    assert (board.version, board.heard_version) == (0, 3)

    assert board.apply(first) == [first, second, third]
    assert (board.version, board.heard_version) == (3, 3)


def test_no_more_than_so_many_early_changes_are_kept() -> None:
    board = SeatBoard(a_row(bytes(4)))
    for version in range(2, HELD_BACK_MAX + 12):
        board.apply(a_change(version, {0: version & 1}))

    assert len(board.apply(a_change(1, {0: SOLD}))) == HELD_BACK_MAX + 1


def test_a_view_stays_as_it_was_and_is_made_once_per_version() -> None:
    board = SeatBoard(a_row(bytes(4)))
    before = board.view()
    assert board.view() is before

    board.apply(a_change(1, {2: SOLD}))

    assert before.state(2) == before.seat_states[2] == AVAILABLE
    assert before.available == 4
    assert board.view().state(2) == board.view().seat_states[2] == SOLD
    assert board.view() is not before
    assert board.view().number != before.number


def test_a_section_tells_its_cheapest_level_with_a_free_seat() -> None:
    # Levels 0 and 1 cost the same in the stalls' favour; level 2 is the cheapest of all.
    row = a_row(bytes(6), price_levels=bytes([0, 1, 1, 2, 0, 0]), prices=(5000, 5000, 900))
    board = SeatBoard(row)

    stalls, balcony = board.view().sections
    assert (stalls.section_id, stalls.total, stalls.available) == (STALLS, 3, 3)
    assert stalls.cheapest_price_level == 0
    assert (balcony.section_id, balcony.cheapest_price_level) == (BALCONY, 2)

    board.apply(a_change(1, {3: HELD, 0: SOLD}))
    stalls, balcony = board.view().sections
    assert (stalls.available, stalls.cheapest_price_level) == (2, 1)
    assert (balcony.available, balcony.cheapest_price_level) == (2, 0)

    board.apply(a_change(2, {4: SOLD, 5: BLOCKED}))
    assert board.view().sections[1].available == 0
    assert board.view().sections[1].cheapest_price_level is None


def test_only_sections_with_one_of_the_seats_are_picked() -> None:
    board = SeatBoard(a_row(bytes(6)))

    assert board.sections_of(board.view(), []) == ()
    assert board.sections_of(board.view(), [5, 4]) == (board.view().sections[1],)
    assert board.sections_of(board.view(), [0, 5]) == board.view().sections


def test_proposals_of_free_seats_go_round() -> None:
    board = SeatBoard(a_row(bytes([0, 0, 1, 0, 0, 2, 0, 0])))

    assert board.free_seats(1, 6, 3) == [1, 3, 4]
    assert board.free_seats(1, 6, 3) == [6, 1, 3]
    assert board.free_seats(1, 6, 99) == [4, 6, 1, 3]
    assert board.free_seats(2, 2, 1) == []
    assert board.free_seats(0, 99, 99) == [0, 1, 3, 4, 6, 7]
    assert board.free_seats(0, 7, 0) == []


@pytest.mark.parametrize(
    "changes",
    [
        a_change(1, {4: SOLD}),
        a_change(1, {-1: SOLD}),
        a_change(1, {0: 4}),
        a_change(1, {}),
        replace(a_change(1, {0: SOLD}), states=b"\1\1"),
        replace(a_change(1, {0: SOLD}), event_id=uuid4()),
    ],
)
def test_what_cannot_be_a_change_of_this_event_does_not_fit(changes: SeatChanges) -> None:
    assert not SeatBoard(a_row(bytes(4))).fits(changes)
    assert SeatBoard(a_row(bytes(4))).fits(a_change(1, {3: BLOCKED, 0: HELD}))


SEATS = 9
HISTORY = st.lists(
    st.dictionaries(st.integers(0, SEATS - 1), st.integers(0, 3), min_size=1), max_size=12
)


def the_model(history: Sequence[dict[int, int]], levels: bytes) -> list[list[int]]:
    """Replay the history on a plain list, and count by looking at every seat."""
    states = [0] * SEATS
    for seats in history:
        for index, state in seats.items():
            states[index] = state
    free = [[i for i in part if states[i] == 0] for part in (range(4), range(4, SEATS))]
    cheapest = [min((levels[i] for i in part), default=-1) for part in free]
    return [states, [states.count(n) for n in range(4)], [len(part) for part in free], cheapest]


@given(HISTORY, st.binary(min_size=SEATS, max_size=SEATS), st.data())
def test_any_order_repetition_and_loss_with_catching_up_gives_the_true_seats(
    history: list[dict[int, int]], noise: bytes, data: st.DataObject
) -> None:
    levels = bytes(byte % 3 for byte in noise)
    board = SeatBoard(a_row(bytes(SEATS), price_levels=levels, prices=(1, 2, 3)))
    told = [a_change(version, seats) for version, seats in enumerate(history, start=1)]

    for change in data.draw(st.lists(st.sampled_from(told), max_size=30)) if told else []:
        version = board.version
        applied = board.apply(change)
        assert [c.version for c in applied] == list(range(version + 1, board.version + 1))
        assert board.heard_version >= max(board.version, change.version)
    for change in told[board.version :]:  # What the change log tells.
        board.apply(change)

    view = board.view()
    assert view.version == board.heard_version == len(history)
    seats, totals, free, cheapest = the_model(history, levels)
    assert [view.state(index) for index in range(SEATS)] == seats
    assert [view.available, view.held, view.sold, view.blocked] == totals
    assert [section.available for section in view.sections] == free
    assert [
        -1 if section.cheapest_price_level is None else section.cheapest_price_level
        for section in view.sections
    ] == cheapest
    assert sorted(board.free_seats(0, SEATS, SEATS)) == [i for i, s in enumerate(seats) if s == 0]
