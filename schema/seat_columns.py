"""The seats of an event by column, for answers with thousands of them.

An object for each of 20,000 seats takes longer to make than to write down. So what is asked is
taken from columns instead: most are kept from answer to answer, and states come from the board's
bytes. `compiled_documents.Columns` says what is made of that; whoever wants objects gets objects.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import cached_property
from itertools import compress
from typing import Any, overload

from schema.enums import SeatStatus
from schema.ids import encode_seat_ids
from schema.seat_facts import SeatFacts
from schema.seats import EventSeat, Seating

_STATUSES = tuple(SeatStatus)
#: For each status a table that marks it: bytes.translate and compress then pick seats.
_MARKS = tuple(bytes(state == status for state in range(256)) for status in SeatStatus)

_MAKERS: dict[str, Callable[[SeatFacts], Sequence[Any]]] = {
    "id": lambda facts: encode_seat_ids(facts.prices.event_id, range(facts.seat_count)),
    "index": lambda facts: range(facts.seat_count),
    "section": lambda facts: [*map(facts.sections.__getitem__, facts.geometry.section_positions)],
    "row": lambda facts: facts.geometry.rows,
    "number": lambda facts: facts.geometry.numbers,
    "x": lambda facts: _places(facts.geometry.xs),
    "y": lambda facts: _places(facts.geometry.ys),
    "accessible": lambda facts: [mark == 1 for mark in facts.geometry.accessible],
    "price_level": lambda facts: [*map(facts.price_levels.__getitem__, facts.prices.seat_levels)],
    "price": lambda facts: [
        *map([level.price for level in facts.price_levels].__getitem__, facts.prices.seat_levels)
    ],
}


def _places(places: Sequence[float]) -> list[float | None]:
    """Put None where there is no place: only NaN differs from itself."""
    return [None if place != place else place for place in places]  # noqa: PLR0124


class KeptColumns(dict[str, Sequence[Any]]):
    """All seats' attributes that never change, each made when it is first asked for."""

    def __init__(self, facts: SeatFacts) -> None:
        super().__init__()
        self._facts = facts

    def __missing__(self, attribute: str) -> Sequence[Any]:
        column = self[attribute] = _MAKERS[attribute](self._facts)
        return column


class SeatColumns(Sequence[EventSeat]):
    """Seats of an event by index, at the version that the operation has pinned.

    Either all of a range, or those of it that have one status.
    """

    def __init__(self, seating: Seating, seats: range, status: SeatStatus | None = None) -> None:
        self._seating = seating
        self._range = seats
        self._status = status
        states = seating.view.seat_states
        self._length = (
            len(seats) if status is None else states.count(status, seats.start, seats.stop)
        )

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, at: int) -> EventSeat: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[EventSeat]: ...
    def __getitem__(self, at: int | slice) -> EventSeat | Sequence[EventSeat]:
        if isinstance(at, slice):
            return self._seating.made(self._indexes[at])
        return self._seating.made([self._indexes[at]])[0]

    def __iter__(self) -> Iterator[EventSeat]:
        # In the order that EventSeat.each takes them.
        columns = [self._column(attribute) for attribute in EventSeat.BY_COLUMN]
        return EventSeat.each(self._seating.event, zip(*columns, strict=True))

    def column(self, attribute: str) -> Sequence[Any] | None:
        """Give an attribute of all these seats. Take slices of it: it may be made by the slice.

        None for `event`, which is all that can change without a change of any seat.
        """
        return self._column(attribute) if attribute in EventSeat.BY_COLUMN else None

    def blocks(self) -> Iterator[tuple[Hashable, int, int]]:
        """Divide the seats into blocks, each with what all that can be told of it follows from.

        So a block that is asked for again after changes elsewhere has an equal key.
        """
        states = self._seating.view.seat_states
        facts, status, position = self._seating.facts, self._status, 0
        for start, stop in facts.blocks_of(self._range):
            here = states[start:stop]
            count = stop - start if status is None else here.count(status)
            if count:
                yield (facts.number, start, status, here), position, position + count
                position += count

    def _column(self, attribute: str) -> Sequence[Any]:
        if attribute == "status":
            return _Picked(_STATUSES, self._states)
        column = self._kept[attribute]
        if self._status is not None:
            return _Picked(column, self._indexes)
        start, stop = self._range.start, self._range.stop
        return column if stop - start == len(column) else column[start:stop]

    @property
    def _kept(self) -> KeptColumns:
        columns, facts = self._seating.context.known_seats.columns, self._seating.facts
        event_id = facts.prices.event_id
        kept = columns.get(event_id)
        if kept is None:
            kept = columns.keep(event_id, KeptColumns(facts), facts.seat_count)
        return kept

    @cached_property
    def _indexes(self) -> Sequence[int]:
        if self._status is None:
            return self._range
        marks = self._seating.view.seat_states.translate(_MARKS[self._status])
        return [*compress(self._range, marks[self._range.start : self._range.stop])]

    @property
    def _states(self) -> bytes:
        if self._status is not None:
            return bytes([self._status]) * self._length
        return self._seating.view.seat_states[self._range.start : self._range.stop]


class _Picked(Sequence[Any]):
    """A column of which each part is put together when it is asked for."""

    __slots__ = ("_places", "_values")

    def __init__(self, values: Sequence[Any], places: Sequence[int]) -> None:
        self._values = values
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, at: int) -> Any: ...
    @overload
    def __getitem__(self, at: slice) -> list[Any]: ...
    def __getitem__(self, at: int | slice) -> Any:
        if isinstance(at, slice):
            return [*map(self._values.__getitem__, self._places[at])]
        return self._values[self._places[at]]

    def __iter__(self) -> Iterator[Any]:
        return map(self._values.__getitem__, self._places)
