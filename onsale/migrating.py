"""Bring a database to this version's tables and functions, and tell whether it is there."""

import asyncio
from pathlib import Path

import asyncpg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from box_office import functions
from box_office.addresses import plain_text

ROOT = Path(__file__).parent.parent


def migrate(database_url: str) -> None:
    """Upgrade the tables and install the functions, in one transaction; nothing if all is there."""
    if not asyncio.run(_is_there(database_url)):
        command.upgrade(configuration(database_url), "head")


def downgrade(database_url: str, revision: str) -> None:
    """Take migrations back, down to `revision` ("base": all of them)."""
    command.downgrade(configuration(database_url), revision)


def configuration(database_url: str) -> Config:
    """Tell Alembic where our migrations are and which database they are for."""
    config = Config(toml_file=ROOT / "pyproject.toml")
    config.attributes["database_url"] = database_url
    return config


def unpooled_engine(database_url: str) -> AsyncEngine:
    """Make an engine whose connections may take their time, and are not kept."""
    plain = plain_text(database_url)
    return create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(plain), poolclass=NullPool
    )


async def is_migrated(engine: AsyncEngine) -> bool:
    """Tell whether the database has exactly this version's tables and functions."""
    async with engine.connect() as connection:
        return await connection.run_sync(_is_migrated)


async def _is_there(database_url: str) -> bool:
    engine = unpooled_engine(database_url)
    try:
        return await is_migrated(engine)
    finally:
        await engine.dispose()


def _is_migrated(connection: Connection) -> bool:
    if sa.inspect(connection).has_table("alembic_version") is False:
        return False
    heads = ScriptDirectory(str(ROOT / "migrations")).get_heads()
    current = MigrationContext.configure(connection).get_current_heads()
    return (
        set(current) == set(heads)
        and functions.installed_fingerprint(connection) == functions.fingerprint()
    )
