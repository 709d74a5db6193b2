"""Two bits a seat, beside a bare Starlette route that answers the same bytes."""

from contextlib import AsyncExitStack

from bench import onsale_api
from bench.figures import Measured
from bench.http_client import ask_once
from bench.reading import Reader
from bench.row import LOAD_COLUMNS, Bound, Goal, Row
from bench.stage import Stage

CONNECTIONS = 16
BARE = "bare Starlette route"


async def measure(stage: Stage) -> Measured:
    """Read an arena's availability from onsale and the same bytes from a bare route, in turn."""
    arena = await onsale_api.find_arena(stage.server.port)
    request = onsale_api.availability_request(arena)
    answer = await ask_once(stage.server.port, request)
    measured: Measured = {}
    async with AsyncExitStack() as open_until_then:
        bare = open_until_then.enter_context(stage.bare("bare-availability", answer))
        readers = {
            name: Reader(
                server,
                request,
                answer,
                await open_until_then.enter_async_context(
                    stage.http_load(server.port, CONNECTIONS)
                ),
            )
            for name, server in (("onsale", stage.server), (BARE, bare))
        }
        for _ in range(stage.plan.rounds):
            for name, reader in readers.items():
                await stage.settle()
                stage.record(measured, name, await reader.read(stage.plan.reading_seconds))
    return measured


AVAILABILITY = Row(
    name="availability",
    title="availability { version available states } of 20,000 seats",
    columns=tuple(column for column in LOAD_COLUMNS if column.figure != "postgres_cpu_us"),
    goals=(
        Goal(
            "the CPU of the same bytes from a bare route",
            Bound.AT_MOST,
            1.5,
            1.1,
            " times",
            lambda medians: medians["onsale"]["server_cpu_us"] / medians[BARE]["server_cpu_us"],
        ),
    ),
    measure=measure,
)
