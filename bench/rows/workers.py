"""Two workers on one port, beside one: what an operation costs must not rise.

Each worker has as many clients as the one beside it: what is shared among more (a batch, a turn of
the event loop) is cheaper for each, however many workers there are.
"""

import asyncio
from contextlib import AsyncExitStack, suppress

from bench.figures import Measured, Round
from bench.processes import BenchError, Server, core_of, cpu_seconds
from bench.row import LOAD_COLUMNS, Bound, Column, Goal, Row
from bench.selling import OnsaleSeller
from bench.stage import Stage

CLIENTS_A_WORKER = 64
WORKERS = (1, 2)
LOOK_SECONDS = 0.02
#: Who uses less of the CPU does not serve, and waits for those who do.
SERVING_SHARE = 0.02


async def measure(stage: Stage) -> Measured:
    """Let servers with one and with two workers sell in turn."""
    measured: Measured = {}
    hall = await stage.hall(stage.plan.hall_seats)
    tokens = await stage.guests(min(stage.plan.guests, stage.plan.hall_seats // 2))
    async with AsyncExitStack() as open_until_then:
        sellers: dict[str, tuple[Server, OnsaleSeller]] = {}
        for workers in WORKERS:
            name = f"onsale, {workers} workers"
            server = open_until_then.enter_context(
                stage.another_onsale(f"onsale-workers-{workers}", ONSALE_WORKERS=str(workers))
            )
            load = await open_until_then.enter_async_context(
                stage.http_load(server.port, CLIENTS_A_WORKER * workers)
            )
            seller = OnsaleSeller(server, stage.postgres, hall, tokens, load)
            sellers[name] = server, seller
            await seller.sell(stage.plan.settle_seconds)
        for _ in range(stage.plan.rounds):
            for (name, (server, seller)), workers in zip(sellers.items(), WORKERS, strict=True):
                await stage.settle()
                found = await _round(server, seller, stage.plan.reserving_seconds, workers)
                stage.record(measured, name, found)
    return measured


async def _round(server: Server, seller: OnsaleSeller, seconds: float, workers: int) -> Round:
    """Sell, and look which process runs where."""
    used: dict[tuple[int, int], float] = {}
    looking = asyncio.create_task(_look(server, used))
    found = await seller.sell(seconds)
    looking.cancel()
    with suppress(asyncio.CancelledError):
        await looking
    return found | _shares(used, workers)


def _shares(used: dict[tuple[int, int], float], workers: int) -> Round:
    """Tell who used how much of each core. Raises BenchError when fewer served than should."""
    by_worker: dict[int, dict[int, float]] = {}
    for (pid, core), cpu in used.items():
        by_worker.setdefault(pid, {})[core] = cpu / sum(used.values())
    serving = [cores for cores in by_worker.values() if sum(cores.values()) >= SERVING_SHARE]
    if len(serving) < workers:
        raise BenchError(
            f"ONSALE_WORKERS={workers}, but of {len(by_worker)} processes {len(serving)} served:"
            " this onsale does not know the setting, or one worker took all connections."
        )
    serving.sort(key=lambda cores: -sum(cores.values()))
    return {
        f"worker_{n}_core_{core}_share": share
        for n, cores in enumerate(serving, 1)
        for core, share in sorted(cores.items())
    }


async def _look(server: Server, used: dict[tuple[int, int], float]) -> None:
    """Add up on which core each process has used how much."""
    before = server.cpu_seconds_by_process()
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        for pid, cpu in before.items():
            now = cpu_seconds(pid)
            core = core_of(pid)
            used[pid, core] = used.get((pid, core), 0.0) + max(now - cpu, 0.0)
            before[pid] = now


WORKERS_ROW = Row(
    name="workers",
    title="Reservations by workers on one port",
    columns=(
        *LOAD_COLUMNS,
        *(
            Column(f"worker_{worker}_core_{core}_share", f"worker {worker} on core {core}", ".0%")
            for worker in WORKERS
            for core in (0, 1)
        ),
    ),
    goals=(
        Goal(
            "away from the server's CPU per operation with one worker",
            Bound.AT_MOST,
            10,
            None,
            " %",
            lambda medians: (
                abs(
                    medians["onsale, 2 workers"]["server_cpu_us"]
                    / medians["onsale, 1 workers"]["server_cpu_us"]
                    - 1
                )
                * 100
            ),
        ),
    ),
    measure=measure,
    note=(
        f"{CLIENTS_A_WORKER} clients for each worker. Server CPU is that of all its processes."
        " Which core a process ran on is looked at fifty times a second, as a share of all that the server used."
    ),
)
