"""What is broken here: a PostgreSQL and a Valkey of these tests, two servers over them, a hall."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from box_office.database import Database
from onsale.migrating import migrate
from tests.conftest import TEMPLATE, broken_rules
from tests.faults.machine import OwnPostgres, OwnValkey, own_postgres
from tests.halls import Hall, open_hall
from tests.servers import ServerProcess, running_servers

NUMBERED = 4_000
#: So many that nobody who buys again and again is turned away.
SEATS_PER_BUYER_MAX = 1_000


@pytest.fixture(scope="session")
def postgres() -> Iterator[OwnPostgres]:
    """Durable, and not the run's: here it is killed."""
    if sys.platform != "linux":
        pytest.skip("faults are made with /proc and LD_PRELOAD: on Linux only")
    with (
        TemporaryDirectory(prefix="onsale-faults-") as folder,
        own_postgres(Path(folder)) as postgres,
    ):
        asyncio.run(_execute(postgres.url, f"CREATE DATABASE {TEMPLATE}"))
        migrate(_url_of(postgres, TEMPLATE))
        yield postgres


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnValkey]:
    valkey = OwnValkey(tmp_path_factory.mktemp("valkey"))
    valkey.start()
    yield valkey
    valkey.kill()


@pytest.fixture(scope="session")
def books_url(postgres: OwnPostgres) -> str:
    """A migrated database; it ends with its PostgreSQL."""
    return new_books(postgres)


@pytest.fixture(scope="session")
def servers_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the servers keep their key, and their payment provider its record."""
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="session")
def servers(
    books_url: str, valkey: OwnValkey, servers_folder: Path
) -> Iterator[list[ServerProcess]]:
    """The same two for all that is broken here: they come through one fault after the other."""
    with running_servers(books_url, valkey.url, servers_folder, 2) as servers:
        yield servers


@pytest.fixture
async def database_url(books_url: str) -> AsyncIterator[str]:
    """The books are audited when the test is over."""
    yield books_url
    assert await broken_rules(books_url) == {}, "the fault left books that do not agree"


@pytest.fixture
async def hall(database: Database) -> AsyncIterator[Hall]:
    async with open_hall(
        database, numbered=NUMBERED, standing=1, seats_per_buyer_max=SEATS_PER_BUYER_MAX
    ) as hall:
        yield hall


def new_books(postgres: OwnPostgres) -> str:
    """Make a migrated database, and give its URL."""
    name = f"faults_{uuid4().hex}"
    asyncio.run(_execute(postgres.url, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
    return _url_of(postgres, name)


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _url_of(postgres: OwnPostgres, database: str) -> str:
    return make_url(postgres.url).set(database=database).render_as_string(hide_password=False)
