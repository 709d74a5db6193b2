"""Any number of followers of one event, reading whenever they like, whatever happens to it."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from box_office.live import LiveDelta, LiveSnapshot, LiveStale
from subscriptions.follower import Follower
from subscriptions.pace import Pace
from subscriptions.watch import EventWatch
from tests.live.boards_by_hand import a_change, a_row

SEATS = 6
FOLLOWERS = 3

SEATS_CHANGED = st.dictionaries(st.integers(0, SEATS - 1), st.integers(0, 3), min_size=1)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("change"), SEATS_CHANGED),
        st.tuples(st.just("jump"), SEATS_CHANGED),
        st.tuples(st.just("restore"), st.integers(0, 3)),
        st.tuples(st.just("read"), st.integers(0, FOLLOWERS - 1)),
        st.sampled_from([("tick", 0), ("silence", 0), ("answer", 0)]),
    ),
    max_size=40,
)


class World:
    """The truth, a watch of it, and the maps of those who follow."""

    def __init__(self) -> None:
        self.seats = [0] * SEATS
        self.version = 0
        self.watch = EventWatch(a_row(bytes(SEATS)), Pace())
        self.followers = [Follower(self.watch) for _ in range(FOLLOWERS)]
        self.maps = [list(self.seats) for _ in range(FOLLOWERS)]
        self.versions = [0] * FOLLOWERS
        self.stale = [False] * FOLLOWERS
        for follower in self.followers:
            assert isinstance(follower.next_message(), LiveSnapshot)

    def change(self, seats: dict[int, int]) -> None:
        """One version, told by the news."""
        self._write(seats)
        self.watch.take(a_change(self.version, seats))

    def jump(self, seats: dict[int, int]) -> None:
        """Two versions that nobody told; the seats are read anew."""
        before = self.watch.board.version
        self._write(seats)
        self.version += 1
        self.watch.replace(self._row(), before)

    def restore(self, back: int) -> None:
        """The database goes back some versions, and is read anew."""
        before = self.watch.board.version
        if back == 0 or back > before:
            return
        self.version -= back
        self.seats = [0] * SEATS
        self.watch.replace(self._row(), before)

    def silence(self, _: int) -> None:
        self.watch.go_stale(datetime.now(UTC))

    def answer(self, _: int) -> None:
        self.watch.end_stale()

    def tick(self, _: int) -> None:
        self.watch.tick()

    def read(self, who: int) -> bool:
        """Take one message, if there is any, as a client does."""
        message = self.followers[who].next_message()
        match message:
            case None:
                return False
            case LiveSnapshot(view=view):
                self.maps[who] = [view.state(index) for index in range(SEATS)]
                self.versions[who] = view.version
            case LiveDelta():
                assert message.from_version == self.versions[who]
                assert message.version > self.versions[who] or self.stale[who]
                for index, state in zip(message.seat_indexes, message.states, strict=True):
                    self.maps[who][index] = state
                self.versions[who] = message.version
            case LiveStale():
                assert not self.stale[who]
                assert message.version == self.versions[who]
        self.stale[who] = isinstance(message, LiveStale)
        return True

    def _write(self, seats: dict[int, int]) -> None:
        self.version += 1
        for index, state in seats.items():
            self.seats[index] = state

    def _row(self) -> Any:
        return a_row(bytes(self.seats), version=self.version)


@settings(deadline=None)
@given(STEPS)
def test_whatever_happens_every_map_is_true_in_the_end_and_nobody_skips(
    steps: list[tuple[str, Any]],
) -> None:
    async def play() -> None:
        world = World()
        for step, value in steps:
            getattr(world, step)(value)

        world.answer(0)
        for who in range(FOLLOWERS):
            while world.read(who):
                pass

        assert world.maps == [world.seats] * FOLLOWERS
        assert world.versions == [world.version] * FOLLOWERS
        assert world.stale == [False] * FOLLOWERS

    asyncio.run(play())
