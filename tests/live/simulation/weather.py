"""Which faults a world has, when, how badly and for whom: drawn from its seed before it begins."""

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import Self

from tests.live.simulation.tally import Fault

TROUBLES_MAX = 6
CALM_WORLDS = 0.1
CALM_SECONDS = 5.0
#: The promise: after any fault every screen is right within so many seconds.
RECOVERY_SECONDS_MAX = 5.0
#: News of before a restore do not outlive it: it takes longer than they may.
NEWS_DELAY_SECONDS_MAX = 2.0
RESTORE_SECONDS = (2.5, 5.0)
OTHER_SECONDS = (0.3, 9.0)
BEGIN_SECONDS = (0.0, 6.0)

RESTORES = (Fault.VERSION_BACK, Fault.VERSION_AHEAD)
OF_BOOKS = (Fault.BOOKS_AWAY, Fault.BOOKS_HANGING, Fault.BOOKS_SLOW, Fault.BOOKS_SICK, *RESTORES)
#: These happen to all servers at once.
OF_ALL = (*RESTORES, Fault.LOG_FORGOTTEN)
#: Drawn more often than others: they are what the live side meets every day.
EVERYDAY = (Fault.NEWS_LOST, Fault.NEWS_REPEATED, Fault.NEWS_REORDERED, Fault.BOOKS_AWAY)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One fault from a moment to another."""

    fault: Fault
    begins: float
    ends: float
    #: 0..1: how likely, or how much.
    strength: float
    #: The server it happens to; None: to all.
    server: int | None


class Weather:
    """All troubles of a world."""

    def __init__(self, troubles: Iterable[Trouble]) -> None:
        self.troubles = sorted(troubles, key=lambda trouble: trouble.begins)
        last_end = max((trouble.ends for trouble in self.troubles), default=CALM_SECONDS)
        self.no_commits = self._while_versions_are_ambiguous()
        #: From here on nothing goes wrong any more.
        self.clears_up_at = max(last_end, self.no_commits[1])

    @classmethod
    def drawn(cls, dice: Random, servers: int) -> Self:
        """Draw some troubles, or none."""
        count = 0 if dice.random() < CALM_WORLDS else dice.randint(1, TROUBLES_MAX)
        return cls(_draw(dice, servers) for _ in range(count))

    def strength(self, fault: Fault, server: int, now: float) -> float:
        """How badly this happens to that server now; 0.0: not at all."""
        return max(
            (
                trouble.strength
                for trouble in self.troubles
                if trouble.fault is fault
                and trouble.begins <= now < trouble.ends
                and trouble.server in {None, server}
            ),
            default=0.0,
        )

    def is_calm(self, now: float) -> bool:
        """Whether nothing has been wrong for as long as recovering may take."""
        return not any(
            trouble.begins <= now < trouble.ends + RECOVERY_SECONDS_MAX for trouble in self.troubles
        )

    def may_commit(self, now: float) -> bool:
        """Whether the database takes changes; see `_while_versions_are_ambiguous`."""
        return not self.no_commits[0] <= now < self.no_commits[1]

    def _while_versions_are_ambiguous(self) -> tuple[float, float]:
        """From a restore that gives versions away again until all servers have noticed it.

        A version is all that a board knows of a state. If the restored database reached the lost
        versions anew before anybody looked, nobody could tell: that is why a restore is to move
        the versions on (VERSION_AHEAD), and why without that the servers need a look first.
        """
        restored = [t.begins for t in self.troubles if t.fault is Fault.VERSION_BACK]
        if not restored:
            return (0.0, 0.0)
        books_heal_at = max(t.ends for t in self.troubles if t.fault in OF_BOOKS)
        return (min(restored), books_heal_at + RECOVERY_SECONDS_MAX)


def _draw(dice: Random, servers: int) -> Trouble:
    fault = dice.choice((*Fault, *EVERYDAY))
    begins = dice.uniform(*BEGIN_SECONDS)
    seconds = dice.uniform(*(RESTORE_SECONDS if fault in RESTORES else OTHER_SECONDS))
    for_all = fault in OF_ALL or dice.random() < 0.5
    return Trouble(
        fault=fault,
        begins=begins,
        ends=begins + seconds,
        strength=dice.choice((1.0, dice.uniform(0.1, 1.0))),
        server=None if for_all else dice.randrange(servers),
    )
