"""Reservations over GraphQL, beside PostgreSQL alone and beside what everybody would write."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from bench.baseline.asking import DATABASE, BaselineSeats
from bench.figures import Measured, Round
from bench.row import LOAD_COLUMNS, Bound, Goal, Medians, Plot, Row
from bench.selling import BaselineSeller, OnsaleSeller
from bench.sql_selling import PgbenchSeller, StatementSeller
from bench.stage import Stage

BASELINE = "Strawberry baseline"
BASELINE_SEATS = 20_000
#: What a batch of one asks PostgreSQL, without anything around it.
STATEMENT = "its statement alone, 1 clients"
#: The number of clients at which everybody is compared.
CLIENTS = 64
WARM_UP_SECONDS = 1.0
#: Adding a seat to the cart of pretix 2026.8, four gunicorn workers on both cores of a 2-core
#: machine: measured in November 2026, not in this run, for it is not installed for that.
PRETIX_RATE = 28.0

Sell = Callable[[float], Awaitable[Round]]


async def measure(stage: Stage) -> Measured:
    """Let onsale, pgbench and the baseline sell in turn, while somebody watches the map."""
    measured: Measured = {}
    hall = await stage.hall(stage.plan.hall_seats)
    async with AsyncExitStack() as open_until_then:
        sellers = await _sellers(stage, open_until_then)
        await open_until_then.enter_async_context(stage.watchers(stage.server, hall, 1))
        stage.say("Warming up")
        for sell in (sellers[f"onsale, {CLIENTS} clients"], sellers[_named(BASELINE, CLIENTS)]):
            await sell(WARM_UP_SECONDS)
        for _ in range(stage.plan.rounds):
            for name, sell in sellers.items():
                await stage.settle()
                stage.record(measured, name, await sell(stage.plan.reserving_seconds))
    return measured


async def _sellers(stage: Stage, open_until_then: AsyncExitStack) -> dict[str, Sell]:
    """Open everybody who sells, each with so many connections."""
    plan, postgres = stage.plan, stage.postgres
    hall = await stage.hall(plan.hall_seats)
    tokens = await stage.guests(min(plan.guests, plan.hall_seats // 2))
    sellers: dict[str, Sell] = {}
    for clients in plan.clients:
        load = await open_until_then.enter_async_context(
            stage.http_load(stage.server.port, clients)
        )
        onsale = OnsaleSeller(stage.server, postgres, hall, tokens, load)
        sellers[_named("onsale", clients)] = onsale.sell
    for clients in plan.pgbench_clients:
        pgbench = await PgbenchSeller.prepared(postgres, plan.hall_seats, clients)
        sellers[_named("pgbench", clients)] = pgbench.sell
    if plan.is_whole:
        sellers[STATEMENT] = StatementSeller(postgres, await stage.hall(plan.growth_seats[1])).sell
    await postgres.make_database(DATABASE)
    url = postgres.url_of(DATABASE).replace("postgresql://", "postgresql+asyncpg://", 1)
    server = open_until_then.enter_context(
        stage.uvicorn(
            "baseline",
            "bench.baseline.app:app",
            BASELINE_DATABASE_URL=url,
            BASELINE_SEATS=str(BASELINE_SEATS),
        )
    )
    load = await open_until_then.enter_async_context(stage.http_load(server.port, CLIENTS))
    seats = BaselineSeats(postgres, BASELINE_SEATS)
    sellers[_named(BASELINE, CLIENTS)] = BaselineSeller(server, postgres, seats, load).sell
    return sellers


def _named(name: str, clients: int) -> str:
    return f"{name}, {clients} clients"


def _times(name: str) -> Callable[[Medians], float]:
    """Compare the rates at the same number of clients."""
    return lambda medians: (
        medians[_named("onsale", CLIENTS)]["rate"] / medians[_named(name, CLIENTS)]["rate"]
    )


RESERVATIONS = Row(
    name="reservations",
    title="Reservations of 2 random seats of one event",
    columns=LOAD_COLUMNS,
    goals=(
        Goal(
            "the rate of pgbench, a guarded statement",
            Bound.AT_LEAST,
            1.0,
            1.5,
            " times",
            _times("pgbench"),
        ),
        Goal(
            "the rate of the Strawberry baseline",
            Bound.AT_LEAST,
            50,
            80,
            " times",
            _times(BASELINE),
        ),
        Goal(
            "the rate of pretix, adding to a cart",
            Bound.AT_LEAST,
            300,
            800,
            " times",
            lambda medians: medians[_named("onsale", CLIENTS)]["rate"] / PRETIX_RATE,
            is_quoted=True,
        ),
    ),
    measure=measure,
    note=(
        "Each reservation by another guest with a token that the server has given and, but for the"
        " first round, has seen before; limits on, and somebody watching the map. Its statement"
        " alone: what onsale asks PostgreSQL for one reservation, by one client of pgbench."
        f" pretix is quoted: {PRETIX_RATE:.0f} seats a second, measured elsewhere."
    ),
    plots=(
        Plot(
            "reservations",
            "Reservations a second, by clients",
            (("rate", ""),),
            "clients",
            "a second",
        ),
    ),
)
