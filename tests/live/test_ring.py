"""Recent changes: merged deltas, and the bounds of memory."""

from hypothesis import given
from hypothesis import strategies as st

from subscriptions.ring import (
    NOTHING,
    RECENT_SEATS_MAX,
    RECENT_SECONDS,
    RECENT_VERSIONS_MAX,
    RecentChanges,
)
from tests.live.boards_by_hand import a_change


def recent(*versions: int) -> RecentChanges:
    changes = RecentChanges()
    for version in versions:
        changes.add(a_change(version, {version % 3: version & 3}), now=float(version))
    return changes


def test_of_a_seat_that_changed_twice_the_last_state_is_told() -> None:
    changes = RecentChanges()
    changes.add(a_change(4, {1: 1, 2: 1}), now=0)
    changes.add(a_change(5, {2: 2}), now=0)

    merged = changes.merged(3, 5)

    assert merged is not None
    assert merged.seat_indexes == (1, 2)
    assert merged.states == bytes([1, 2])


def test_nothing_is_missed_from_a_version_to_itself() -> None:
    assert RecentChanges().merged(8, 8) is NOTHING


def test_where_it_does_not_reach_it_says_so() -> None:
    changes = recent(5, 6, 7)

    assert changes.merged(3, 7) is None
    assert changes.merged(4, 7) is not None
    assert changes.merged(4, 8) is None
    assert changes.merged(7, 6) is None
    assert RecentChanges().merged(1, 2) is None


def test_after_a_jump_older_changes_are_of_no_use() -> None:
    changes = recent(5, 6, 9)

    assert changes.merged(5, 9) is None
    assert changes.first_version == 9


def test_it_reaches_further_back_when_the_change_log_is_asked() -> None:
    changes = recent(5, 6)
    changes.reach_back([a_change(2, {0: 1}), a_change(3, {0: 2}), a_change(4, {1: 1})], now=6)

    merged = changes.merged(1, 6)

    assert merged is not None
    assert dict(zip(merged.seat_indexes, merged.states, strict=True)) == {0: 2, 1: 1, 2: 1}


def test_what_does_not_lie_directly_before_is_not_put_in_front() -> None:
    changes = recent(5, 6)
    changes.reach_back([a_change(2, {0: 1}), a_change(4, {1: 1})], now=6)

    assert changes.first_version == 4


def test_changes_are_forgotten_after_a_quarter_of_an_hour() -> None:
    changes = RecentChanges()
    changes.add(a_change(1, {0: 1}), now=0)
    changes.add(a_change(2, {0: 2}), now=1)

    changes.add(a_change(3, {0: 3}), now=RECENT_SECONDS + 0.5)

    assert changes.first_version == 2


def test_it_keeps_so_many_versions_and_no_more() -> None:
    changes = RecentChanges()
    for version in range(1, RECENT_VERSIONS_MAX + 1):
        changes.add(a_change(version, {0: 1}), now=0)
    assert changes.first_version == 1

    changes.add(a_change(RECENT_VERSIONS_MAX + 1, {0: 2}), now=0)

    assert len(changes) == RECENT_VERSIONS_MAX
    assert changes.first_version == 2


def test_it_keeps_so_many_seats_and_no_more() -> None:
    changes = RecentChanges()
    whole_hall = dict.fromkeys(range(RECENT_SEATS_MAX // 2), 1)
    changes.add(a_change(1, whole_hall), now=0)
    changes.add(a_change(2, whole_hall), now=0)
    assert len(changes) == 2

    changes.add(a_change(3, {0: 2}), now=0)

    assert changes.first_version == 2


@given(
    st.lists(
        st.dictionaries(st.integers(0, 5), st.integers(0, 3), min_size=1), min_size=1, max_size=9
    ),
    st.data(),
)
def test_a_merged_delta_brings_a_map_from_any_version_to_any_later_one(
    history: list[dict[int, int]], data: st.DataObject
) -> None:
    changes = RecentChanges()
    maps = [dict.fromkeys(range(6), 0)]
    for version, seats in enumerate(history, start=1):
        changes.add(a_change(version, seats), now=0)
        maps.append(maps[-1] | seats)
    start = data.draw(st.integers(0, len(history)))
    end = data.draw(st.integers(start, len(history)))

    merged = changes.merged(start, end)

    assert merged is not None
    assert maps[start] | dict(zip(merged.seat_indexes, merged.states, strict=True)) == maps[end]
