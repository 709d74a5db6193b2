"""How long a server takes from its command to its first answer."""

import asyncio

from bench.figures import Measured
from bench.row import Bound, Column, Goal, Row
from bench.stage import Stage, embedded_onsale

BESIDE, ALONE = "services running", "with its own PostgreSQL and Valkey, data there"


async def measure(stage: Stage) -> Measured:
    """Start servers again and again."""
    measured: Measured = {}
    folder = stage.folder / "alone"
    folder.mkdir()
    with embedded_onsale(folder, "first"):
        pass  # The first time it makes a database, and the demo.
    for _ in range(stage.plan.starts):
        await stage.settle()
        with stage.another_onsale("onsale-start") as server:
            used = server.cpu_seconds()
        stage.record(measured, BESIDE, {"seconds": server.start_seconds, "cpu_seconds": used})
        await asyncio.sleep(stage.plan.settle_seconds)
        with embedded_onsale(folder, "again") as server:
            used = server.cpu_seconds()
        stage.record(measured, ALONE, {"seconds": server.start_seconds, "cpu_seconds": used})
    return measured


STARTING = Row(
    name="starting",
    title="From the command to /readyz",
    columns=(
        Column("seconds", "seconds", ".2f"),
        Column("cpu_seconds", "CPU seconds of the server", ".2f"),
    ),
    goals=(
        Goal(
            "until a server is ready, services running",
            Bound.AT_MOST,
            2,
            1,
            " s",
            lambda medians: medians[BESIDE]["seconds"],
        ),
    ),
    measure=measure,
)
