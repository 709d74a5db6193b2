"""Two buyers, a sweeper, a reconciler and webhooks, in any order: nothing is sold or paid wrongly.

MACHINE_EXAMPLES says how many plays, MACHINE_SEED which: the same seed plays the same.
"""

import pytest

from tests.machines.arrows import shown
from tests.machines.play import Play, examples_wished, seed_wished
from tests.machines.playing import explore


@pytest.mark.timeout(0)  # As long as wished.
def test_whatever_happens_the_books_agree_with_a_small_model(play: Play) -> None:
    examples, seed = examples_wished(), seed_wished()
    try:
        explore(play, examples, seed)
    except BaseException as fault:
        again = 'make test ARGS="tests/machines -k small_model"'
        fault.add_note(f"Repeat it: MACHINE_SEED={seed} MACHINE_EXAMPLES={examples} {again}")
        raise
    finally:
        print(play.report(), shown(play.taken), sep="\n")  # noqa: T201 - pytest shows it.
