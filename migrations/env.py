"""How Alembic runs here: one migration at a time, and never one that waits long for a lock."""

import asyncio
import os
from typing import Literal

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy.engine import Connection
from sqlmodel.sql.sqltypes import AutoString

from box_office import functions
from models import metadata
from onsale.migrated import unpooled_engine

LOCK_TIMEOUT_MS = 4_000
STATEMENT_TIMEOUT_MS = 5_000
#: How long to wait for somebody else's migration to end.
TURN_TIMEOUT_MS = 60_000
#: Any number, the same everywhere: two servers that start together migrate one after the other.
MIGRATION_LOCK = 7_214_905_331


def migrate(connection: Connection) -> None:
    """Run what is due in one transaction."""
    context.configure(
        connection=connection, target_metadata=metadata, render_item=write_plain_strings
    )
    with context.begin_transaction():
        connection.execute(sa.text(f"SET LOCAL lock_timeout = {TURN_TIMEOUT_MS}"))
        connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
        connection.execute(sa.text(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}"))
        connection.execute(sa.text(f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}"))
        functions.remove(connection)
        context.run_migrations()
        # After a way down the tables they speak of may be gone.
        if sa.inspect(connection).has_table("event_seats"):
            functions.install(connection)


def write_plain_strings(kind: str, item: object, _context: AutogenContext) -> str | Literal[False]:
    """Write SQLModel's strings as what they are, so that migrations need SQLAlchemy alone."""
    if kind == "type" and isinstance(item, AutoString):
        return f"sa.String({'' if item.length is None else item.length})"
    return False


async def connect_and_migrate() -> None:
    """Reach the database that the caller names, or else the environment."""
    url = context.config.attributes.get("database_url") or os.environ["DATABASE_URL"]
    engine = unpooled_engine(url)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(migrate)
            await connection.commit()
    finally:
        await engine.dispose()


asyncio.run(connect_and_migrate())
