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
from uuid import UUID, uuid4

import asyncpg
from alembic.util import CommandError
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from box_office.addresses import plain_url
from box_office.database import Database
from box_office.restoring import step_over
from onsale.embedded.binaries import find_tool
from onsale.migrating import migrate
from onsale.settings import Settings, StartError

#: A new try to empty a database for its renaming; those who were sent away come back at once.
SEND_AWAY_EVERY_SECONDS = 0.1
#: Databases are managed from here: nobody can rename the one they are in.
MAINTENANCE = "postgres"
#: PostgreSQL cuts longer names, silently.
NAME_LENGTH_MAX = 63

OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = $1 AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
SEND_AWAY = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = $1 AND backend_type = 'client backend'
"""
# Not every version has all of them: what is no column is NULL.
PROPERTIES = """
    SELECT pg_encoding_to_char(encoding) AS encoding, datcollate, datctype,
        to_jsonb(d) ->> 'datlocprovider' AS provider,
        coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') AS locale,
        to_jsonb(d) ->> 'daticurules' AS rules
    FROM pg_database d WHERE datname = $1
"""
LOCALE_PROVIDERS = {"b": "builtin", "c": "libc", "i": "icu"}
IS_OURS = "SELECT to_regclass('event_ledgers') IS NOT NULL"
VERSIONS = "SELECT event_id, version FROM event_ledgers"

#: Somebody keeps locked what we wait for, or waits for us in turn.
LOCKED_SQLSTATES = {
    asyncpg.LockNotAvailableError.sqlstate,
    asyncpg.DeadlockDetectedError.sqlstate,
}

Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore leaves behind."""

    #: The name of the database that was there before.
    kept: str
    #: Whether somebody was connected, and sent away: they may have sold until then.
    was_in_use: bool


@dataclass(frozen=True, slots=True)
class Tools:
    """A database, and the programs that read and write it whole."""

    url: URL
    pg_dump: Path
    pg_restore: Path

    @classmethod
    async def find(cls, settings: Settings) -> "Tools":
        """Find programs of the server's version, or the next later one. Raises StartError."""
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
        url, password = without_password(self.url.set(database=database or self.url.database))
        target = ["--no-password", "--dbname", url.render_as_string(hide_password=False)]
        environment = os.environ | ({"PGPASSWORD": password} if password else {})
        return ran(program, *words, *target, environment=environment)


def url_of(settings: Settings) -> URL:
    """Give the database's URL as PostgreSQL's own programs read it."""
    assert settings.database_url is not None, "only inside `reached`"
    return plain_url(settings.database_url)


def without_password(url: URL) -> tuple[URL, str | None]:
    """Take the password out of a URL, wherever it stands in it."""
    in_query = url.query.get("password")
    password = str(in_query) if in_query is not None else url.password
    # `set` would take None for "leave it as it is".
    return url._replace(password=None).difference_update_query(["password"]), password


def back_up(tools: Tools, file: Path) -> int:
    """Write the database into a file that is whole or not there; gives its bytes.

    What is sold meanwhile is not in it: it shows one moment, when this began. Raises StartError.
    """
    exists = StartError(f"{file} exists: choose another name, or remove it first.")
    if file.exists():
        raise exists
    draft = file.with_name(f".{file.name}.{uuid4().hex[:8]}")
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        tools.run(tools.pg_dump, "--format=custom", "--file", str(draft))
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        os.link(draft, file)  # Unlike a rename it never takes the place of another file.
    except FileExistsError:
        raise exists from None
    except OSError as fault:
        raise StartError(f"{file} cannot be written: {fault.strerror}.") from None
    finally:
        draft.unlink(missing_ok=True)
    return file.stat().st_size


async def restore(tools: Tools, file: Path, *, disconnect: bool, step: Step) -> Restored:
    """Put a backup in the database's place.

    Refuses while somebody is connected, unless they are to be sent away (`disconnect`). `step` is
    told what comes next. Raises StartError; then the database is as it was.
    """
    step("Reading the backup")
    check_is_backup(tools, file)
    was_in_use = await check_nobody_is_there(tools.url, disconnect=disconnect)
    async with new_database(tools.url) as name:
        step("Building the database beside the one in use")
        words = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
        await asyncio.to_thread(
            lambda: tools.run(tools.pg_restore, *words, str(file), database=name)
        )
        step("Bringing it to this version")
        url = tools.url.set(database=name)
        await asyncio.to_thread(_migrate, url, file)
        await prepare(url, await versions_of(tools.url))
        step("Putting it in place")
        kept, sent_away = await swap(tools.url, name, disconnect=disconnect)
    return Restored(kept, was_in_use or sent_away > 0)


async def prepare(
    url: URL, seen: dict[UUID, int] | None = None, since: datetime | None = None
) -> None:
    """Count rows for the planner; make whoever saw lost versions load anew, and note the restore.

    That comes last: the books are in their place soon after they say so. Raises StartError.
    """
    async with connected(url) as connection:
        await connection.execute("ANALYZE")
    # A big house's books take long.
    database = await Database.connect(url.render_as_string(hide_password=False), None)
    try:
        await step_over(database, seen, since)
    except DBAPIError as fault:
        if getattr(fault.orig, "sqlstate", None) not in LOCKED_SQLSTATES:
            raise
        raise StartError(
            "Somebody keeps the books locked (a migration, or a transaction that nobody ends; "
            "pg_stat_activity shows them), so nothing was done. Do this again when they are gone."
        ) from None
    finally:
        await database.close()


async def versions_of(url: URL) -> dict[UUID, int]:
    """Read which versions screens may have seen; none where the database is empty."""
    async with connected(url) as connection:
        if not await connection.fetchval(IS_OURS):
            return {}
        return {row["event_id"]: row["version"] for row in await connection.fetch(VERSIONS)}


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


async def count_others(url: URL) -> int:
    """Count who is connected to a database."""
    async with connected(url.set(database=MAINTENANCE)) as connection:
        return int(await connection.fetchval(OTHERS, url.database))


async def check_nobody_is_there(url: URL, *, disconnect: bool) -> bool:
    """Refuse to pull a database from under somebody's feet, and tell whether somebody is there.

    Raises StartError.
    """
    others = await count_others(url)
    if others and not disconnect:
        raise StartError(
            f"The database is in use ({others} connections): stop the servers and workers first, "
            "for what they sell until the end of the restore is lost. Or send them away: "
            "--disconnect"
        )
    return others > 0


@asynccontextmanager
async def new_database(url: URL) -> AsyncIterator[str]:
    """Make an empty database like the real one; what has not taken its place is dropped."""
    name = named(url, f"_restoring_{uuid4().hex[:8]}")
    statement = f"CREATE DATABASE {quoted(name)} {await properties_of(url)}"
    await manage(url, statement, "No database can be made beside it")
    try:
        yield name
    finally:
        # By another connection: the first may have been cut in all the time that a restore takes.
        await manage(
            url,
            f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)",
            f"{name}, half built, cannot be dropped",
        )


async def properties_of(url: URL) -> str:
    """Write down a database's encoding and locale, as `CREATE DATABASE` reads them.

    Of template0: the only one that may be copied with others than its own.
    """
    async with connected(url) as connection:
        row = await connection.fetchrow(PROPERTIES, url.database)
    assert row is not None, "we are connected to it"
    provider = LOCALE_PROVIDERS.get(row["provider"], "")
    options = {
        "ENCODING": row["encoding"],
        "LC_COLLATE": row["datcollate"],
        "LC_CTYPE": row["datctype"],
        "LOCALE_PROVIDER": provider or None,
        f"{provider.upper()}_LOCALE": row["locale"],
        "ICU_RULES": row["rules"],
    }
    given = [f"{name} {quoted_text(text)}" for name, text in options.items() if text is not None]
    return " ".join(["TEMPLATE template0", *given])


async def manage(url: URL, statement: str, problem: str) -> None:
    """Execute a statement about databases. Raises StartError that begins with `problem`."""
    async with connected(url.set(database=MAINTENANCE)) as connection:
        try:
            await connection.execute(statement)
        except asyncpg.PostgresError as fault:
            raise StartError(f"{problem}: {fault}. By hand: see docs/running.md.") from None


async def swap(url: URL, name: str, *, disconnect: bool) -> tuple[str, int]:
    """Give the new database the real one's name, and that one another: both or neither.

    Gives the other name, and how many were sent away.
    """
    kept = named(url, f"_before_{datetime.now(UTC):%Y%m%dt%H%M%S}_{uuid4().hex[:4]}")
    real = str(url.database)
    async with (
        connected(url.set(database=MAINTENANCE)) as connection,
        sending_away(url) if disconnect else nobody_sent_away() as sent_away,
    ):
        try:
            async with connection.transaction():
                # Whoever comes now waits at the door until we are done: the first of the two takes
                # the lock, and then waits five seconds for those inside to leave.
                for old, new in ((real, kept), (name, real)):
                    await connection.execute(
                        f"ALTER DATABASE {quoted(old)} RENAME TO {quoted(new)}"
                    )
        except asyncpg.PostgresError as fault:
            raise StartError(f"The databases cannot be renamed: {fault}.") from None
    return kept, sum(sent_away)


@asynccontextmanager
async def sending_away(url: URL) -> AsyncIterator[list[int]]:
    """End everybody's connections, again and again, while the block lasts; gives how many."""
    sent_away: list[int] = []

    async def send_away() -> None:
        async with connected(url.set(database=MAINTENANCE)) as connection:
            while True:
                sent_away.append(len(await connection.fetch(SEND_AWAY, url.database)))
                await asyncio.sleep(SEND_AWAY_EVERY_SECONDS)

    task = asyncio.create_task(send_away())
    try:
        yield sent_away
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, asyncpg.PostgresError):
            await task


@asynccontextmanager
async def nobody_sent_away() -> AsyncIterator[list[int]]:
    """Do nothing about anybody."""
    yield []


@asynccontextmanager
async def connected(url: URL) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
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


def named(url: URL, ending: str) -> str:
    """Name a database after the real one, within the length that names may have."""
    return f"{str(url.database)[: NAME_LENGTH_MAX - len(ending)]}{ending}"


def quoted(name: str) -> str:
    """Quote a name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def quoted_text(text: str) -> str:
    """Quote a text for SQL."""
    return "'" + text.replace("'", "''") + "'"


def _migrate(url: URL, file: Path) -> None:
    try:
        migrate(url.render_as_string(hide_password=False))
    except CommandError as fault:
        raise StartError(
            f"{file} is of a newer onsale than this one: restore it with that one ({fault})."
        ) from None
