"""Whether a database has this version's tables and functions: every start asks, and `/readyz`.

Alembic knows it, too; but a server that has nothing to migrate starts sooner without it.
"""

import asyncio
import re
from functools import lru_cache
from pathlib import Path

import asyncpg
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from box_office import functions
from box_office.addresses import plain_text

VERSIONS = Path(__file__).parent.parent / "migrations" / "versions"
#: How a migration says which it is, and which one comes before it.
NAMES = re.compile(r'^(revision|down_revision) = "(\w+)"$', re.MULTILINE)
APPLIED = sa.text("SELECT version_num FROM alembic_version")


def is_there(database_url: str) -> bool:
    """Tell whether the database has exactly this version's tables and functions."""
    return asyncio.run(_is_there(database_url))


async def is_migrated(engine: AsyncEngine) -> bool:
    """Tell whether the database has exactly this version's tables and functions."""
    async with engine.connect() as connection:
        return await connection.run_sync(_is_migrated)


def unpooled_engine(database_url: str) -> AsyncEngine:
    """Make an engine whose connections may take their time, and are not kept."""
    plain = plain_text(database_url)
    return create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(plain), poolclass=NullPool
    )


@lru_cache(maxsize=1)
def newest_migrations() -> frozenset[str]:
    """Name the migrations after which there is none."""
    named: dict[str, set[str]] = {"revision": set(), "down_revision": set()}
    for file in VERSIONS.glob("*.py"):
        for kind, name in NAMES.findall(file.read_text(encoding="utf-8")):
            named[kind].add(name)
    return frozenset(named["revision"] - named["down_revision"])


async def _is_there(database_url: str) -> bool:
    engine = unpooled_engine(database_url)
    try:
        return await is_migrated(engine)
    finally:
        await engine.dispose()


def _is_migrated(connection: Connection) -> bool:
    if not connection.scalar(sa.text("SELECT to_regclass('alembic_version') IS NOT NULL")):
        return False
    return (
        set(connection.scalars(APPLIED)) == newest_migrations()
        and functions.installed_fingerprint(connection) == functions.fingerprint()
    )
