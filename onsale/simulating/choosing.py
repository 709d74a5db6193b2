"""How buyers choose: the best seats together, these very seats, or a place on the floor."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Any

from onsale.simulating.event import AVAILABLE, Event

#: So many of the best places are what everybody looks at: here they meet.
BEST_MAX = 12
STANDING_SHARE = 0.4
BEST_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class Wish:
    """What to ask for."""

    seats: tuple[int, ...] = ()
    #: By section: how many more places.
    standing: tuple[tuple[str, int], ...] = ()

    def arguments(self, event: Event, held: tuple[int, ...]) -> dict[str, Any]:
        """Say it as `reserveSeats` takes it: of standing places, the reservation's total."""
        totals = [
            {
                "sectionId": section.id,
                "quantity": more + sum(seat in section.seats for seat in held),
            }
            for section in event.standing
            for section_id, more in self.standing
            if section.id == section_id
        ]
        return {
            "eventId": event.id,
            "seatIndexes": list(self.seats),
            "generalAdmission": totals,
        }


def choose(event: Event, states: bytes, count: int, dice: Random) -> Wish | None:
    """Choose so many places among the free ones; None: there are none left."""
    wishes = [_numbered, _standing]
    if dice.random() < STANDING_SHARE:
        wishes.reverse()
    for wish in wishes:
        if found := wish(event, states, count, dice):
            return found
    return choose(event, states, count - 1, dice) if count > 1 else None


def _numbered(event: Event, states: bytes, count: int, dice: Random) -> Wish | None:
    if dice.random() < BEST_SHARE and (
        best := list(islice(_blocks(event, states, count), BEST_MAX))
    ):
        return Wish(tuple(dice.choice(best)))
    for row in dice.sample(event.rows, len(event.rows)):
        free = [seat for seat in row if states[seat] == AVAILABLE]
        if len(free) >= count:
            return Wish(tuple(dice.sample(free, count)))
    return None


def _blocks(event: Event, states: bytes, count: int) -> Iterator[range]:
    """Find free seats side by side, from the front: one block of each row."""
    wanted = bytes([AVAILABLE]) * count
    for row in event.rows:
        found = states.find(wanted, row.start, row.stop)
        if found >= 0:
            yield range(found, found + count)


def _standing(event: Event, states: bytes, count: int, dice: Random) -> Wish | None:
    for section in dice.sample(event.standing, len(event.standing)):
        if states.count(AVAILABLE, section.seats.start, section.seats.stop) >= count:
            return Wish(standing=((section.id, count),))
    return None
