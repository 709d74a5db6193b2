"""What the machine has found in the box office, each in the fewest moves that show it.

The machine judges every answer and every state by itself: a play that ends well is the proof.
`test_mutants` breaks the box office in the same ways again, and these plays catch it.
"""

from tests.machines.known_plays import (
    an_old_key_is_used_while_a_new_one_pays,
    machine_of,
    money_comes_after_a_slow_no,
    what_is_left_of_a_declined_try_costs_nothing,
)
from tests.machines.play import Play


def test_money_that_comes_after_a_slow_no_is_given_back(play: Play) -> None:
    """It was DECLINED here, which nobody looks at again; it is VOIDED now."""
    with machine_of(play) as machine:
        money_comes_after_a_slow_no(machine)

        assert {payment.state for payment in machine.model.payments.values()} == {"VOIDED"}


def test_an_old_key_is_not_told_that_time_is_over_while_a_new_one_pays(play: Play) -> None:
    with machine_of(play) as machine:
        an_old_key_is_used_while_a_new_one_pays(machine)


def test_a_declined_try_is_told_of_though_what_is_left_costs_nothing(play: Play) -> None:
    with machine_of(play) as machine:
        what_is_left_of_a_declined_try_costs_nothing(machine)
