"""Readers that never read: they cost a bounded amount of memory, nobody's time, and are cut off."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from box_office.database import Database
from tests.faults.deaf import SUBSCRIPTIONS, TIMES, ReluctantSocket, deaf_reader
from tests.faults.judging import troubled, unanswered, untrue
from tests.faults.report import report
from tests.faults.sales import Sales, doors_of, percentile, selling
from tests.faults.screens import all_show_the_truth, timing, watching
from tests.given_time import eventually
from tests.halls import Hall
from tests.servers import ServerProcess

READERS = 20
BUYERS = 4
CHANGES = 100
#: Once each has cost its connection, and what fits in its buffers.
GROWTH_BYTES_MAX = 8 * 1024 * 1024
READER_BYTES_MAX = 2 * 1024 * 1024
#: Of those who do read.
LATE_SECONDS_P99_MAX = 2.0
CUT_SECONDS_MAX = 15.0
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


async def test_readers_that_never_read_cost_little_and_delay_nobody_and_are_cut_off(
    hall: Hall, database: Database, servers: list[ServerProcess]
) -> None:
    server = servers[0]
    async with doors_of(servers, hall) as doors, watching(hall, [server], [server]) as screens:
        sales = Sales(hall, doors, habits={"keep": 1.0, "cancel": 1.0})
        async with selling(sales, BUYERS):
            before = resident_bytes(server)
            async with deaf_readers(server, hall) as readers:
                deaf_at = time.monotonic()
                await changes(hall, CHANGES // 5)  # Until their buffers are full.
                full, heard = resident_bytes(server), screens[0].heard
                async with timing(hall, screens) as late:
                    await changes(hall, CHANGES)
                grown = resident_bytes(server) - full
                missed = (screens[0].heard - heard) * TIMES * SUBSCRIPTIONS * READERS
                cut = await all_cut(readers, deaf_at)
        right = await all_show_the_truth(hall, screens, 5)

    megabytes = {"missed": missed / 1e6, "grown": grown / 1e6, "taken": (full - before) / 1e6}
    p99 = percentile(late, 99)
    report(f"{READERS} readers", sales.record, late=p99, cut=cut, right=right, **megabytes)
    assert missed > 2 * GROWTH_BYTES_MAX, "a queue for each of them would not have been noticed"
    assert grown <= GROWTH_BYTES_MAX
    assert full - before <= READERS * READER_BYTES_MAX
    assert p99 <= LATE_SECONDS_P99_MAX
    assert unanswered(sales.record) == troubled(sales.record) == []
    assert await untrue(database, sales.record) == {}


@asynccontextmanager
async def deaf_readers(server: ServerProcess, hall: Hall) -> AsyncIterator[list[ReluctantSocket]]:
    readers = [await asyncio.to_thread(deaf_reader, server, hall) for _ in range(READERS)]
    try:
        yield readers
    finally:
        for reader in readers:
            reader.close()


async def changes(hall: Hall, count: int) -> None:
    """Wait until so many more versions are there."""
    ledger = await hall.ledger()

    async def are_made() -> bool:
        made: int = (await hall.ledger())["version"] - ledger["version"]
        return made >= count

    await eventually(are_made, 60)


async def all_cut(readers: list[ReluctantSocket], since: float) -> float:
    """Wait until the server has let go of all of them; gives how long that took."""
    await eventually(lambda: not any(reader.is_connected() for reader in readers), CUT_SECONDS_MAX)
    return time.monotonic() - since


def resident_bytes(server: ServerProcess) -> int:
    """Ask the kernel how much memory a server has."""
    pages = Path(f"/proc/{server.pid}/statm").read_text().split()[1]
    return int(pages) * PAGE_BYTES
