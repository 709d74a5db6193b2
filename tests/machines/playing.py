"""How the machine is set going: by a seed, for so many plays."""

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.machines.machine import BoxOfficeMachine
from tests.machines.play import Play

#: Of one play; enough for a payment to be begun, left, taken up, and its order to be cancelled.
STEPS = 40


def explore(play: Play, examples: int, wished: int, *, shrinks: bool = True) -> None:
    """Play until something is wrong, and then look for the shortest way to it."""

    @seed(wished)
    class Machine(BoxOfficeMachine):
        def __init__(self) -> None:
            super().__init__(play)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,  # A busy machine breaks no promise.
            database=None,  # The seed repeats it.
            suppress_health_check=list(HealthCheck),  # A database is slow, and each play is long.
            phases=(Phase.generate, Phase.shrink) if shrinks else (Phase.generate,),
        ),
    )
