"""One run: start everything, measure in turns, so that a change of weather meets all alike."""

import resource
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from bench.machine import describe_machine, require_proc
from bench.peers.npm import versions
from bench.plan import FULL, Plan
from bench.processes import BenchError
from bench.report import Report
from bench.row import Row
from bench.stage import LIFTED, Say, Stage, open_stage


async def run(rows: Sequence[Row], plan: Plan, command: str, say: Say) -> Report:
    """Measure these rows. A row that cannot be measured is told of, and the others go on."""
    require_proc()
    _allow_many_sockets()
    began_at, began = datetime.now(UTC), time.monotonic()
    async with open_stage(plan, say) as stage:
        report = Report(
            began_at,
            command,
            0.0,
            plan is not FULL,
            describe_machine(stage.folder),
            await _conditions(stage),
        )
        for row in rows:
            say(f"== {row.title}")
            try:
                report.measured[row.name] = await row.measure(stage)
            except Exception as fault:  # noqa: BLE001 - minutes of other rows shall not be lost.
                said = str(fault) if isinstance(fault, BenchError) else repr(fault)
                report.faults[row.name] = said
                say(f"!! {row.name} could not be measured: {said}")
    report.seconds = time.monotonic() - began
    return report


def _allow_many_sockets() -> None:
    """Let the servers, which inherit it, have as many sockets as this machine lets anybody have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _conditions(stage: Stage) -> dict[str, object]:
    return {
        "programs": [*stage.programs, *versions()],
        "postgres": await stage.postgres.settings(),
        "rounds": stage.plan.rounds,
        "lifted": LIFTED,
    }
