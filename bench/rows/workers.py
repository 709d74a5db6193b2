"""Two workers on one port, beside one: what an operation costs must not rise.

With as many clients for each worker as the one has: what is shared among more (a batch, a turn of
the event loop) is cheaper for each, however many workers there are. And with as many in all.
"""

import asyncio
from contextlib import AsyncExitStack, suppress

from bench.figures import Measured, Round
from bench.processes import BenchError, Server, core_of, cpu_seconds
from bench.row import LOAD_COLUMNS, Bound, Column, Goal, Medians, Row
from bench.selling import OnsaleSeller
from bench.stage import Stage

CLIENTS = 64
#: Workers, and their clients.
CROWDS = ((1, CLIENTS), (2, 2 * CLIENTS), (2, CLIENTS))
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
        servers = {
            workers: open_until_then.enter_context(
                stage.another_onsale(f"onsale-workers-{workers}", ONSALE_WORKERS=str(workers))
            )
            for workers in WORKERS
        }
        sellers: dict[tuple[int, int], OnsaleSeller] = {}
        for workers, clients in CROWDS:
            port = servers[workers].port
            load = await open_until_then.enter_async_context(stage.http_load(port, clients))
            seller = OnsaleSeller(servers[workers], stage.postgres, hall, tokens, load)
            sellers[workers, clients] = seller
            await seller.sell(stage.plan.settle_seconds)
        for _ in range(stage.plan.rounds):
            for (workers, clients), seller in sellers.items():
                await stage.settle()
                seconds = stage.plan.reserving_seconds
                found = await _round(servers[workers], seller, seconds, workers)
                stage.record(measured, _named(workers, clients), found)
    return measured


def _named(workers: int, clients: int) -> str:
    return f"onsale, {workers} workers, {clients} clients"


def _away(medians: Medians) -> float:
    """Compare two workers with one, as many clients for each, in percent."""
    one, two = (medians[_named(*crowd)]["server_cpu_us"] for crowd in CROWDS[:2])
    return abs(two / one - 1) * 100


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
            _away,
        ),
    ),
    measure=measure,
    note=(
        f"The goal is about {CLIENTS} clients for each worker. Server CPU is that of all its"
        " processes. Which core a process ran on is looked at fifty times a second, as a share of"
        " all that the server used."
    ),
)
