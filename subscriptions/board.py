"""One event's seats in memory. Pure: no clock, no network, no waiting.

States are kept twice: a byte a seat, because `bytes.find` looks for a free one at the speed of C;
and two bits a seat, because viewers get them so, and a view of 20,000 seats is a copy of 5 kB.
"""

from bisect import bisect_right
from collections.abc import Iterable
from itertools import compress

from box_office.availability import BoardRow
from box_office.boards import BoardView, SectionCount
from box_office.changes import SeatChanges
from models import SeatStatus

#: Changes that wait for the one before them. What is beyond comes from the change log.
HELD_BACK_MAX = 256

_FREE = bytes([SeatStatus.AVAILABLE])
_IS_FREE = bytes(state == SeatStatus.AVAILABLE for state in range(256))
#: One byte a seat, moved to its place in the byte of four seats.
_SHIFTED = tuple(bytes((value & 3) << 2 * place for value in range(256)) for place in range(4))


class SeatBoard:
    """Every seat's state at one version, and the counts that viewers ask for."""

    def __init__(self, row: BoardRow) -> None:
        self.event_id = row.event_id
        self.version = row.version
        self.as_of = row.as_of
        self._states = bytearray(row.states)
        self._packed = pack(row.states)
        self._price_levels = row.price_levels
        self._levels_by_price = sorted(
            range(len(row.level_prices)), key=lambda level: (row.level_prices[level], level)
        )
        self._sections = sorted(row.sections, key=lambda section: section.first_seat_index)
        self._first_indexes = [section.first_seat_index for section in self._sections]
        self._totals = [row.states.count(status) for status in SeatStatus]
        self._free = [self._count_free(position) for position in range(len(self._sections))]
        self._section_counts = [self._count(position) for position in range(len(self._sections))]
        self._recount: set[int] = set()
        self._held_back: dict[int, SeatChanges] = {}
        self._next_look: dict[tuple[int, int], int] = {}
        self._view: BoardView | None = None

    @property
    def seat_count(self) -> int:
        """How many seats the event has."""
        return len(self._states)

    @property
    def heard_version(self) -> int:
        """The highest version known of. Above `version`, something in between has not arrived."""
        return max(self._held_back, default=self.version)

    def fits(self, changes: SeatChanges) -> bool:
        """Whether these can be changes of this event's seats at all."""
        indexes, states = changes.seat_indexes, changes.states
        return (
            changes.event_id == self.event_id
            and len(indexes) == len(states) > 0
            and min(indexes) >= 0
            and max(indexes) < len(self._states)
            and max(states) <= max(SeatStatus)
        )

    def apply(self, changes: SeatChanges) -> list[SeatChanges]:
        """Take in one version's changes; tell which were applied now, in order.

        What is older than the board is passed over. What comes too early is held back until the
        versions before it are here.
        """
        if changes.version <= self.version:
            return []
        if changes.version > self.version + 1:
            self._hold_back(changes)
            return []
        applied = [changes]
        self._write(changes)
        while following := self._held_back.pop(self.version + 1, None):
            self._write(following)
            applied.append(following)
        return applied

    def hand_over(self) -> list[SeatChanges]:
        """Give what is held back, in order, to the board that takes this one's place."""
        return [self._held_back[version] for version in sorted(self._held_back)]

    def view(self) -> BoardView:
        """Show the seats as they are now. The same object until something changes."""
        if self._view is None:
            self._view = self._make_view()
        return self._view

    def sections_of(self, view: BoardView, seat_indexes: Iterable[int]) -> tuple[SectionCount, ...]:
        """Pick from a view of this board the sections that hold any of these seats."""
        positions = {self._section_at(index) for index in seat_indexes} - {None}
        return tuple(count for at, count in enumerate(view.sections) if at in positions)

    def free_seats(self, first: int, last: int, most: int) -> list[int]:
        """Propose up to `most` free seats of first..last, beginning where the last proposal ended.

        The cursor goes round, so that two batches in flight seldom propose the same.
        """
        stop = min(last + 1, len(self._states))
        first = max(first, 0)
        begin = self._next_look.get((first, last), first)
        found = self._find_free(begin, stop, most)
        if len(found) < most:
            found += self._find_free(first, min(begin, stop), most - len(found))
        if found:
            self._next_look[first, last] = found[-1] + 1
        return found

    def _find_free(self, begin: int, stop: int, most: int) -> list[int]:
        found: list[int] = []
        at = self._states.find(_FREE, begin, stop)
        while at >= 0 and len(found) < most:
            found.append(at)
            at = self._states.find(_FREE, at + 1, stop)
        return found

    def _hold_back(self, changes: SeatChanges) -> None:
        self._held_back.setdefault(changes.version, changes)
        if len(self._held_back) > HELD_BACK_MAX:  # The latest is the one longest waited for.
            del self._held_back[max(self._held_back)]

    def _write(self, changes: SeatChanges) -> None:
        for index, state in zip(changes.seat_indexes, changes.states, strict=True):
            if (before := self._states[index]) != state:
                self._states[index] = state
                self._packed[index >> 2] ^= (before ^ state) << 2 * (index & 3)
                self._totals[before] -= 1
                self._totals[state] += 1
                self._move_free(index, before, state)
        self.version = changes.version
        self.as_of = changes.as_of
        self._view = None

    def _move_free(self, index: int, before: int, state: int) -> None:
        step = (state == SeatStatus.AVAILABLE) - (before == SeatStatus.AVAILABLE)
        position = self._section_at(index)
        if step and position is not None:
            self._free[position][self._price_levels[index]] += step
            self._recount.add(position)

    def _section_at(self, index: int) -> int | None:
        position = bisect_right(self._first_indexes, index) - 1
        if position < 0:
            return None
        section = self._sections[position]
        return position if index < section.first_seat_index + section.capacity else None

    def _count_free(self, position: int) -> list[int]:
        """Count a section's free seats by price level."""
        section = self._sections[position]
        seats = slice(section.first_seat_index, section.first_seat_index + section.capacity)
        free = bytes(compress(self._price_levels[seats], self._states[seats].translate(_IS_FREE)))
        return [free.count(level) for level in range(len(self._levels_by_price))]

    def _count(self, position: int) -> SectionCount:
        section, free = self._sections[position], self._free[position]
        return SectionCount(
            section_id=section.section_id,
            total=section.capacity,
            available=sum(free),
            cheapest_price_level=next((at for at in self._levels_by_price if free[at]), None),
        )

    def _make_view(self) -> BoardView:
        for position in self._recount:
            self._section_counts[position] = self._count(position)
        self._recount.clear()
        available, held, sold, blocked = self._totals
        return BoardView(
            event_id=self.event_id,
            version=self.version,
            as_of=self.as_of,
            seat_count=self.seat_count,
            states=bytes(self._packed),
            seat_states=bytes(self._states),
            available=available,
            held=held,
            sold=sold,
            blocked=blocked,
            sections=tuple(self._section_counts),
        )


def pack(states: bytes) -> bytearray:
    """Put four seats into each byte: seat i is bits 2*(i%4) of byte i//4."""
    size = (len(states) + 3) // 4
    packed = 0
    for place in range(4):
        seats = states[place::4].translate(_SHIFTED[place])
        packed |= int.from_bytes(seats, "little")
    return bytearray(packed.to_bytes(size, "little"))
