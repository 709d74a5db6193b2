"""The limits beside our figures: PostgreSQL alone, with nothing around it.

No HTTP, no GraphQL, no buyer, no board: clients that send one statement after the other, prepared,
safely committed.
"""

from typing import Self

from bench.figures import Round, figures_of
from bench.onsale_api import Event
from bench.pgbench import Pgbench
from bench.postgres import Postgres
from bench.processes import BenchError

DATABASE = "bench_pgbench_{clients}"
SAMPLING = 5

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

#: What onsale sends for a batch of one, but for ids that are not in the order of time. Seats are
#: dealt out by a walk that meets each of them once, for its stride is prime and no divisor of any
#: hall: nobody asks for what somebody else has.
STRIDE = 7_919
#: As onsale's own connections for it.
SETTINGS = "-c jit=off -c plan_cache_mode=force_generic_plan"
RESERVE = """\
\\set first (:n * {stride}) % {seats}
\\set second ((:n + 1) * {stride}) % {seats}
\\set n :n + 2
SELECT * FROM reserve_seats(
    '{event}', ARRAY[gen_random_uuid()], ARRAY[gen_random_uuid()],
    ARRAY[1, 1], ARRAY[:first::integer, :second::integer], '{{}}', '{{}}', '{{}}', '{{}}', '{{}}',
    false, 20, interval '5 minutes');
"""
EVENT = "SELECT id FROM events WHERE slug = $1"
OPEN = "SELECT id, buyer_id FROM reservations WHERE event_id = $1 AND status = 'OPEN'"
RELEASE = """
    SELECT count(*) FILTER (WHERE o_done) FROM release_seats(
        $1, $2, $3, array_fill(true, ARRAY[$4::integer]), array_fill(NULL::text, ARRAY[$4]),
        '{}', '{}')
"""


class PgbenchSeller:
    """Sells with one guarded UPDATE: no reservation row, no version and no change log."""

    def __init__(self, postgres: Postgres, seats: int, clients: int) -> None:
        self._postgres = postgres
        self._seats = seats
        self._database = DATABASE.format(clients=clients)
        self._pgbench = Pgbench(postgres, self._database, clients, SAMPLING)

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
        before, postgres_cpu = await self._takings(), self._postgres.cpu_seconds()
        outcome = await self._pgbench.run(TAKE.format(last_seat=self._seats - 1), seconds)
        postgres_cpu = self._postgres.cpu_seconds() - postgres_cpu
        good = (await self._takings() - before) // 2
        return _without_server(figures_of(outcome, good, 0.0, postgres_cpu))

    async def _takings(self) -> int:
        """Count the seats that were taken since the beginning."""
        async with self._postgres.connected(self._database) as connection:
            return int(await connection.fetchval("SELECT sum(takings) FROM seats"))


class StatementSeller:
    """Sells with onsale's own statement, one client, one reservation a statement."""

    def __init__(self, postgres: Postgres, hall: Event) -> None:
        """`hall` is used by nobody else meanwhile."""
        self._postgres = postgres
        self._hall = hall
        self._pgbench = Pgbench(postgres, None, clients=1, settings=SETTINGS)

    async def sell(self, seconds: float) -> Round:
        """Sell for so long; then give everything back, in one statement."""
        async with self._postgres.connected() as connection:
            event = await connection.fetchval(EVENT, self._hall.slug)
        script = RESERVE.format(stride=STRIDE, seats=self._hall.seat_count, event=event)
        postgres_cpu = self._postgres.cpu_seconds()
        outcome = await self._pgbench.run(script, seconds, n=0)
        postgres_cpu = self._postgres.cpu_seconds() - postgres_cpu
        async with self._postgres.connected() as connection:
            made = await connection.fetch(OPEN, event)
            ids, buyers = [row["id"] for row in made], [row["buyer_id"] for row in made]
            given_back = await connection.fetchval(RELEASE, event, ids, buyers, len(made))
        if given_back != len(made):
            raise BenchError(f"{len(made)} reservations were made, but {given_back} given back.")
        return _without_server(figures_of(outcome, len(made), 0.0, postgres_cpu))


def _without_server(found: Round) -> Round:
    del found["server_cpu_us"]
    return found
