"""The database falls silent: nobody is told that it is over, and everybody is answered in time."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from box_office.database import Database
from onsale.payments.pretend.own import RECORD
from tests.faults.judging import NO_ANSWER, troubled, untrue
from tests.faults.machine import OwnPostgres
from tests.faults.report import report
from tests.faults.sales import Sales, doors_of, selling
from tests.given_time import eventually
from tests.halls import Hall
from tests.live.breakable import BreakableProxy
from tests.races.checkers import the_provider_remembers_the_same_payments
from tests.races.record import Action, Told
from tests.servers import ServerProcess

#: Longer than anybody may wait for an answer.
SILENT_SECONDS = 12.0
#: The promise is ten; this machine may be busy.
ANSWER_SECONDS_MAX = 10.5
BUYERS = 12
PAUSE_SECONDS = 0.1
#: Of each kind, before the silence and after it.
SOME = 3
SELLS_AGAIN_SECONDS_MAX = 10.0
SETTLED_SECONDS_MAX = 30.0
BETWEEN_TWO_STATES = """
    SELECT count(*) FROM payments
    WHERE state IN ('STARTED', 'ACTION_REQUIRED', 'AUTHORISED', 'VOIDING', 'REFUNDING')
"""
ALL_ACTIONS = (Action.RESERVE, Action.PURCHASE, Action.CANCEL, Action.CANCEL_ORDER)


async def test_everybody_is_answered_in_time_by_servers_whose_database_is_silent(
    hall: Hall,
    database: Database,
    servers: list[ServerProcess],
    servers_folder: Path,
    postgres: OwnPostgres,
) -> None:
    """Stopped with SIGSTOP, all its processes, and in the middle of what they do."""
    habits = {"pay and return": 4.0, "pay": 3.0, "cancel": 3.0}
    async with doors_of(servers, hall) as doors:
        sales = Sales(hall, doors, PAUSE_SECONDS, habits)
        async with selling(sales, BUYERS):
            await some_of_each(sales, since=0)
            asking = await ready_to_ask(sales)
            frozen_at = time.time()
            async with asyncio.TaskGroup() as group, silence(postgres):
                for ask in asking:
                    group.create_task(ask)
                await asyncio.sleep(SILENT_SECONDS)
            back_at = time.time()
            await some_of_each(sales, since=back_at)
            sold = time.time() - back_at

    report("PostgreSQL silent", sales.record, sold=sold)
    assert {told.action for told in troubled(sales.record, frozen_at)} == {*ALL_ACTIONS}
    assert late(sales.record.told) == []
    await everything_is_in_the_books(sales, database, servers_folder)


@asynccontextmanager
async def silence(postgres: OwnPostgres) -> AsyncIterator[None]:
    postgres.freeze()
    try:
        yield
    finally:
        postgres.thaw()


async def ready_to_ask(sales: Sales) -> list[Coroutine[Any, Any, object]]:
    """Find some who are about to pay, some to cancel, and some to return tickets."""
    dice = random.Random(7)
    asking: list[Coroutine[Any, Any, object]] = []
    for number in range(3 * len(sales.doors)):
        buyer = await sales.doors[0].new_buyer()
        assert buyer is not None
        held = await sales.hold(dice, buyer)
        if number % 3 == 0:
            asking.append(sales.pay(dice, buyer, held))
        elif number % 3 == 1:
            asking.append(sales.cancel(dice, buyer, held))
        else:
            sold = await sales.pay(dice, buyer, held)
            assert sold is not None
            asking.append(sales.give_back(dice, buyer, sold))
    return asking


async def some_of_each(sales: Sales, since: float) -> None:
    """Wait until some of everything that was asked since then was done."""
    await eventually(
        lambda: all(len(sales.done(action, since=since)) >= SOME for action in ALL_ACTIONS),
        SELLS_AGAIN_SECONDS_MAX,
    )


def late(told: list[Told]) -> list[Told]:
    """Who got no answer at all, or not in time."""
    return [
        one
        for one in told
        if one.answer.fault in NO_ANSWER or one.received_at - one.sent_at > ANSWER_SECONDS_MAX
    ]


async def everything_is_in_the_books(
    sales: Sales, database: Database, servers_folder: Path
) -> None:
    """Ask the books, those who were told something, and the payment provider."""

    async def settled() -> bool:
        async with database.pool.acquire() as connection:
            return not await connection.fetchval(BETWEEN_TWO_STATES)

    await eventually(settled, SETTLED_SECONDS_MAX)
    assert await untrue(database, sales.record) == {}
    record = servers_folder / RECORD
    assert await the_provider_remembers_the_same_payments(database, record) == []


@pytest.fixture
async def far(database_url: str) -> AsyncIterator[tuple[BreakableProxy, Database]]:
    """A way to the database that can fall silent, and connections that notice it soon."""
    url = make_url(database_url)
    assert url.host is not None
    assert url.port is not None
    proxy = BreakableProxy(url.host, url.port)
    await proxy.open()
    way = url.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
    database = await Database.connect(way, silence_seconds_max=0.5)
    yield proxy, database
    proxy.heal()
    await database.close()
    await proxy.close()


async def ask(database: Database) -> int:
    async with database.engine.connect() as connection:
        answer: int = (await connection.execute(sa.text("SELECT 7"))).scalar_one()
    return answer


async def test_who_asks_a_silent_database_is_not_kept_for_ever(
    far: tuple[BreakableProxy, Database],
) -> None:
    proxy, database = far
    await ask(database)

    proxy.freeze()
    async with asyncio.timeout(6):
        with pytest.raises(TimeoutError):
            await ask(database)
    proxy.heal()

    assert await ask(database) == 7


async def test_a_connection_that_falls_silent_is_cut_and_not_asked_to_roll_back(
    far: tuple[BreakableProxy, Database],
) -> None:
    proxy, database = far
    async with asyncio.timeout(6), database.engine.connect() as connection:
        await connection.execute(sa.text("SELECT 1"))

        proxy.freeze()
        with pytest.raises(TimeoutError):
            await connection.execute(sa.text("SELECT 2"))

        assert connection.invalidated
    proxy.heal()
    assert await ask(database) == 7
