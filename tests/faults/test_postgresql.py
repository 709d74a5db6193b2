"""PostgreSQL dies in the middle of a sale: what was acknowledged stays, and the sale goes on."""

import asyncio
import time
from pathlib import Path

from box_office.database import Database
from onsale.payments.pretend.own import RECORD
from tests.faults.judging import troubled, unanswered, untrue
from tests.faults.machine import OwnPostgres
from tests.faults.report import report
from tests.faults.sales import Sales, doors_of, selling
from tests.faults.screens import STALE, Screen, all_show_the_truth, watching
from tests.given_time import eventually
from tests.halls import Hall
from tests.races.checkers import objections, the_provider_remembers_the_same_payments
from tests.races.record import Action
from tests.servers import ServerProcess

SOLD_MIN = 20
#: From the kill to the word on every screen that it may be behind.
STALE_SECONDS_MAX = 6.0
#: From PostgreSQL's return to the next sale, and to the truth on every screen.
SELLS_AGAIN_SECONDS_MAX = 5.0
TRUE_AGAIN_SECONDS_MAX = 5.0
#: From its return until nobody is told of a fault any more.
UNTROUBLED_SECONDS_MAX = 5.0
#: Who hears of no trouble for so long will hear of none.
CALM_SECONDS = 1.5
AT_REST_SECONDS_MAX = 30.0


async def test_whatever_was_acknowledged_survives_a_killed_postgresql(
    hall: Hall,
    database: Database,
    servers: list[ServerProcess],
    servers_folder: Path,
    postgres: OwnPostgres,
) -> None:
    """Killed with -9, all its processes with it, and away until every screen was told so."""
    recoveries = postgres.recoveries
    async with doors_of(servers, hall) as doors, watching(hall, *lines(servers)) as screens:
        sales = Sales(hall, doors)
        async with selling(sales):
            await under_way(sales)
            killed_at = time.time()
            await asyncio.to_thread(postgres.kill)
            stale = await told_stale(screens, killed_at)
            await asyncio.to_thread(postgres.start)
            back_at = time.time()
            sold = await sold_again(sales, back_at)
            calm = await calmed_down(sales, back_at)
        right = await all_show_the_truth(hall, screens, TRUE_AGAIN_SECONDS_MAX)

    report("PostgreSQL killed", sales.record, stale=stale, sold=sold, calm=calm, right=right)
    assert postgres.recoveries == recoveries + 1
    assert troubled(sales.record), "nobody noticed the fault"
    await nothing_is_lost(sales, database, servers_folder)


async def test_a_postgresql_that_stops_at_once_and_comes_back_is_hardly_noticed(
    hall: Hall,
    database: Database,
    servers: list[ServerProcess],
    servers_folder: Path,
    postgres: OwnPostgres,
) -> None:
    """Three times SIGQUIT, as `pg_ctl -m immediate` sends, and started again at once."""
    recoveries = postgres.recoveries
    async with doors_of(servers, hall) as doors, watching(hall, *lines(servers)) as screens:
        sales = Sales(hall, doors)
        async with selling(sales):
            for _ in range(3):
                await under_way(sales)
                await asyncio.to_thread(postgres.quit_at_once)
                await asyncio.to_thread(postgres.start)
                back_at = time.time()
                sold = await sold_again(sales, back_at)
            calm = await calmed_down(sales, back_at)
        right = await all_show_the_truth(hall, screens, TRUE_AGAIN_SECONDS_MAX)

    report("PostgreSQL quit", sales.record, sold=sold, calm=calm, right=right)
    assert postgres.recoveries == recoveries + 3
    assert troubled(sales.record), "nobody noticed the fault"
    await nothing_is_lost(sales, database, servers_folder)


def lines(servers: list[ServerProcess]) -> list[list[ServerProcess]]:
    """Two screens at each server."""
    return [[server] for server in servers] * 2


async def under_way(sales: Sales) -> None:
    """Wait for some more sales, so that there is something to lose."""
    sold = len(sales.done(Action.PURCHASE))
    await eventually(lambda: len(sales.done(Action.PURCHASE)) >= sold + SOLD_MIN, 30)


async def told_stale(screens: list[Screen], since: float) -> float:
    """Wait until every screen was told; gives how long the last one had to wait for it."""
    await eventually(
        lambda: all(screen.first(STALE, since) for screen in screens), STALE_SECONDS_MAX
    )
    return max(screen.first(STALE, since) or 0 for screen in screens) - since


async def sold_again(sales: Sales, since: float) -> float:
    """Wait for a sale that was asked for since then; gives when it was acknowledged."""
    await eventually(
        lambda: bool(sales.done(Action.PURCHASE, since=since)), SELLS_AGAIN_SECONDS_MAX
    )
    return sales.done(Action.PURCHASE, since=since)[0].received_at - since


async def calmed_down(sales: Sales, since: float) -> float:
    """Wait until nobody hears of trouble any more; gives when the last of them asked."""

    def last() -> float:
        return max([since, *(told.sent_at for told in troubled(sales.record, since))])

    await eventually(
        lambda: time.time() - last() > CALM_SECONDS, UNTROUBLED_SECONDS_MAX + CALM_SECONDS
    )
    return last() - since


async def nothing_is_lost(sales: Sales, database: Database, servers_folder: Path) -> None:
    """Ask everybody: those who bought, the books, and the payment provider."""
    assert unanswered(sales.record) == []
    assert await untrue(database, sales.record) == {}

    async def at_rest() -> bool:
        return await objections(database) == {}

    await eventually(at_rest, AT_REST_SECONDS_MAX)
    record = servers_folder / RECORD
    assert await the_provider_remembers_the_same_payments(database, record) == []
