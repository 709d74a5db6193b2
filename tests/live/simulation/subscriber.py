"""A subscriber who comes, reads, dawdles, leaves and resumes; and what it was promised."""

import asyncio
from contextlib import aclosing
from random import Random
from typing import Protocol

from box_office.boards import BoardView, SectionCount
from box_office.live import LiveDelta, LiveMessage, LiveSeats, LiveSnapshot, LiveStale, UnknownEvent
from tests.live.simulation.books import REFUSALS, Ledger
from tests.live.simulation.tally import Event, Tally
from tests.live.simulation.weather import RECOVERY_SECONDS_MAX, Weather

#: The promise for ordinary days.
LATE_SECONDS_MAX = 1.0
READ_SLOWLY = 0.08
STOP_READING = 0.01
FAR_FUTURE = 50_000_000


class DivergedError(AssertionError):
    """A promise to a subscriber was broken."""


class World(Protocol):
    """What a subscriber meets."""

    dice: Random
    weather: Weather
    tally: Tally

    def any_live_seats(self) -> LiveSeats:
        """Give the live side of whichever server is reached."""


class Subscriber:
    """One viewer's map of one event. Each message is checked against the books as it comes."""

    def __init__(self, world: World, ledger: Ledger) -> None:
        self._world = world
        self._ledger = ledger
        self._loop = asyncio.get_running_loop()
        self._version: int | None = None
        self._seats: bytes | None = None
        self._sections: dict[object, int] = {}
        self._told = 0
        self._is_stale = False
        #: Since when it waits for a message; None: it does not read, or has no stream.
        self._waits_since: float | None = None

    async def live(self) -> None:
        """Follow at some server for a while, again and again."""
        dice = self._world.dice
        while True:
            await asyncio.sleep(dice.uniform(0.0, 0.5))
            try:
                await self._follow(self._world.any_live_seats(), self._since_version())
            except (UnknownEvent, *REFUSALS):
                self._world.tally[Event.REFUSED] += 1
            except asyncio.CancelledError:  # Its server stops before it has a board to show.
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                self._world.tally[Event.SENT_AWAY] += 1
            finally:
                self._waits_since = None

    def check_promises(self, now: float) -> None:
        """Never late without being told so, never silent."""
        if self._waits_since is None:
            return
        if self._told == 0:
            self._demand(now - self._waits_since <= RECOVERY_SECONDS_MAX, "no first message")
            return
        is_calm = self._world.weather.is_calm(now)
        self._demand(not (is_calm and self._is_stale), "told that it is stale, for nothing")
        superseded_at = self._ledger.superseded_at[self._key]
        if superseded_at is None or self._is_stale:
            return
        late = now - max(superseded_at, self._waits_since)
        seconds_max = LATE_SECONDS_MAX if is_calm else RECOVERY_SECONDS_MAX
        self._demand(late <= seconds_max, f"the map is {late:.1f} s behind, and nobody says so")

    def check_equal(self) -> None:
        """Now the map is to be what the books say."""
        self._demand(self._waits_since is not None, "follows nothing")
        self._demand(self._key == (self._ledger.version, self._ledger.seats), "another map")
        self._demand(not self._is_stale, "still told that it is stale")

    async def _follow(self, live: LiveSeats, since: int | None) -> None:
        self._told = 0
        self._is_stale = False
        self._waits_since = self._loop.time()
        leaving = asyncio.timeout(self._how_long_it_stays())
        try:
            async with leaving, aclosing(live.follow(self._ledger.event_id, since)) as messages:
                async for message in messages:
                    self._waits_since = None
                    self._take(message, since)
                    await self._dawdle()
                    self._waits_since = self._loop.time()
            self._world.tally[Event.SENT_AWAY] += 1
        except TimeoutError:
            if not leaving.expired():
                raise

    def _how_long_it_stays(self) -> float | None:
        """For good once everything is well."""
        dice, now = self._world.dice, self._loop.time()
        seconds = dice.choice((dice.uniform(0.0, 2.0), dice.uniform(2.0, 20.0)))
        return seconds if now + seconds < self._world.weather.clears_up_at else None

    async def _dawdle(self) -> None:
        dice, tally = self._world.dice, self._world.tally
        fate, seconds = dice.random(), 0.0
        if fate < STOP_READING:
            tally[Event.STOPPED_READING] += 1
            seconds = dice.uniform(3.0, 15.0)
        elif fate < READ_SLOWLY:
            tally[Event.READ_SLOWLY] += 1
            seconds = dice.uniform(0.1, 2.0)
        left = self._world.weather.clears_up_at - self._loop.time()
        if (seconds := min(seconds, left)) > 0:
            await asyncio.sleep(seconds)

    def _since_version(self) -> int | None:
        """Decide with which version to come: the own, none, a wrong one."""
        dice, tally, past = self._world.dice, self._world.tally, self._ledger.past
        fate = dice.random()
        if fate < 0.15 or (fate < 0.7 and not self._may_resume):
            return None
        if fate < 0.7:
            tally[Event.RESUMED] += 1
        elif fate < 0.85:
            tally[Event.RESUMED_TOO_OLD] += 1
            self._version = dice.choice((-1, dice.choice(list(past)), min(past)))
            self._imagine(past.get(self._version))
        else:
            tally[Event.RESUMED_FROM_THE_FUTURE] += 1
            self._version = self._ledger.version + dice.choice((1, 2, FAR_FUTURE))
            self._imagine(None)
        return self._version

    def _imagine(self, seats: bytes | None) -> None:
        """Have a map that was told some other day, or one that nobody can have yet."""
        self._seats = seats
        self._sections = {}

    @property
    def _may_resume(self) -> bool:
        """A version that was given away again after a restore says nothing any more."""
        return self._version is not None and (
            self._ledger.past.get(self._version) == self._seats
            or self._version not in self._ledger.ambiguous
        )

    def _take(self, message: LiveMessage, since: int | None) -> None:
        match message:
            case LiveSnapshot(view=view):
                self._check_snapshot(view, since)
                self._take_all(view)
            case LiveDelta():
                self._check_delta(message)
                self._take_delta(message)
            case LiveStale():
                self._demand(not self._is_stale, "told twice that it is stale")
                self._demand(message.version == self._version, "stale at another version")
                self._world.tally[Event.STALE] += 1
        self._told += 1
        self._is_stale = isinstance(message, LiveStale)
        self._check_truth()

    def _check_snapshot(self, view: BoardView, since: int | None) -> None:
        """Versions only go up within a stream, and on calm days between servers, too."""
        self._world.tally[Event.SNAPSHOT] += 1
        had, seats = self._version, self._seats
        if had is None or seats is None or self._ledger.past.get(had) != seats:
            return  # It has nothing, or the books were restored and its past is nobody's any more.
        if self._told:
            self._demand(view.version >= had, "versions go back within a stream")
        elif since is not None:
            is_calm = self._world.weather.is_calm(self._loop.time())
            self._demand(not is_calm or view.version >= had, "versions go back at a change")

    def _take_all(self, view: BoardView) -> None:
        self._version = view.version
        self._seats = bytes(view.state(index) for index in range(view.seat_count))
        self._sections.clear()
        self._count_free(view.available, view.sections)

    def _check_delta(self, delta: LiveDelta) -> None:
        self._world.tally[Event.DELTA] += 1
        self._demand(delta.from_version == self._version, "a delta that does not fit")
        rises = delta.version > delta.from_version
        self._demand(rises or self._is_stale or self._told == 0, "a delta of nothing")

    def _take_delta(self, delta: LiveDelta) -> None:
        if self._seats is None:  # It came from a future that is now; a client would have its map.
            self._seats = self._ledger.latest_at.get(delta.from_version)
            self._demand(self._seats is not None, "a delta from a version that never was")
        assert self._seats is not None
        seats = bytearray(self._seats)
        for index, state in zip(delta.seat_indexes, delta.states, strict=True):
            seats[index] = state
        self._version, self._seats = delta.version, bytes(seats)
        self._count_free(delta.available, delta.sections)

    def _count_free(self, available: int, sections: tuple[SectionCount, ...]) -> None:
        self._sections |= {section.section_id: section.available for section in sections}
        self._available = available

    def _check_truth(self) -> None:
        """At every version the map is what the books were at that version."""
        seats = self._seats
        assert seats is not None
        self._demand(self._key in self._ledger.superseded_at, "a map that never was true")
        self._demand(self._available == seats.count(0), "another number of free seats")
        for section in self._ledger.sections:
            end = section.first_seat_index + section.capacity
            free = seats.count(0, section.first_seat_index, end)
            told = self._sections.get(section.section_id, free)
            self._demand(told == free, "another number of free seats in a section")

    @property
    def _key(self) -> tuple[int, bytes]:
        assert self._version is not None
        assert self._seats is not None
        return (self._version, self._seats)

    def _demand(self, holds: bool, broken: str) -> None:
        if holds:
            return
        raise DivergedError(
            f"{broken}: at {self._loop.time():.3f} s the subscriber has version {self._version},"
            f" the books {self._ledger.version}"
        )
