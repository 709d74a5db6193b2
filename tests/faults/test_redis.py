"""Redis is killed, frozen or emptied: no sale notices; other servers' screens are a second late."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis

from box_office.database import Database
from tests.faults.judging import troubled, unanswered, untrue
from tests.faults.machine import OwnValkey
from tests.faults.report import report
from tests.faults.sales import Sales, doors_of, percentile, selling
from tests.faults.screens import Screen, all_show_the_truth, timing, watching
from tests.given_time import eventually
from tests.halls import Hall
from tests.races.record import Action
from tests.servers import ServerProcess

#: How long it is away: half a minute and more with FAULT_SECONDS=30.
AWAY_SECONDS = float(os.environ.get("FAULT_SECONDS") or 4)
BUYERS = 4
#: Each buyer takes a breath, so that a second's delay is a fault's and not a queue's.
PAUSE_SECONDS = 0.1
#: Of all that reserve while it is away.
RESERVE_SECONDS_P99_MAX = 1.0
#: What another server has sold, while no news comes.
LATE_SECONDS_MAX = 2.0
#: Once it is back: to the truth on every screen, and until news is heard again.
RIGHT_AGAIN_SECONDS_MAX = 3.0
PROMPT_AGAIN_SECONDS_MAX = 8.0
PROMPT_SECONDS = 0.5
PROMPT_IN_A_ROW = 8

Fault = Callable[[OwnValkey], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def killed(valkey: OwnValkey) -> AsyncIterator[None]:
    await asyncio.to_thread(valkey.kill)
    yield
    await asyncio.to_thread(valkey.start)


@asynccontextmanager
async def frozen(valkey: OwnValkey) -> AsyncIterator[None]:
    valkey.freeze()
    try:
        with pytest.raises(TimeoutError):
            await answer_of(valkey)
        yield
    finally:
        valkey.thaw()


@asynccontextmanager
async def emptied(valkey: OwnValkey) -> AsyncIterator[None]:
    """Flushed, its scripts too, and every line to it cut: ten times a second."""
    cut, over = 0, asyncio.Event()

    async def keep_emptying() -> None:
        nonlocal cut
        redis: Any = Redis.from_url(valkey.url)
        async with redis:
            while not over.is_set():
                await redis.flushall()
                await redis.script_flush()
                for kind in ("pubsub", "normal"):
                    cut += await redis.execute_command("CLIENT", "KILL", "TYPE", kind)
                await asyncio.sleep(0.1)

    async with asyncio.TaskGroup() as group:
        group.create_task(keep_emptying())
        yield
        over.set()
    assert cut > 1, "nobody had a line to be cut"


async def answer_of(valkey: OwnValkey) -> None:
    async with asyncio.timeout(0.3), Redis.from_url(valkey.url) as redis:
        await redis.ping()


@pytest.mark.parametrize("fault", [killed, frozen, emptied])
async def test_no_sale_notices_what_becomes_of_redis_and_screens_are_a_second_late(
    hall: Hall,
    database: Database,
    servers: list[ServerProcess],
    valkey: OwnValkey,
    fault: Fault,
) -> None:
    seller, other = servers  # Who sells knows it at once; it is the other one's screen that waits.
    async with doors_of([seller], hall) as doors, watching(hall, [other]) as screens:
        sales = Sales(hall, doors, PAUSE_SECONDS)
        async with selling(sales, BUYERS):
            await prompt(hall, screens)
            async with fault(valkey):
                away_at = time.time()
                async with timing(hall, screens) as late:
                    await asyncio.sleep(AWAY_SECONDS)
            prompt_again = await prompt(hall, screens)
        right = await all_show_the_truth(hall, screens, RIGHT_AGAIN_SECONDS_MAX)

    reserved = [
        told.received_at - told.sent_at for told in sales.done(Action.RESERVE, since=away_at)
    ]
    p99 = percentile(reserved, 99)
    figures = {"late": max(late), "prompt again": prompt_again, "right": right, "reserve p99": p99}
    report(f"Redis {fault.__name__} for {AWAY_SECONDS} s", sales.record, **figures)
    assert max(late) > PROMPT_SECONDS, "news came all the same"
    assert max(late) <= LATE_SECONDS_MAX
    assert p99 <= RESERVE_SECONDS_P99_MAX
    assert unanswered(sales.record) == troubled(sales.record) == []
    assert await untrue(database, sales.record) == {}


async def prompt(hall: Hall, screens: list[Screen]) -> float:
    """Wait until news travels at once; gives how long that took.

    Any single change may meet the look that comes once a second; so many in a row do not.
    """
    began = time.monotonic()
    async with timing(hall, screens) as late:
        await eventually(
            lambda: len(late) >= PROMPT_IN_A_ROW and max(late[-PROMPT_IN_A_ROW:]) <= PROMPT_SECONDS,
            PROMPT_AGAIN_SECONDS_MAX,
        )
    return time.monotonic() - began
