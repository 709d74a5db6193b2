"""The sweep: tireless, and not talkative while the database is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from structlog.testing import capture_logs
from structlog.typing import EventDict

from box_office.availability import PostgresBooks
from box_office.box_office import BoxOffice
from box_office.database import Database
from box_office.news import NoNews
from onsale.sweeping import sweep_forever
from subscriptions.boards import Boards
from subscriptions.feed import NoFeed
from tests.halls import PretendProvider
from tests.live.breakable import BreakableProxy

AWAY = "Sweeping waits: the database does not answer"
BACK = "Sweeping goes on: the database answers again"


async def test_an_outage_is_two_lines_however_long_it_is(database_url: str) -> None:
    url = make_url(database_url)
    way = BreakableProxy(url.host or "", url.port or 0)
    await way.open()
    around = url.set(port=way.port).render_as_string(hide_password=False)

    with capture_logs() as lines:
        async with sweeping(around):
            await way.cut()
            await said(lines, AWAY)
            await asyncio.sleep(2.5)  # Two sweeps more.
            await way.open()
            await said(lines, BACK)
    await way.close()

    assert [(line["event"], line["log_level"]) for line in lines] == [
        (AWAY, "warning"),
        (BACK, "warning"),
    ]
    assert not any("exc_info" in line for line in lines)


async def test_any_other_fault_is_told_with_its_traceback(database_url: str) -> None:
    with capture_logs() as lines:
        async with sweeping(database_url) as database:
            async with database.engine.begin() as connection:
                await connection.execute(sa.text("ALTER TABLE reservations RENAME TO gone"))
            await said(lines, "Sweeping failed; it is tried again")

    assert lines[0]["exc_info"]


@asynccontextmanager
async def sweeping(url: str) -> AsyncIterator[Database]:
    """Sweep a database for a while."""
    database = await Database.connect(url)
    boards = Boards(PostgresBooks(database), NoFeed())
    box_office = BoxOffice.open(database, boards, NoNews(), PretendProvider())
    task = asyncio.create_task(sweep_forever(box_office))
    try:
        yield database
    finally:
        task.cancel()
        await asyncio.wait({task})
        await box_office.close()
        await database.close()


async def said(lines: list[EventDict], event: str) -> None:
    deadline = monotonic() + 10
    while not any(line["event"] == event for line in lines):
        assert monotonic() < deadline, lines
        await asyncio.sleep(0.05)
