"""The CPU of compiled documents beside that of graphql-core, on the same resolvers in one run.

`python -m bench.plan_cpu`. The least of several rounds counts; no socket, no database.
"""

import asyncio
import time
from collections.abc import Callable
from itertools import count
from typing import Any, ClassVar

import orjson
from graphql import ExecutionResult
from rich.console import Console

from compiled_documents import Plan
from tests.plans.stage import Chair, Chairs, Colour, Row, Scene, plan, plans

ROUNDS, SEATS, BLOCK = 7, 20_000, 200
SEVEN = "__typename number height shade: colour row { name } again: number taller: height"
MAP = f"{{ chairs {{ {SEVEN} }} }}"
SMALL = {
    "one field": "{ hello }",
    "a mutation that waits": 'mutation { do(what: "a") }',
    "five fields with resolvers": "{ inner { a: soon b: hello c: hello d: hello e: hello } }",
}


def main() -> None:
    """Measure, and print what an operation costs with the encoding of its answer."""
    asyncio.run(measure(Console(highlight=False)))


class KeptChairs(Chairs):
    """Chairs whose columns are there already, as a seat map's are."""

    columns: ClassVar[dict[str, list[Any]]] = {}

    def column(self, attribute: str) -> list[Any] | None:
        """Give a column that was made once."""
        if attribute not in self.columns:
            self.columns[attribute] = [getattr(chair, attribute) for chair in self.chairs]
        return self.columns[attribute]


async def measure(console: Console) -> None:
    """Run small documents, and a map of seats as objects and by column."""
    for name, text in SMALL.items():
        compiled = await _least(plan(text), Scene, 1_000)
        core = await _least(plan(text, plans(enabled=False)), Scene, 300)
        console.print(f"{name:<30}{compiled:>11,.1f} µs; graphql-core {core:>11,.1f} µs")
    map_, versions = plan(MAP), count()
    objects = _chairs(0).chairs
    core = await _least(plan(MAP, plans(enabled=False)), lambda: _scene(objects), 1, rounds=2)
    for name, context in {
        "objects": lambda: _scene(objects),
        "columns, all changed": lambda: Scene(_chairs(next(versions), objects)),
        "columns, nothing changed": lambda: Scene(_chairs(0, objects)),
    }.items():
        least = await _least(map_, context, 1)
        console.print(
            f"{f'{SEATS:,} seats, {name}':<38}{least:>9,.0f} µs; graphql-core {core:,.0f} µs"
        )


async def _least(
    asked: Plan, context: Callable[[], Scene], times: int, rounds: int = ROUNDS
) -> float:
    """Give the microseconds of CPU that an operation took on average, in the best round."""
    taken = []
    for _ in range(rounds):
        scenes = [context() for _ in range(times)]
        began = time.process_time()
        for scene in scenes:
            result = asked.run(None, scene)
            if not isinstance(result, ExecutionResult):
                result = await result
            orjson.dumps({"data": result.data})
        taken.append((time.process_time() - began) / times)
    return min(taken) * 1e6


def _scene(chairs: list[Chair]) -> Scene:
    return Scene(chairs)  # type: ignore[arg-type]


def _chairs(version: int, chairs: list[Chair] | None = None) -> Chairs:
    rows = [Row(name=f"row {number}") for number in range(SEATS // BLOCK)]
    chairs = chairs or [
        Chair(number=number, height=number / 4, colour=Colour.BLUE, row=rows[number // BLOCK])
        for number in range(SEATS)
    ]
    return KeptChairs(chairs, versions=[version] * (SEATS // BLOCK), block=BLOCK)


if __name__ == "__main__":
    main()
