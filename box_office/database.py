"""PostgreSQL, twice: SQLAlchemy sessions to read and for ordinary work, asyncpg for the windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from box_office.addresses import plain_text

STATEMENT_TIMEOUT_MS = 5_000
#: Above PostgreSQL's deadlock_timeout of 1 s: of a deadlock one falls, and not both.
LOCK_TIMEOUT_MS = 2_000
CONNECT_TIMEOUT_SECONDS = 5.0
#: Longer than anybody asks PostgreSQL to take (the audit, an import): whoever hears nothing for so
#: long hears nothing any more. PostgreSQL's own limit holds only while it is there.
SILENCE_SECONDS_MAX = 65.0
SESSION_CONNECTIONS = 8
WINDOW_CONNECTIONS = 4
#: To plan the dozen statements of a small batch anew takes as long as to run them: decision 0022.
WINDOW_SETTINGS = {"plan_cache_mode": "force_generic_plan"}


@dataclass(frozen=True, slots=True)
class Database:
    """One server's connections. Nobody holds one while waiting for anything else."""

    engine: AsyncEngine
    #: For the windows alone, so that a slow page of events never delays a reservation.
    pool: asyncpg.Pool[asyncpg.Record]

    @classmethod
    async def connect(
        cls, url: str, silence_seconds_max: float | None = SILENCE_SECONDS_MAX
    ) -> Database:
        """Open both pools. Without an answer: OSError, TimeoutError or asyncpg.PostgresError.

        A command unanswered for so long gives its connection up; None, for work without a limit.
        """
        plain = plain_text(url)
        pool = await asyncpg.create_pool(
            plain,
            min_size=0,  # Else asyncpg logs a traceback a second while PostgreSQL is away.
            max_size=WINDOW_CONNECTIONS,
            timeout=CONNECT_TIMEOUT_SECONDS,
            reset=nothing_to_reset,
            server_settings=server_settings() | WINDOW_SETTINGS,
        )
        async with pool.acquire() as connection:  # Whoever does not answer is told now.
            await connection.execute("SELECT 1")
        engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=lambda: asyncpg.connect(
                plain,
                timeout=CONNECT_TIMEOUT_SECONDS,
                command_timeout=silence_seconds_max,
                server_settings=server_settings(),
            ),
            pool_size=SESSION_CONNECTIONS,
            max_overflow=0,
            hide_parameters=True,  # What a row holds has no place in a log.
            pool_pre_ping=True,  # After a restart of PostgreSQL no reader meets a dead connection.
        )
        return cls(engine, pool)

    def session(self) -> AsyncSession:
        """Begin ordinary work: `async with database.session() as session`."""
        return AsyncSession(self.engine, expire_on_commit=False)

    async def close(self) -> None:
        """Let go of every connection."""
        await self.engine.dispose()
        await self.pool.close()


async def nothing_to_reset(_connection: object) -> None:
    """Spare a round trip after each batch: the windows' statements leave nothing in a session."""


def server_settings() -> dict[str, Any]:
    """Say what every connection of ours asks of PostgreSQL."""
    return {
        "application_name": "onsale",
        "statement_timeout": str(STATEMENT_TIMEOUT_MS),
        "lock_timeout": str(LOCK_TIMEOUT_MS),
        "timezone": "UTC",
        "jit": "off",  # Compiling costs more than any statement of ours takes.
    }
