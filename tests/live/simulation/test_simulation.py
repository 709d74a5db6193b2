"""Thousands of worlds, each from a seed: whatever goes wrong, no screen stays wrong unsaid.

LIVE_SEEDS says how many (2,000 if it does not), LIVE_FIRST_SEED where to begin; LIVE_SEED repeats
the one that failed.
"""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from tests.live.simulation.mutants import MUTANTS
from tests.live.simulation.subscriber import DivergedError
from tests.live.simulation.tally import Event, Fault, Tally
from tests.live.simulation.world import simulate

SEEDS = 2_000
#: With so many worlds each fault has occurred; with fewer it need not.
SEEDS_THAT_SHOW_ALL = 500
MUTANT_SEEDS_MAX = 500


@dataclass
class Run:
    """What happened in many worlds together."""

    worlds: int = 0
    seconds: float = 0.0
    tally: Tally = field(default_factory=Tally)

    def report(self, took: float) -> str:
        return (
            f"{self.worlds:,} worlds, {self.seconds / 3600:.1f} hours in {took:.0f} s"
            f" ({1000 * took / max(self.worlds, 1):.1f} ms each)\n"
            f"{self._count(Event)}\nfaults: {self._count(Fault)}"
        )

    def _count(self, kinds: Iterable[Event | Fault]) -> str:
        return ", ".join(f"{what.replace('_', ' ')} {self.tally[what]:,}" for what in kinds)


def play(seeds: Iterable[int]) -> Run:
    """Play all these worlds; the first that diverges says how to repeat it."""
    run = Run()
    for seed in seeds:
        try:
            played = simulate(seed)
        except Exception as fault:
            again = 'make test ARGS="tests/live/simulation -k no_map_diverges"'
            fault.add_note(f"Repeat it: LIVE_SEED={seed} {again}")
            raise
        run.worlds += 1
        run.seconds += played.seconds
        run.tally += played.tally
    return run


def seeds_wished() -> Iterable[int]:
    """Read from the environment which worlds to play."""
    if one := os.environ.get("LIVE_SEED"):
        return [int(one)]
    first = int(os.environ.get("LIVE_FIRST_SEED", "0"))
    return range(first, first + int(os.environ.get("LIVE_SEEDS", str(SEEDS))))


@pytest.mark.timeout(0)  # As long as wished.
def test_no_map_diverges_in_any_world(capsys: pytest.CaptureFixture[str]) -> None:
    began = time.perf_counter()

    run = play(seeds_wished())

    took = time.perf_counter() - began
    with capsys.disabled():
        print(f"\n{run.report(took)}")  # noqa: T201 - figures of the run, to be read.
    if run.worlds >= SEEDS_THAT_SHOW_ALL:
        never = [what for what in (*Fault, *Event) if not run.tally[what]]
        assert never == [], "a run proves nothing about what never occurred in it"


@pytest.mark.parametrize("mutant", MUTANTS)
def test_without_any_one_safeguard_some_map_diverges(mutant: str) -> None:
    with MUTANTS[mutant](), pytest.raises(DivergedError):
        play(range(MUTANT_SEEDS_MAX))


@pytest.mark.parametrize("seed", range(5))
def test_a_seed_decides_everything(seed: int) -> None:
    assert simulate(seed) == simulate(seed)
