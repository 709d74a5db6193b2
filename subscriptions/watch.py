"""One watched event: its board, its recent changes, and what was told at the last tick."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from box_office.availability import BoardRow
from box_office.boards import BoardView
from box_office.changes import SeatChanges
from box_office.live import LiveDelta, LiveSnapshot, LiveStale
from subscriptions.board import SeatBoard
from subscriptions.pace import Pace
from subscriptions.ring import RecentChanges

#: Deltas kept for one tick. All who were told at the tick before share the first of them.
DELTAS_MAX = 256
#: A delta of more changed seats is larger than all seats at two bits each: those are told instead.
DELTA_SEATS_MIN, DELTA_SEATS_SHARE = 32, 100


class EventWatch:
    """Takes changes in at once, tells followers of them at ticks.

    Nobody has a queue. A follower knows the version it was told (`subscriptions.follower`) and
    asks for what came after it. Those who ask from the same version at the same tick get the very
    same message object; whoever encodes messages can cache the bytes by its identity.
    """

    def __init__(self, row: BoardRow, pace: Pace, known_at: float = 0.0) -> None:
        #: The board has all that the database had at this moment, by the clock of who compares.
        self.known_at = known_at
        self.board = SeatBoard(row)
        self.recent = RecentChanges()
        #: Counts how often what is told went back: a version means nothing in another generation.
        self.generation = 0
        self._board_generation = 0
        self.followers = 0
        self.stale_since: datetime | None = None
        self.closed = False
        #: Set when there may be something to tell; each time it is a new one.
        self.moved = asyncio.Event()
        #: Held while the database is asked about this event: who misses the same asks once.
        self.asking = asyncio.Lock()
        #: When the question began whose answer the board reflects, by the loop's clock.
        self.asked_at = 0.0
        #: From before this version no delta can be had: nobody need ask the change log again.
        self.log_begins = 0
        self._loop = asyncio.get_running_loop()
        self.last_used = self._loop.time()
        self._pace = pace
        self._seen_version = row.version
        self._compared: tuple[int, float] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._last_tick = 0.0
        self._told = self.board.view()
        self._snapshot: LiveSnapshot | None = None
        self._deltas: dict[int, LiveDelta] = {}
        self._stales: dict[int, LiveStale] = {}
        #: From before this version too many seats have changed by now.
        self._deltas_begin = 0
        self._listeners: list[Callable[[], None]] = []

    @property
    def event_id(self) -> UUID:
        """Whose seats these are."""
        return self.board.event_id

    @property
    def told(self) -> BoardView:
        """The seats as of the last tick."""
        return self._told

    @property
    def heard_version(self) -> int:
        """The highest version known to exist, here or not."""
        return max(self._seen_version, self.board.heard_version)

    @property
    def is_behind(self) -> bool:
        """Whether a version is known to exist that has not arrived."""
        return self.heard_version > self.board.version

    def use(self) -> None:
        """Note that somebody looked."""
        self.last_used = self._loop.time()

    def idle_seconds(self) -> float:
        """How long nobody has looked; 0 while somebody follows."""
        return 0.0 if self.followers else self._loop.time() - self.last_used

    def hear_of(self, version: int) -> None:
        """Note that the database has this version."""
        self._seen_version = max(self._seen_version, version)

    def compare(self, version: int, at: float) -> None:
        """Note that the database had this version at that moment (see `known_at`)."""
        self.hear_of(version)
        if self._compared is None:
            self._compared = (version, at)
        self.note_known()

    def note_known(self) -> None:
        """See whether the board has reached what it was compared with."""
        if self._compared is not None and self.board.version >= self._compared[0]:
            self.known_at = self._compared[1]
            self._compared = None

    def take(self, changes: SeatChanges) -> None:
        """Take in a change, from wherever; followers are told at the next tick."""
        if not self.board.fits(changes):
            raise ValueError(f"version {changes.version} is no change of this event's seats")
        applied = self.board.apply(changes)
        for change in applied:
            self.recent.add(change, self._loop.time())
        if applied:
            self._plan_tick()

    def remember(self, older: list[SeatChanges]) -> None:
        """Keep changes from before the oldest one kept; what comes after is here or will come."""
        first = self.recent.first_version or self.board.version + 1
        before = [changes for changes in older if changes.version < first]
        self.recent.reach_back(before, self._loop.time())
        self._deltas_begin = 0

    def replace(self, row: BoardRow, asked_at_version: int) -> None:
        """Begin anew from a row that was read after `asked_at_version` had been heard of.

        A row below that version means that the database was restored: followers get a snapshot,
        and what was heard from before the restore is forgotten. Another row at or below the present
        version brings nothing: news overtook the reading.
        """
        went_back = row.version < asked_at_version
        if not went_back and row.version <= self.board.version:
            return
        held_back = [] if went_back else self.board.hand_over()
        self.board = SeatBoard(row)
        self.recent.clear()
        self._seen_version = row.version
        self._compared = None
        self.log_begins = 0
        self._board_generation += went_back
        for changes in held_back:
            self.take(changes)
        self._plan_tick()

    def tick(self) -> None:
        """Let followers know of all since the last tick; not while the database is silent."""
        if self._timer is not None:
            self._timer.cancel()  # Whoever else asks for a tick must not leave two of them.
            self._timer = None
        if self.stale_since is None:
            self._tell()

    def _tell(self) -> None:
        if self.board.view() is self._told:
            return
        self._told = self.board.view()
        self.generation = self._board_generation
        self._snapshot = None
        self._deltas.clear()
        self._deltas_begin = 0
        self._last_tick = self._loop.time()
        self._wake()

    def snapshot(self) -> LiveSnapshot:
        """All seats as of the last tick; one object for all who ask."""
        if self._snapshot is None:
            self._snapshot = LiveSnapshot(self._told)
        return self._snapshot

    def reaches(self, from_version: int) -> bool:
        """Whether all that came after `from_version` is in memory, however much it is."""
        told = self._told.version
        return from_version == told or self.recent.reaches(from_version, told)

    def delta(self, from_version: int) -> LiveDelta | None:
        """Merge what came after `from_version`, one object for all.

        None: it was too long ago, or so much has changed since that a snapshot says it in less.
        """
        if (known := self._deltas.get(from_version)) is not None:
            return known
        if not self._deltas_begin <= from_version <= self._told.version:
            return None
        seats_max = max(DELTA_SEATS_MIN, self.board.seat_count // DELTA_SEATS_SHARE)
        merged = self.recent.merged(from_version, self._told.version, seats_max)
        if merged is None:  # Nor would one do that begins even earlier.
            self._deltas_begin = from_version + 1
            return None
        delta = LiveDelta(
            event_id=self.event_id,
            from_version=from_version,
            version=self._told.version,
            as_of=self._told.as_of,
            available=self._told.available,
            seat_indexes=merged.seat_indexes,
            states=merged.states,
            sections=self.board.sections_of(self._told, merged.seat_indexes),
        )
        if len(self._deltas) < DELTAS_MAX:
            self._deltas[from_version] = delta
        return delta

    def stale(self, version: int) -> LiveStale:
        """Say that nobody knows more than `version`; one object for all who were told that."""
        assert self.stale_since is not None, "only a stale time is told of"
        if (known := self._stales.get(version)) is not None:
            return known
        stale = LiveStale(self.stale_since, version)
        if len(self._stales) < DELTAS_MAX:
            self._stales[version] = stale
        return stale

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever there may be something to tell. It must not raise."""
        self._listeners.append(listener)

    def unlisten(self, listener: Callable[[], None]) -> None:
        """Call it no more."""
        self._listeners.remove(listener)

    @contextmanager
    def followed(self) -> Iterator[None]:
        """While somebody follows there are ticks, and the event stays watched.

        Without followers nothing was told, perhaps for long: the first begins with what is known,
        even while the database is silent.
        """
        self.followers += 1
        if self.followers == 1:
            self._tell()
        try:
            yield
        finally:
            self.followers -= 1
            self.use()

    def go_stale(self, since: datetime) -> None:
        """Say, once, that nobody knows whether the map is right since then."""
        self.stale_since = since
        self._stales.clear()
        self._wake()

    def end_stale(self) -> None:
        """Tell what came meanwhile, or that nothing did."""
        self.stale_since = None
        self._stales.clear()
        self.tick()
        self._wake()

    async def reach(self, version: int) -> None:
        """Wait for the tick that tells a version which the board has, while somebody follows."""
        while self.told.version < version <= self.board.version and not self._is_mute:
            await self.moved.wait()

    @property
    def _is_mute(self) -> bool:
        return self.closed or self.stale_since is not None

    def close(self) -> None:
        """Send the followers away."""
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._wake()

    def _plan_tick(self) -> None:
        if self.followers and self._timer is None and not self.closed:
            when = max(self._loop.time(), self._last_tick + self._pace.tick)
            self._timer = self._loop.call_at(when, self.tick)

    def _wake(self) -> None:
        self.moved.set()
        self.moved = asyncio.Event()
        for listener in tuple(self._listeners):
            listener()
