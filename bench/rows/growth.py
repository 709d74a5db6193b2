"""What a reservation costs as the event grows: it must not matter."""

from bench.figures import Measured
from bench.load.http import HttpLoad
from bench.onsale_api import Event
from bench.row import Bound, Column, Goal, Medians, Plot, Row
from bench.selling import cancel_all, deal, reserve_all
from bench.stage import Stage

CONNECTIONS = 64
#: A small event has no more to sell at once; all events get the same.
RESERVATIONS_A_CYCLE = 400


async def measure(stage: Stage) -> Measured:
    """Sell a few hundred pairs of seats at events of each size, in turn."""
    measured: Measured = {}
    halls = [await stage.hall(seats) for seats in stage.plan.growth_seats]
    tokens = await stage.guests(RESERVATIONS_A_CYCLE)
    async with stage.http_load(stage.server.port, CONNECTIONS) as load:
        for hall in halls:
            await _cost(stage, load, hall, tokens, 1)
        for _ in range(stage.plan.rounds):
            for hall in halls:
                await stage.settle()
                found = await _cost(stage, load, hall, tokens, stage.plan.growth_cycles)
                stage.record(measured, f"onsale, {hall.seat_count} seats", found)
    return measured


async def _cost(
    stage: Stage, load: HttpLoad, hall: Event, tokens: list[str], cycles: int
) -> dict[str, float]:
    """Reserve and give back again and again; count what reserving cost."""
    server_cpu = postgres_cpu = 0.0
    for _ in range(cycles):
        wishes = list(zip(tokens, deal(hall.seats), strict=False))
        server_before, postgres_before = stage.server.cpu_seconds(), stage.postgres.cpu_seconds()
        made = await reserve_all(load, hall, wishes)
        server_cpu += stage.server.cpu_seconds() - server_before
        postgres_cpu += stage.postgres.cpu_seconds() - postgres_before
        await cancel_all(load, made)
    reservations = cycles * RESERVATIONS_A_CYCLE
    return {
        "server_cpu_us": server_cpu / reservations * 1e6,
        "postgres_cpu_us": postgres_cpu / reservations * 1e6,
        "cpu_us": (server_cpu + postgres_cpu) / reservations * 1e6,
    }


def _growth(medians: Medians) -> float:
    """Compare each size with the smallest, and give the largest deviation in percent."""
    costs = [medians[name]["cpu_us"] for name in sorted(medians, key=_size)]
    if len(costs) <= 1:
        raise KeyError("another size")
    smallest, *others = costs
    return max(abs(cost / smallest - 1) for cost in others) * 100


def _size(name: str) -> int:
    return int(name.split()[-2])


GROWTH = Row(
    name="growth",
    title="CPU of a reservation, by the seats of the event",
    columns=(
        Column("cpu_us", "CPU µs"),
        Column("server_cpu_us", "server CPU µs"),
        Column("postgres_cpu_us", "PostgreSQL CPU µs"),
    ),
    goals=(
        Goal(
            "away from the cost at the smallest event",
            Bound.AT_MOST,
            10,
            None,
            " %",
            _growth,
        ),
    ),
    measure=measure,
    note=(
        f"{CONNECTIONS} clients, {RESERVATIONS_A_CYCLE} reservations at a time, given back between;"
        " only reserving is counted."
    ),
    plots=(
        Plot(
            "growth",
            "CPU of a reservation, by the event's seats",
            (
                ("cpu_us", "all"),
                ("server_cpu_us", "server"),
                ("postgres_cpu_us", "PostgreSQL"),
            ),
            "seats",
            "µs",
        ),
    ),
)
