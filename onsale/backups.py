"""Backups of the whole database, and restores: PostgreSQL's own tools, handled with care.

A restore builds a new database beside the one in use, brings it to this version, and only then
swaps their names, in one transaction. Until that moment nothing has changed; after it the old
database is still there, under another name.
"""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import asyncpg
from alembic.util import CommandError
from sqlalchemy.engine import URL, make_url

from box_office.database import Database
from box_office.restoring import step_over_lost_versions
from onsale.embedded.binaries import find_tool
from onsale.migrating import migrate
from onsale.settings import Settings, StartError

#: A new try to empty a database for its renaming; those who were sent away come back at once.
SEND_AWAY_EVERY_SECONDS = 0.1
#: Databases are managed from here: nobody can rename the one they are in.
MAINTENANCE = "postgres"

OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = $1 AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
SEND_AWAY = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = $1 AND backend_type = 'client backend'
"""

Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Tools:
    """A database, and the programs that read and write it whole."""

    url: URL
    pg_dump: Path
    pg_restore: Path

    @classmethod
    async def find(cls, settings: Settings) -> "Tools":
        """Find programs that are not older than the server. Raises StartError."""
        url = url_of(settings)
        async with connected(url) as connection:
            major = connection.get_server_version().major
        dump, restore = (
            find_tool(name, settings.embedded, settings.pg_bin, major)
            for name in ("pg_dump", "pg_restore")
        )
        return cls(url, dump, restore)

    def run(self, program: Path, *words: str, database: str | None = None) -> str:
        """Run one of them on a database; its password is on no command line. Raises StartError."""
        url = self.url.set(password=None, database=database or self.url.database)
        target = ["--dbname", url.render_as_string(hide_password=False)]
        environment = os.environ | (
            {"PGPASSWORD": str(self.url.password)} if self.url.password else {}
        )
        return ran(program, *words, *target, environment=environment)


def url_of(settings: Settings) -> URL:
    """Give the database's URL as PostgreSQL's own programs read it."""
    assert settings.database_url is not None, "only inside `reached`"
    return make_url(settings.database_url).set(drivername="postgresql")


def back_up(tools: Tools, file: Path) -> int:
    """Write the database into a file that is whole or not there; gives its bytes.

    What is sold meanwhile is not in it: it shows one moment, when this began. Raises StartError.
    """
    if file.exists():
        raise StartError(f"{file} exists: choose another name, or remove it first.")
    draft = file.with_name(f"{file.name}.part")
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
        tools.run(tools.pg_dump, "--format=custom", "--no-password", "--file", str(draft))
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        draft.rename(file)
    except OSError as fault:
        raise StartError(f"{file} cannot be written: {fault.strerror}.") from None
    finally:
        draft.unlink(missing_ok=True)
    return file.stat().st_size


async def restore(tools: Tools, file: Path, *, disconnect: bool, step: Step) -> str:
    """Put a backup in the database's place; gives the name under which the old one is kept.

    Refuses while somebody is connected, unless they are to be sent away (`disconnect`). `step` is
    told what comes next. Raises StartError; then the database is as it was.
    """
    step("Reading the backup")
    check_is_backup(tools, file)
    await check_nobody_is_there(tools.url, disconnect=disconnect)
    async with new_database(tools.url) as name:
        step("Building the database beside the one in use")
        words = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
        await asyncio.to_thread(
            lambda: tools.run(tools.pg_restore, *words, "--no-password", str(file), database=name)
        )
        step("Bringing it to this version")
        url = tools.url.set(database=name)
        await asyncio.to_thread(_migrate, url, file)
        await step_over(url)
        step("Putting it in place")
        return await swap(tools.url, name, disconnect=disconnect)


async def step_over(url: URL) -> None:
    """Make whoever saw the lost versions load anew."""
    database = await Database.connect(url.render_as_string(hide_password=False))
    try:
        await step_over_lost_versions(database)
    finally:
        await database.close()


def check_is_backup(tools: Tools, file: Path) -> None:
    """Refuse what is no backup of onsale's."""
    if not file.is_file():
        raise StartError(f"There is no file {file}.")
    try:
        contents = ran(tools.pg_restore, "--list", str(file))
    except StartError as fault:
        raise StartError(f"{file} is no backup, or damaged: {fault}") from None
    if " alembic_version " not in contents:
        raise StartError(f"{file} is a backup of something else: there is no onsale in it.")


async def check_nobody_is_there(url: URL, *, disconnect: bool) -> None:
    """Refuse to pull a database from under somebody's feet."""
    async with connected(url.set(database=MAINTENANCE)) as connection:
        others = await connection.fetchval(OTHERS, url.database)
    if others and not disconnect:
        raise StartError(
            f"The database is in use ({others} connections): stop the servers and workers first, "
            "for what they sell until the end of the restore is lost. Or send them away: "
            "--disconnect"
        )


@asynccontextmanager
async def new_database(url: URL) -> AsyncIterator[str]:
    """Make an empty database; what has not become the real one at the end is dropped."""
    name = f"{url.database}_restoring_{uuid4().hex[:8]}"
    async with connected(url.set(database=MAINTENANCE)) as connection:
        try:
            await connection.execute(f"CREATE DATABASE {quoted(name)}")
        except asyncpg.PostgresError as fault:
            raise StartError(
                f"No database can be made beside the one in use: {fault}. See docs/running.md for "
                "a restore by hand."
            ) from None
        try:
            yield name
        finally:
            await connection.execute(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)")


async def swap(url: URL, name: str, *, disconnect: bool) -> str:
    """Give the new database the real one's name, and that one another: both or neither."""
    now = datetime.now(UTC)
    kept = f"{url.database}_before_{now:%Y%m%dt%H%M%S}"
    async with (
        connected(url.set(database=MAINTENANCE)) as connection,
        sending_away(url) if disconnect else nobody_sent_away(),
    ):
        try:
            async with connection.transaction():
                # Whoever comes now waits at the door until we are done: the first of the two takes
                # the lock, and then waits five seconds for those inside to leave.
                await connection.execute(
                    f"ALTER DATABASE {quoted(str(url.database))} RENAME TO {quoted(kept)}"
                )
                await connection.execute(
                    f"ALTER DATABASE {quoted(name)} RENAME TO {quoted(str(url.database))}"
                )
        except asyncpg.PostgresError as fault:
            raise StartError(f"The databases cannot be renamed: {fault}.") from None
    return kept


@asynccontextmanager
async def sending_away(url: URL) -> AsyncIterator[None]:
    """End everybody's connections, again and again, while the block lasts."""

    async def send_away() -> None:
        async with connected(url.set(database=MAINTENANCE)) as connection:
            while True:
                await connection.execute(SEND_AWAY, url.database)
                await asyncio.sleep(SEND_AWAY_EVERY_SECONDS)

    task = asyncio.create_task(send_away())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, asyncpg.PostgresError):
            await task


@asynccontextmanager
async def nobody_sent_away() -> AsyncIterator[None]:
    """Do nothing about anybody."""
    yield


@asynccontextmanager
async def connected(url: URL) -> AsyncIterator[asyncpg.Connection]:
    """Be connected for a while. Raises StartError."""
    try:
        connection = await asyncpg.connect(url.render_as_string(hide_password=False))
    except (OSError, asyncpg.PostgresError) as fault:
        raise StartError(f"The database {url.database} does not let us in: {fault}.") from None
    try:
        yield connection
    finally:
        await connection.close()


def ran(program: Path, *words: str, environment: dict[str, str] | None = None) -> str:
    """Run a program to its end; gives what it said. Raises StartError with its last words."""
    done = subprocess.run(  # noqa: S603 - a program found by onsale.embedded.binaries.
        [program, *words], capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        reason = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise StartError(f"{program.name} failed: {reason[-1].strip()}")
    return done.stdout


def quoted(name: str) -> str:
    """Quote a name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def _migrate(url: URL, file: Path) -> None:
    try:
        migrate(url.render_as_string(hide_password=False))
    except CommandError as fault:
        raise StartError(
            f"{file} is of a newer onsale than this one: restore it with that one ({fault})."
        ) from None
