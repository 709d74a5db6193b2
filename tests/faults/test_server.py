"""A server is killed before two hundred screens: they go on at the other one."""

import asyncio
import time

import httpx
import pytest

from box_office.database import Database
from tests.faults.judging import troubled, untrue
from tests.faults.report import report
from tests.faults.sales import Sales, doors_of, selling
from tests.faults.screens import SNAPSHOT, Screen, all_show_the_truth, watching
from tests.given_time import eventually
from tests.halls import Hall
from tests.races.record import Action
from tests.servers import ServerProcess

SCREENS = 200
BUYERS = 4
#: Two hundred maps in one process of ours: changes come at a walking pace.
PAUSE_SECONDS = 0.3
#: From the kill to the last snapshot, and from the last sale to the truth everywhere.
SNAPSHOT_SECONDS_MAX = 5.0
RIGHT_SECONDS_MAX = 5.0


async def test_two_hundred_screens_of_a_killed_server_go_on_at_the_other_one(
    hall: Hall, database: Database, servers: list[ServerProcess]
) -> None:
    doomed = servers[0]
    async with doors_of(servers, hall) as doors:
        sales = Sales(hall, doors, PAUSE_SECONDS)
        async with watching(hall, *[servers] * SCREENS, forget=True) as screens:
            async with selling(sales, BUYERS):
                await eventually(lambda: len(sales.done(Action.PURCHASE)) >= 5, 30)
                killed_at = time.time()
                await asyncio.to_thread(doomed.kill)
                snapshot = await all_get_a_snapshot(screens, killed_at)
                with pytest.raises(httpx.ConnectError):
                    await asyncio.to_thread(httpx.get, doomed.url)
                sales.doors = doors[1:]
                await eventually(lambda: bool(sales.done(Action.PURCHASE, since=killed_at)), 10)
            right = await all_show_the_truth(hall, screens, RIGHT_SECONDS_MAX)
    await asyncio.to_thread(doomed.start)

    report("A server killed", sales.record, snapshot=snapshot, right=right)
    assert {told.answer.fault for told in troubled(sales.record)} <= BROKEN_OFF
    assert await untrue(database, sales.record) == {}


#: What a client sees of a server that is gone.
BROKEN_OFF = {"ConnectError", "ReadError", "RemoteProtocolError", "WriteError"}


async def all_get_a_snapshot(screens: list[Screen], since: float) -> float:
    """Wait for it; gives when the last one came."""
    await eventually(
        lambda: all(screen.first(SNAPSHOT, since) for screen in screens), SNAPSHOT_SECONDS_MAX
    )
    return max(screen.first(SNAPSHOT, since) or 0 for screen in screens) - since
