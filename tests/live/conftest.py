"""What the tests of the live side stand on: a hall, and a Redis and a network they may break."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from box_office.availability import PostgresBooks
from box_office.database import Database
from subscriptions.boards import Boards
from subscriptions.feed import NoFeed
from subscriptions.pace import Pace
from tests.live.breakable import BreakableProxy, OwnValkey
from tests.live.hall import Hall, open_hall


@pytest.fixture
async def hall(request: pytest.FixtureRequest, database: Database) -> Hall:
    """Its seats are changed by hand: there are no reservations and no orders behind them."""
    request.node.add_marker(pytest.mark.untrue_books(reason="A hall by hand has no reservations."))
    return await open_hall(database)


#: Quick, so that tests are; the look is so rare that only tests which wait for it meet it.
HURRIED = Pace(tick=0.02, gap=0.05, look=0.3, stale=0.8, question=0.4, confirm=0.3)
SELDOM_LOOKING = Pace(tick=0.02, gap=0.05, look=60, stale=300)


@pytest.fixture
async def boards(database: Database) -> AsyncIterator[Boards]:
    """A server's boards that hear no news but what a test gives them, and hardly look."""
    async with running(Boards(PostgresBooks(database), NoFeed(), SELDOM_LOOKING)) as boards:
        yield boards


@pytest.fixture
async def looking_boards(database: Database) -> AsyncIterator[Boards]:
    """A server's boards without Redis: they find out by looking."""
    async with running(Boards(PostgresBooks(database), NoFeed(), HURRIED)) as boards:
        yield boards


@asynccontextmanager
async def running(boards: Boards) -> AsyncIterator[Boards]:
    await boards.start()
    try:
        yield boards
    finally:
        await boards.stop()


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[OwnValkey]:
    """A Valkey of this test alone, to be killed."""
    valkey = OwnValkey(tmp_path)
    valkey.start()
    yield valkey
    valkey.kill()


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[BreakableProxy]:
    """The way to this test's database, to be cut."""
    url = make_url(database_url)
    assert url.host is not None
    assert url.port is not None
    proxy = BreakableProxy(url.host, url.port)
    await proxy.open()
    yield proxy
    await proxy.close()


@pytest.fixture
async def far_database(database_url: str, proxy: BreakableProxy) -> AsyncIterator[Database]:
    """The test's database, reached through the proxy."""
    url = make_url(database_url).set(host="127.0.0.1", port=proxy.port)
    database = await Database.connect(url.render_as_string(hide_password=False))
    yield database
    proxy.heal()
    await database.close()
