"""The limit beside our figures: PostgreSQL alone, with one guarded UPDATE a reservation.

No HTTP, no GraphQL, no buyer, no reservation row, no version and no change log: clients that take
two random seats or none, each in a statement of its own, prepared, safely committed.
"""

import asyncio
import os
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from bench.figures import Round, figures_of
from bench.load.http import Outcome
from bench.postgres import Postgres, pgbench_program
from bench.processes import BenchError

DATABASE = "bench_pgbench_{clients}"
THREADS = 2
#: It connects all its clients in this time, too.
SECONDS_MIN = 2
#: Of so many transactions one is logged with its latency.
SAMPLING = 5
LATENCY_COLUMN = 2

TABLE = """
    CREATE TABLE seats (
        event_id integer, seat_index integer, state smallint NOT NULL DEFAULT 0,
        reservation_id integer, held_until timestamptz, takings integer NOT NULL DEFAULT 0,
        PRIMARY KEY (event_id, seat_index)
    ) WITH (fillfactor = 70)
"""
SEATS = "INSERT INTO seats (event_id, seat_index) SELECT 1, n FROM generate_series(0, $1 - 1) n"

#: All or nothing. Held for 2 ms, so that nearly all succeed for as long as it runs.
TAKE = """\
\\set first random(0, {last_seat})
\\set second random(0, {last_seat})
WITH wanted AS MATERIALIZED (
    SELECT seat_index FROM seats
    WHERE event_id = 1 AND seat_index IN (:first, :second) AND (state = 0 OR held_until <= now())
    ORDER BY seat_index FOR UPDATE
)
UPDATE seats SET state = 1, reservation_id = :client_id, held_until = now() + interval '2 ms',
    takings = takings + 1
FROM wanted
WHERE seats.event_id = 1 AND seats.seat_index = wanted.seat_index
    AND (SELECT count(*) FROM wanted) = 2;
"""


class PgbenchSeller:
    """Sells with nothing but SQL."""

    def __init__(self, postgres: Postgres, seats: int, clients: int) -> None:
        self._postgres = postgres
        self._seats = seats
        self._clients = clients

    @classmethod
    async def prepared(cls, postgres: Postgres, seats: int, clients: int) -> Self:
        """Make its table in a database of its own."""
        database = DATABASE.format(clients=clients)
        await postgres.make_database(database)
        async with postgres.connected(database) as connection:
            await connection.execute(TABLE)
            await connection.execute(SEATS, seats)
            await connection.execute("VACUUM ANALYZE seats")
        return cls(postgres, seats, clients)

    async def sell(self, seconds: float) -> Round:
        """Sell for so long."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "take.sql").write_text(TAKE.format(last_seat=self._seats - 1))
            before = await self._takings()
            postgres_cpu = self._postgres.cpu_seconds()
            requests, elapsed, own_share = await self._run(folder, seconds)
            postgres_cpu = self._postgres.cpu_seconds() - postgres_cpu
            good = (await self._takings() - before) // 2
            latencies = sorted(_latencies(folder))
        outcome = Outcome(requests, good, elapsed, latencies, own_share, Path())
        found = figures_of(outcome, good, 0.0, postgres_cpu)
        del found["server_cpu_us"]  # There is no server.
        return found

    async def _run(self, folder: Path, seconds: float) -> tuple[int, float, float]:
        """Give the transactions, the seconds they took, and how busy pgbench's threads were."""
        arguments = [
            "-n",
            "-M",
            "prepared",
            "-c",
            str(self._clients),
            "-j",
            str(min(THREADS, self._clients)),
        ]
        arguments += ["-T", str(max(SECONDS_MIN, round(seconds))), "-f", str(folder / "take.sql")]
        arguments += ["-l", f"--sampling-rate={1 / SAMPLING}", f"--log-prefix={folder / 'times'}"]
        began, own_cpu = time.perf_counter(), _children_cpu_seconds()
        process = await asyncio.create_subprocess_exec(
            str(pgbench_program()),
            *arguments,
            env=self._postgres.environment_of(self._database),
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
        own_cpu = (_children_cpu_seconds() - own_cpu) / min(THREADS, self._clients)
        return requests, requests / float(rate.group(1)), own_cpu / (time.perf_counter() - began)

    @property
    def _database(self) -> str:
        return DATABASE.format(clients=self._clients)

    async def _takings(self) -> int:
        """Count the seats that were taken since the beginning."""
        async with self._postgres.connected(self._database) as connection:
            return int(await connection.fetchval("SELECT sum(takings) FROM seats"))


def _latencies(folder: Path) -> Iterator[float]:
    """Read the latencies of the logged transactions, in seconds."""
    for log in folder.glob("times.*"):
        for line in log.read_text().splitlines():
            yield int(line.split()[LATENCY_COLUMN]) / 1e6


def _children_cpu_seconds() -> float:
    """Tell what the programs used that we started and saw the end of."""
    times = os.times()
    return times.children_user + times.children_system
