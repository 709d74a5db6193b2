"""A run of many plays on one ground: what it counts, and how it is repeated."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import uvloop

from tests.machines.arrows import Step, documented
from tests.machines.ground import Ground, open_ground

Thing = TypeVar("Thing")

#: As many as a quiet machine of two cores plays in less than half a minute.
EXAMPLES = 80
SEED = 1


@dataclass(slots=True)
class Play:
    """Counts what happens."""

    ground: Ground
    loop: asyncio.AbstractEventLoop
    documented: set[Step] = field(default_factory=documented)
    taken: Counter[Step] = field(default_factory=Counter)
    examples: int = 0
    steps: int = 0
    began: float = field(default_factory=time.monotonic)

    def run(self, work: Coroutine[Any, Any, Thing]) -> Thing:
        """Run the loop until it is done."""
        return self.loop.run_until_complete(work)

    def break_with(self, source: str) -> None:
        """Replace a function of the box office, if there is one to replace."""
        if source:
            self.run(self.ground.connection.execute(source))

    def report(self) -> str:
        """Say how much was played."""
        took = time.monotonic() - self.began
        return (
            f"{self.examples:,} plays, {self.steps:,} steps in {took:.0f} s"
            f" ({self.steps / took:.0f} a second)"
        )


@contextmanager
def open_play(url: str) -> Iterator[Play]:
    """Play in an empty, migrated database. The machine is no coroutine, so it has its own loop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        ground = open_ground(url)
        play = Play(runner.run(ground.__aenter__()), runner.get_loop())
        try:
            yield play
        finally:
            runner.run(ground.__aexit__(None, None, None))


def examples_wished() -> int:
    """How many plays: MACHINE_EXAMPLES."""
    return int(os.environ.get("MACHINE_EXAMPLES", EXAMPLES))


def seed_wished() -> int:
    """Which: MACHINE_SEED. The same seed plays the same, so nothing fails by chance."""
    return int(os.environ.get("MACHINE_SEED", SEED))
