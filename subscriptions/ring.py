"""The changes of the last minutes, so that who was away shortly gets only what they missed."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from box_office.changes import SeatChanges

#: As long as the change log is kept: whoever was away longer gets a snapshot.
RECENT_SECONDS = 15 * 60
#: Bounds of memory. Beyond them a delta would hardly be smaller than a snapshot anyway.
RECENT_VERSIONS_MAX = 5_000
RECENT_SEATS_MAX = 50_000


@dataclass(frozen=True, slots=True)
class MergedChanges:
    """What the seats changed between two versions are at the second one."""

    seat_indexes: tuple[int, ...]
    states: bytes


NOTHING = MergedChanges((), b"")


class RecentChanges:
    """Consecutive versions, the latest last. The caller's clock says how old they are."""

    def __init__(self) -> None:
        self._changes: deque[tuple[float, SeatChanges]] = deque()
        self._seats = 0

    def __len__(self) -> int:
        return len(self._changes)

    @property
    def first_version(self) -> int | None:
        """The lowest version kept; None when there is none."""
        return self._changes[0][1].version if self._changes else None

    def add(self, changes: SeatChanges, now: float) -> None:
        """Keep the next version. After a jump nothing older is of use."""
        if self._changes and self._changes[-1][1].version + 1 != changes.version:
            self.clear()
        self._changes.append((now, changes))
        self._seats += len(changes.seat_indexes)
        self._forget(now)

    def reach_back(self, older: Iterable[SeatChanges], now: float) -> None:
        """Put the change log's rows of the versions just before the first one in front of it."""
        for changes in sorted(older, key=lambda change: change.version, reverse=True):
            if self._changes and changes.version != self._changes[0][1].version - 1:
                continue
            self._changes.appendleft((now, changes))
            self._seats += len(changes.seat_indexes)
        self._forget(now)

    def clear(self) -> None:
        """Forget everything."""
        self._changes.clear()
        self._seats = 0

    def merged(
        self, from_version: int, version: int, seats_max: int | None = None
    ) -> MergedChanges | None:
        """Merge all after `from_version` up to `version`.

        None when not all of it is here, or when more than `seats_max` seats changed.
        """
        if from_version == version:
            return NOTHING
        if not self.reaches(from_version, version):
            return None
        start = from_version + 1 - self._changes[0][1].version
        states: dict[int, int] = {}
        for _, changes in islice(self._changes, start, start + version - from_version):
            states.update(zip(changes.seat_indexes, changes.states, strict=True))
            if seats_max is not None and len(states) > seats_max:
                return None
        return MergedChanges(tuple(states), bytes(states.values()))

    def reaches(self, from_version: int, version: int) -> bool:
        """Whether every change after `from_version` up to `version` is here."""
        return bool(self._changes) and (
            self._changes[0][1].version - 1
            <= from_version
            < version
            <= self._changes[-1][1].version
        )

    def _forget(self, now: float) -> None:
        while self._changes and (
            len(self._changes) > RECENT_VERSIONS_MAX
            or self._seats > RECENT_SEATS_MAX
            or self._changes[0][0] < now - RECENT_SECONDS
        ):
            _, oldest = self._changes.popleft()
            self._seats -= len(oldest.seat_indexes)
