"""Real servers for every test: a private PostgreSQL and Valkey of this run, a database per test."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from box_office.audit import ALWAYS, question
from box_office.database import Database
from onsale.embedded import Services, keep_services
from onsale.migrating import migrate

TEMPLATE = "onsale_template"
#: The run's databases take a tenth of it; a container often has only 64 MB.
MEMORY_BYTES_MIN = 4 << 30


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_the_developer() -> Iterator[None]:
    """A test says itself what it configures."""
    with pytest.MonkeyPatch.context() as patch:
        # Of the many servers and commands that are started, only the first compiles our code.
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        for name in list(os.environ):
            if name in {"DATABASE_URL", "REDIS_URL"} or name.startswith("ONSALE_"):
                patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    """PostgreSQL and Valkey on free ports, in a folder of their own; never the developer's."""
    with (
        TemporaryDirectory(prefix="onsale-tests-", dir=_memory()) as folder,
        keep_services(Path(folder), durable=False) as services,
    ):
        yield services


@pytest.fixture(scope="session")
def template(services: Services) -> str:
    """Name the one migrated database that every test clones: quicker than migrating for each."""
    asyncio.run(_execute(services.database_url, f"CREATE DATABASE {TEMPLATE}"))
    migrate(_url_of(services, TEMPLATE))
    return TEMPLATE


@pytest.fixture
async def empty_database_url(services: Services) -> AsyncIterator[str]:
    """A database of this test alone, with nothing in it."""
    async with own_database(services, "template1") as url:
        yield url


@pytest.fixture
async def database_url(
    request: pytest.FixtureRequest, services: Services, template: str
) -> AsyncIterator[str]:
    """A migrated database of this test alone; its books are audited when the test is over."""
    async with own_database(services, template) as url:
        yield url
        if request.node.get_closest_marker("untrue_books") is None:
            assert await broken_rules(url) == {}, "the test left books that do not agree"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Connections to this test's own database."""
    database = await Database.connect(database_url)
    yield database
    await database.close()


@pytest.fixture
def redis_url(services: Services) -> str:
    """The run's Valkey, which all tests share: news are told apart by the ids of events."""
    assert services.redis_url is not None, "the tests need a Valkey or Redis"
    return services.redis_url


@asynccontextmanager
async def own_database(services: Services, template: str) -> AsyncIterator[str]:
    name = f"test_{uuid4().hex}"
    admin = await asyncpg.connect(services.database_url)
    try:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        yield _url_of(services, name)
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


async def broken_rules(url: str) -> dict[str, int]:
    """Audit a test's books: which rules are broken, and how often."""
    connection = await asyncpg.connect(url)
    try:
        if not await connection.fetchval("SELECT EXISTS (SELECT 1 FROM event_ledgers)"):
            return {}
        statement = " UNION ALL ".join(
            f"(SELECT '{invariant.name}', times FROM ({question(invariant)}) q LIMIT 1)"
            for invariant in ALWAYS
        )
        return {row[0]: row[1] for row in await connection.fetch(statement)}
    finally:
        await connection.close()


def _memory() -> Path | None:
    """Give where files are kept in memory: a database is cloned there in a fifth of the time."""
    folder = Path("/dev/shm")  # noqa: S108 - a private folder is made in it.
    roomy = folder.is_dir() and shutil.disk_usage(folder).free >= MEMORY_BYTES_MIN
    return folder if roomy and os.access(folder, os.W_OK) else None


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _url_of(services: Services, database: str) -> str:
    return (
        make_url(services.database_url).set(database=database).render_as_string(hide_password=False)
    )
