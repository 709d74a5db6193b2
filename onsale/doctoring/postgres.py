"""The exam of the database: version, migrations, connections, clock, durability, last audit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from time import monotonic

import asyncpg
from alembic.script import ScriptDirectory

from box_office import functions
from box_office.database import SESSION_CONNECTIONS, WINDOW_CONNECTIONS
from onsale.commands.asking import read_database_url, reason
from onsale.doctoring.findings import Notes
from onsale.embedded.binaries import POSTGRES_MAJOR_MIN
from onsale.migrating import ROOT
from onsale.settings import StartError

CONNECT_SECONDS_MAX = 2.5
CLOCK_SECONDS_MAX = 2.0
#: What one server takes.
CONNECTIONS_WANTED = SESSION_CONNECTIONS + WINDOW_CONNECTIONS
#: Without them a PostgreSQL that loses its power forgets sales, or itself.
DURABLE = ("fsync", "synchronous_commit", "full_page_writes")
MIGRATE = "Run: python -m onsale migrate"


async def look_at_postgres(url: str, notes: Notes) -> None:
    """Look at everything that one connection can tell."""
    connection = await _connected(url, notes)
    if connection is None:
        return
    try:
        await _look_at_clock(connection, notes)
        await _look_at_durability(connection, notes)
        await _look_at_connections(connection, notes)
        if await _look_at_migrations(connection, notes):
            await _look_at_last_audit(connection, notes)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as fault:
        notes.wrong(f"a question was not answered: {reason(fault)}", "Look into PostgreSQL's log.")
    finally:
        connection.terminate()


async def _connected(url: str, notes: Notes) -> asyncpg.Connection[asyncpg.Record] | None:
    """Connect, and tell the version."""
    try:
        parts = read_database_url(url)
        plain = parts.render_as_string(hide_password=False)
        where = f"{parts.host or 'its socket'}:{parts.port or 5432}/{parts.database or ''}"
        connection = await asyncpg.connect(plain, timeout=CONNECT_SECONDS_MAX)
    except StartError as fault:
        notes.wrong(str(fault), "Correct DATABASE_URL.")
        return None
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as fault:
        notes.wrong(
            f"{where} does not answer: {reason(fault, CONNECT_SECONDS_MAX)}",
            "Start PostgreSQL, or correct DATABASE_URL.",
        )
        return None
    version = connection.get_server_version()
    said = f"PostgreSQL {connection.get_settings().server_version.split()[0]} at {where}"
    if version.major < POSTGRES_MAJOR_MIN:
        notes.wrong(said, f"onsale needs PostgreSQL {POSTGRES_MAJOR_MIN} or later.")
    else:
        notes.ok(said)
    return connection


async def _look_at_clock(connection: asyncpg.Connection[asyncpg.Record], notes: Notes) -> None:
    began, sent_at = monotonic(), datetime.now(UTC)
    told: datetime = await connection.fetchval("SELECT clock_timestamp()")
    there_and_back = monotonic() - began
    judge_clock((told - sent_at).total_seconds() - there_and_back / 2, notes)


def judge_clock(ahead: float, notes: Notes) -> None:
    """Say by how many seconds the database's clock is ahead of ours, and whether that is much."""
    said = (
        f"the database's is {abs(ahead):.2f} s {'ahead of' if ahead > 0 else 'behind'} this one's"
    )
    if abs(ahead) > CLOCK_SECONDS_MAX:
        notes.warn(
            said,
            "onsale decides by the database's clock alone; set both machines' clocks (NTP).",
            "clock",
        )
    else:
        notes.ok(f"{said}; only the database's counts", "clock")


async def _look_at_durability(connection: asyncpg.Connection[asyncpg.Record], notes: Notes) -> None:
    settings = await connection.fetch(
        "SELECT name, setting FROM pg_settings WHERE name = ANY($1::text[])", DURABLE
    )
    off = sorted(row["name"] for row in settings if row["setting"] == "off")
    if off:
        notes.wrong(
            f"{', '.join(off)} {'is' if len(off) == 1 else 'are'} off: a power cut loses sales",
            "Switch it on in postgresql.conf; data whose loss matters to nobody may go on so.",
            "durability",
        )
    else:
        notes.ok(f"{', '.join(DURABLE)} are on", "durability")


async def _look_at_connections(
    connection: asyncpg.Connection[asyncpg.Record], notes: Notes
) -> None:
    # Of other roles' sessions only some columns are shown: the database is, their kind is not.
    row = await connection.fetchrow(
        "SELECT current_setting('max_connections')::int AS most,"
        " current_setting('superuser_reserved_connections')::int AS reserved,"
        " count(*) FILTER (WHERE datid IS NOT NULL"
        " AND coalesce(backend_type, 'client backend') = 'client backend') - 1 AS taken,"
        " count(*) FILTER (WHERE application_name = 'onsale') AS ours FROM pg_stat_activity"
    )
    assert row is not None, "an aggregate has a row"
    judge_connections(row["most"], row["most"] - row["reserved"] - row["taken"], row["ours"], notes)


def judge_connections(most: int, free: int, ours: int, notes: Notes) -> None:
    """Say whether those that are free are enough for a server."""
    said = f"{free} of {most} are free, {ours} are onsale's"
    do = f"A server takes up to {CONNECTIONS_WANTED}: raise max_connections, or end other programs."
    if free >= CONNECTIONS_WANTED:
        notes.ok(f"{said}; a server takes up to {CONNECTIONS_WANTED}", "connections")
    elif ours:
        notes.warn(f"{said}: too few for one server more", do, "connections")
    else:
        notes.wrong(f"{said}: too few for a server", do, "connections")


async def _look_at_migrations(connection: asyncpg.Connection[asyncpg.Record], notes: Notes) -> bool:
    """Tell how far the database is from this version; whether it has any of our tables."""
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        notes.wrong("the database has no tables of ours", MIGRATE, "migrations")
        return False
    current = [row[0] for row in await connection.fetch("SELECT version_num FROM alembic_version")]
    installed = await connection.fetchval(
        "SELECT obj_description(to_regprocedure($1), 'pg_proc')", functions.MARKED_FUNCTION
    )
    behind = behind_by(current)
    if behind is None:
        notes.wrong(
            f"the database is at {', '.join(current)}, which this version does not know",
            "Install the version of onsale that migrated it, or a later one.",
            "migrations",
        )
    elif behind:
        notes.wrong(f"the database is {behind} migrations behind", MIGRATE, "migrations")
    elif installed != f"onsale {functions.fingerprint()}":
        notes.wrong("the database has another version's functions", MIGRATE, "migrations")
    else:
        notes.ok("at head, with this version's functions", "migrations")
    return True


def behind_by(current: Sequence[str]) -> int | None:
    """Count the migrations a database lacks; None: it is at one that we do not know."""
    known = [each.revision for each in ScriptDirectory(str(ROOT / "migrations")).walk_revisions()]
    if any(revision not in known for revision in current):
        return None
    return min((known.index(revision) for revision in current), default=len(known))


async def _look_at_last_audit(connection: asyncpg.Connection[asyncpg.Record], notes: Notes) -> None:
    """Tell what the servers themselves found last."""
    if await connection.fetchval("SELECT to_regclass('audits')") is None:
        return
    row = await connection.fetchrow(
        "SELECT findings, round(extract(epoch FROM now() - finished_at)) AS age"
        " FROM audits ORDER BY finished_at DESC LIMIT 1"
    )
    if row is None:
        notes.ok("none yet; servers audit once a minute", "last audit")
        return
    broken = json.loads(row["findings"])
    when = f"{row['age']:,} s ago"
    if broken:
        names = ", ".join(sorted(broken)).replace("_", " ")
        notes.wrong(f"{when}, broken: {names}", "Run: python -m onsale audit", "last audit")
    else:
        notes.ok(f"{when}: the books agreed", "last audit")
