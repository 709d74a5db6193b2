"""The sweep: tireless, and not talkative while the database is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url
from structlog.testing import capture_logs
from structlog.typing import EventDict

from box_office import database as connections
from box_office import reconciling
from box_office.availability import PostgresBooks
from box_office.box_office import BoxOffice
from box_office.database import Database
from box_office.news import NoNews
from box_office.purchases import PurchaseRequest, purchase_reservation
from box_office.reservations import ReservationRow
from onsale import bookkeeping
from onsale import sweeping as chores
from onsale.settings import Settings
from onsale.sweeping import sweep_forever
from subscriptions.boards import Boards
from subscriptions.feed import NoFeed
from tests.given_time import eventually
from tests.halls import Hall, NoBoards, PretendProvider, open_hall
from tests.live.breakable import BreakableProxy

AWAY = "Sweeping waits: the database does not answer"
BACK = "Sweeping goes on: the database answers again"


@asynccontextmanager
async def breakable(database_url: str) -> AsyncIterator[tuple[BreakableProxy, str]]:
    """A way to the database that may be broken, and the URL that leads over it."""
    url = make_url(database_url)
    way = BreakableProxy(url.host or "", url.port or 0)
    await way.open()
    yield way, url.set(port=way.port).render_as_string(hide_password=False)
    await way.close()


async def test_an_outage_is_two_lines_however_long_it_is(database_url: str) -> None:
    with capture_logs() as lines:
        async with breakable(database_url) as (way, around), sweeping(around):
            await way.cut()
            await said(lines, AWAY)
            await asyncio.sleep(2.5)  # Two sweeps more.
            await way.open()
            await said(lines, BACK)

    assert [(line["event"], line["log_level"]) for line in lines] == [
        (AWAY, "warning"),
        (BACK, "warning"),
    ]
    assert not any("exc_info" in line for line in lines)


async def test_a_silence_is_an_outage_too_and_nothing_waits_for_its_end(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chores, "PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr(chores, "END_SECONDS_MAX", 0.1)

    with capture_logs() as lines:
        async with breakable(database_url) as (way, around), sweeping(around):
            way.freeze()
            await said(lines, AWAY)
            way.heal()
            await said(lines, BACK)


async def test_the_reconciler_comes_back_soon_where_much_is_left(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chores, "RECONCILE_EVERY_SECONDS", 1.0)
    monkeypatch.setattr(chores, "RECONCILE_SOON_SECONDS", 0.05)
    monkeypatch.setattr(reconciling, "AT_WORK_MAX", 1)
    async with open_hall(database, provider=PretendProvider()) as hall:
        for seat in range(6):
            await decline(hall, await hall.held(seat))
        await hall.execute(
            "INSERT INTO payment_hints"
            " SELECT 'pretend', id::text, id, false, now() - interval '1 h' FROM payments"
        )

        reconciler = asyncio.create_task(chores.reconcile_forever(hall.box_office))
        await eventually(lambda: no_hint_is_left(hall), seconds=3)
        reconciler.cancel()
        await asyncio.wait({reconciler})


async def decline(hall: Hall, reservation: ReservationRow) -> None:
    request = PurchaseRequest(
        buyer_id=reservation.buyer_id,
        reservation_id=reservation.id,
        email="ada@example.org",
        payment_token="pretend_declined",
        idempotency_key=str(reservation.id),
    )
    await purchase_reservation(hall.box_office, request)


async def no_hint_is_left(hall: Hall) -> bool:
    return not await hall.fetch("SELECT 1 FROM payment_hints WHERE NOT handled")


async def test_any_other_fault_is_told_with_its_traceback(database_url: str) -> None:
    with capture_logs() as lines:
        async with sweeping(database_url) as database:
            async with database.engine.begin() as connection:
                await connection.execute(sa.text("ALTER TABLE reservations RENAME TO gone"))
            await said(lines, "Sweeping failed; it is tried again")

    assert lines[0]["exc_info"]


async def test_a_sweep_that_takes_too_long_is_told_each_time(
    database: Database, hasty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chores, "SWEEP_EVERY_SECONDS", 0.1)

    with capture_logs() as lines:
        async with locked(database, "reservations"), sweeping(hasty_url):
            await said(lines, "Sweeping failed; it is tried again", times=2)

    assert all(line["exc_info"] for line in lines)


async def test_rows_that_take_too_long_to_delete_are_told_each_time(
    database: Database, hasty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bookkeeping, "RETAIN_EVERY_SECONDS", 0.1)
    hasty = await Database.connect(hasty_url)

    with capture_logs() as lines:
        async with locked(database, "reservations"):
            task = asyncio.create_task(bookkeeping.retain_forever(hasty, Settings()))
            await said(lines, "Deleting old rows failed; it is tried again", times=2)
            task.cancel()
            await asyncio.wait({task})
    await hasty.close()

    assert all(line["exc_info"] for line in lines)


async def test_an_event_that_cannot_be_swept_is_named(
    database: Database, hasty_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    hasty = await Database.connect(hasty_url)
    async with open_hall(database) as hall:
        await hall.lapse((await hall.held(1)).id)
        box_office = BoxOffice.open(hasty, NoBoards(), NoNews(), PretendProvider())
        async with locked(database, "event_ledgers"):
            swept = await box_office.sweep()
        await box_office.close()
    await hasty.close()

    assert swept == 0
    [line] = caplog.records
    assert line.levelname == "WARNING"
    assert str(hall.event_id) in line.getMessage()
    assert "QueryCanceledError" in line.getMessage()


@pytest.fixture
def hasty_url(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Who connects from now on may ask nothing that takes long."""
    monkeypatch.setattr(connections, "STATEMENT_TIMEOUT_MS", 200)
    return database_url


@asynccontextmanager
async def locked(database: Database, table: str) -> AsyncIterator[None]:
    """Let nobody else at a table for a while."""
    async with database.engine.begin() as connection:
        await connection.execute(sa.text(f"LOCK TABLE {table}"))
        yield


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


async def said(lines: list[EventDict], event: str, times: int = 1) -> None:
    deadline = monotonic() + 10
    while sum(line["event"] == event for line in lines) < times:
        assert monotonic() < deadline, lines
        await asyncio.sleep(0.05)
