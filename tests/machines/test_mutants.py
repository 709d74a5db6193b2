"""The machine can fail: a box office that is broken is caught, by known plays and by chance."""

import pytest

from tests.machines.known_plays import machine_of
from tests.machines.model import Broken
from tests.machines.mutants import MUTANTS, Mutant
from tests.machines.play import Play
from tests.machines.playing import explore

#: What Hypothesis draws for a seed depends on the modules that happen to be imported, too, as it
#: takes up their constants; and a run that has gone astray stays there. So there are many, short.
PLAYS_MAX = 60
SEEDS = range(1, 13)

MUTANT_BY_BREACH = {mutant.breach: mutant for mutant in MUTANTS}
#: Those that are met soon enough for every run.
MET_BY_CHANCE = (
    "a seat is given back, whoever has it by now",
    "a key that was used answers any question",
    "a webhook is believed",
    "the provider is not told of what was given up",
    "what may be on its way is given up at once",
    "what was declined is sold all the same",
)


@pytest.fixture
def broken(play: Play, mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> Play:
    """A ground whose box office is broken."""
    play.break_with(mutant.source())
    if mutant.patch is not None:
        mutant.patch(monkeypatch)
    return play


@pytest.mark.parametrize("mutant", [pytest.param(each, id=each.breach) for each in MUTANTS])
def test_a_broken_box_office_is_caught_by_a_play_that_is_known(
    broken: Play, mutant: Mutant
) -> None:
    with pytest.raises(Broken), machine_of(broken) as machine:
        mutant.caught_by(machine)


@pytest.mark.parametrize(
    "mutant", [pytest.param(MUTANT_BY_BREACH[each], id=each) for each in MET_BY_CHANCE]
)
def test_a_broken_box_office_is_caught_by_chance(broken: Play) -> None:
    with pytest.raises(Broken):
        explore_long(broken)


def explore_long(play: Play) -> None:
    for seed in SEEDS:
        explore(play, PLAYS_MAX, seed, shrinks=False)
