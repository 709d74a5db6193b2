"""A disk that needs a fifth of a second to be sure: whoever waits for it waits together."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from box_office.database import Database
from tests.faults.judging import troubled, unanswered, untrue
from tests.faults.machine import OwnPostgres
from tests.faults.preloaded import Preload
from tests.faults.report import report
from tests.faults.sales import Sales, doors_of, percentile, selling
from tests.given_time import eventually
from tests.halls import Hall
from tests.races.record import Action, Told
from tests.servers import ServerProcess

FSYNC_SECONDS = (0.0, 0.05, 0.2)
#: Reserving shows what one commit costs; paying is a handful of them, one after the other.
RESERVING, PAYING = {"keep": 1.0}, {"pay": 1.0}
BUYERS = 32
SELLING_SECONDS = 2.5
#: Reservations for each wait: one commit after the other would make one.
TOGETHER_MIN = 2.0
SOLD_MIN = 20


@pytest.fixture
def slow_disk(postgres: OwnPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Preload]:
    """PostgreSQL on a disk as slow as it is told; the servers find it again by themselves."""
    preload = Preload("slow_disk", tmp_path_factory.mktemp("disk"))
    postgres.stop()
    postgres.start(preload)
    yield preload
    preload.tell(0)
    postgres.stop()
    postgres.start()


async def test_a_slow_disk_makes_answers_slower_and_loses_none(
    slow_disk: Preload, hall: Hall, database: Database, servers: list[ServerProcess]
) -> None:
    async with doors_of(servers, hall) as doors:
        sales = Sales(hall, doors, habits=RESERVING)
        async with selling(sales, BUYERS):
            await eventually(lambda: bool(sales.done(Action.RESERVE)), 30)
            together = [await reserving(s, slow_disk, sales, database) for s in FSYNC_SECONDS]
            sales.habits = PAYING
            since = time.time()
            await eventually(lambda: len(sales.done(Action.PURCHASE)) >= SOLD_MIN, 30)
            slow_disk.tell(0)

    tell_pace(f"fsync {FSYNC_SECONDS[-1]} s", sales.done(Action.PURCHASE), since)
    report("A slow disk", sales.record)
    assert min(together[1:]) >= TOGETHER_MIN
    assert unanswered(sales.record) == troubled(sales.record) == []
    assert await untrue(database, sales.record) == {}


async def reserving(seconds: float, slow_disk: Preload, sales: Sales, database: Database) -> float:
    """Reserve on such a disk for a while; gives how many reservations came of one wait for it."""
    slow_disk.tell(seconds)
    assert await seconds_of_a_commit(database) >= seconds, "the disk is as quick as ever"
    since, waits = time.time(), slow_disk.times
    await asyncio.sleep(SELLING_SECONDS)
    waits = slow_disk.times - waits
    done = [told for told in sales.done(Action.RESERVE) if told.received_at >= since]
    tell_pace(f"fsync {seconds} s", done, since)
    return len(done) / max(waits, 1)


def tell_pace(disk: str, done: list[Told], since: float) -> None:
    """Print how many a second, and how long each took."""
    took = [told.received_at - told.sent_at for told in done]
    rate = len(took) / (time.time() - since)
    figures = {"a second": rate, "p50": percentile(took, 50), "p99": percentile(took, 99)}
    report(f"{disk}, {done[0].action}", **figures)


async def seconds_of_a_commit(database: Database) -> float:
    """Write something, and wait until it is safe."""
    async with database.pool.acquire() as connection:
        began = time.monotonic()
        await connection.execute(
            "INSERT INTO event_types (key, name) VALUES (gen_random_uuid(), 'Any')"
        )
        return time.monotonic() - began
