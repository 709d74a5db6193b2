"""The live side with one of its safeguards taken out: each must be found out by the simulation."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from box_office.changes import SeatChanges
from subscriptions.board import SeatBoard
from subscriptions.boards import Boards
from subscriptions.catching_up import CatchingUp
from subscriptions.ring import MergedChanges, RecentChanges
from subscriptions.watch import EventWatch
from tests.live.simulation.limits import replaced


def apply_whatever_comes(self: SeatBoard, changes: SeatChanges) -> list[SeatChanges]:
    """Without the version check: older ones, repeated ones, early ones."""
    self._write(changes)
    return [changes]


async def fetch_no_gap(_self: CatchingUp, _watch: EventWatch) -> None:
    """Without the gap fetch: what was lost stays lost."""


def compare_nothing(
    self: Boards, watch: EventWatch, _heard: int, _version: int, asked_at: float
) -> None:
    """Without the look: the database answers, and is believed to have nothing new."""
    watch.known_at = asked_at
    self._mind_silence_of(watch)


def merge_what_there_is(
    self: RecentChanges, from_version: int, version: int, _seats_max: int | None = None
) -> MergedChanges:
    """Without asking whether the ring reaches back so far."""
    states: dict[int, int] = {}
    for _, changes in self._changes:
        if from_version < changes.version <= version:
            states.update(zip(changes.seat_indexes, changes.states, strict=True))
    return MergedChanges(tuple(states), bytes(states.values()))


def keep_everything(_self: RecentChanges) -> None:
    """Without forgetting the ring when the seats are read anew."""


def replace_by_newer_only(replace: Callable[..., None]) -> Callable[..., None]:
    """Without going back when the database did."""

    def replace_by_newer(self: EventWatch, row: Any, asked_at_version: int) -> None:
        if row.version > self.board.version:
            replace(self, row, asked_at_version)

    return replace_by_newer


def mind_no_silence(_self: Boards, _watch: EventWatch) -> None:
    """Without STALE."""


#: By name: what is put where.
MUTANTS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "version check removed": lambda: replaced(SeatBoard, "apply", apply_whatever_comes),
    "gap fetch removed": lambda: replaced(CatchingUp, "fill_gap", fetch_no_gap),
    "look removed": lambda: replaced(Boards, "_compare", compare_nothing),
    "ring answers beyond its reach": lambda: replaced(RecentChanges, "merged", merge_what_there_is),
    "ring kept when read anew": lambda: replaced(RecentChanges, "clear", keep_everything),
    "going back removed": lambda: replaced(
        EventWatch, "replace", replace_by_newer_only(EventWatch.replace)
    ),
    "STALE removed": lambda: replaced(Boards, "_mind_silence_of", mind_no_silence),
}
