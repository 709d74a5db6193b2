"""pgbench, PostgreSQL's own load program: clients that repeat one script."""

import asyncio
import os
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.load.http import Outcome
from bench.postgres import Postgres, pgbench_program
from bench.processes import BenchError

THREADS = 2
#: It connects all its clients in this time, too.
SECONDS_MIN = 2
LATENCY_COLUMN = 2


@dataclass(frozen=True, slots=True)
class Pgbench:
    """So many clients of a database, each with a connection and a prepared script."""

    postgres: Postgres
    #: None: the server's own.
    database: str | None
    clients: int
    #: Of so many transactions one is logged with its latency.
    sampling: int = 1
    #: What each connection asks of PostgreSQL, as its `PGOPTIONS`.
    settings: str = ""

    async def run(self, script: str, seconds: float, **variables: int) -> Outcome:
        """Repeat a script for so long; how many repetitions were good it does not know.

        Each client begins with these variables, and keeps what the script makes of them.
        """
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            file = folder / "script.sql"
            file.write_text(script)
            words = [f"--define={name}={value}" for name, value in variables.items()]
            requests, elapsed, own_share = await self._run(folder, [*words, "-f", file], seconds)
            latencies = sorted(_latencies(folder))
        return Outcome(requests, requests, elapsed, latencies, own_share, Path())

    async def _run(
        self, folder: Path, words: Sequence[str | Path], seconds: float
    ) -> tuple[int, float, float]:
        """Give the transactions, the seconds they took, and how busy pgbench's threads were."""
        threads = min(THREADS, self.clients)
        arguments = ["-n", "-M", "prepared", "-c", str(self.clients), "-j", str(threads)]
        arguments += ["-T", str(max(SECONDS_MIN, round(seconds))), *map(str, words)]
        arguments += ["-l", f"--sampling-rate={1 / self.sampling}"]
        arguments += [f"--log-prefix={folder / 'times'}"]
        began, own_cpu = time.perf_counter(), _children_cpu_seconds()
        process = await asyncio.create_subprocess_exec(
            str(pgbench_program()),
            *arguments,
            env=self.postgres.environment_of(self.database) | {"PGOPTIONS": self.settings},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, faults = await process.communicate()
        transactions = re.search(rb"actually processed: (\d+)", output)
        rate = re.search(rb"tps = ([\d.]+) \(without", output)
        if process.returncode or not (transactions and rate):
            said = (faults or output).decode(errors="replace").strip()
            raise BenchError(f"pgbench failed: {said}")
        requests = int(transactions.group(1))
        own_cpu = (_children_cpu_seconds() - own_cpu) / threads
        return requests, requests / float(rate.group(1)), own_cpu / (time.perf_counter() - began)


def _latencies(folder: Path) -> Iterator[float]:
    """Read the latencies of the logged transactions, in seconds."""
    for log in folder.glob("times.*"):
        for line in log.read_text().splitlines():
            yield int(line.split()[LATENCY_COLUMN]) / 1e6


def _children_cpu_seconds() -> float:
    """Tell what the programs used that we started and saw the end of."""
    times = os.times()
    return times.children_user + times.children_system
