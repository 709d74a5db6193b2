"""The diagrams of docs/architecture.md are drawn from life: every arrow is taken, and no other."""

import pytest

from tests.machines.known_plays import (
    PLAYS,
    a_card_is_declined_and_the_seats_are_given_back,
    machine_of,
)
from tests.machines.model import Broken
from tests.machines.play import Play


def test_every_documented_change_of_a_state_happens(play: Play) -> None:
    for known_play in PLAYS:
        with machine_of(play) as machine:
            known_play(machine)

    assert play.documented - play.taken.keys() == set()


def test_a_change_that_is_in_no_diagram_is_noticed(play: Play) -> None:
    play.documented.remove(("payments", "STARTED", "DECLINED"))

    with pytest.raises(Broken, match="in no diagram"), machine_of(play) as machine:
        a_card_is_declined_and_the_seats_are_given_back(machine)
