"""The audit: questions to the books that must find nothing, all about one moment.

Each is a file under invariants/: its name is the rule, its comment says more, its query gives the
rows that break it. ALWAYS holds at any moment between two transactions. AT_REST holds for whatever
has been left alone for a while: the sweeper and the reconciler have been there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from box_office.database import Database
from models import Audit

FOLDER = Path(__file__).parent / "invariants"
#: What the reconciler takes a minute for, and a payment at the bank three, is overdue by then.
GRACE = timedelta(minutes=5)
#: A broken rule may be broken a million times; these show how.
SAMPLE_ROWS_MAX = 20
QUESTION_TIMEOUT_MS = 60_000
#: Who audits on a schedule does so once in this time, however many processes want to.
AUDIT_EVERY_SECONDS = 60.0
#: Who comes a little early still finds an audit due, or else none would follow for two minutes.
AUDITS_APART_SECONDS_MIN = 0.75 * AUDIT_EVERY_SECONDS
#: The books of a big house take long to ask; the time between two audits is this often theirs.
REST_SHARE = 20
AUDIT_LOCK = 7_214_905_332


@dataclass(frozen=True, slots=True)
class Invariant:
    """A rule, and the query for rows that break it."""

    name: str
    sql: str

    @property
    def sentence(self) -> str:
        """Say the rule to people."""
        return f"{self.name.replace('_', ' ').capitalize()}."


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken rule: how often, and some of the rows that break it."""

    invariant: Invariant
    count: int
    rows: list[dict[str, Any]]


def invariants_in(folder: str) -> tuple[Invariant, ...]:
    """Read the rules of a folder."""
    paths = sorted((FOLDER / folder).glob("*.sql"))
    return tuple(Invariant(path.stem, path.read_text(encoding="utf-8")) for path in paths)


ALWAYS = invariants_in("always")
AT_REST = invariants_in("at_rest")

# Every change of every seat as the log tells it, and the state before, where the log knows that. A
# query that does not name it does not pay for it.
QUESTION = """
    WITH logged AS (
        SELECT c.event_id, c.version, change.seat_index, change.state
        FROM seat_changes c
        CROSS JOIN LATERAL unnest(c.seat_indexes, c.states) AS change (seat_index, state)
    ), history AS (
        SELECT l.*, lag(l.state) OVER (
            PARTITION BY l.event_id, l.seat_index ORDER BY l.version) AS before
        FROM logged l
    ), broken AS MATERIALIZED (
        {sql}
    )
    SELECT (SELECT count(*) FROM broken) AS times, to_jsonb(b) AS row FROM broken b LIMIT {most}
"""
# One that took three seconds is due again after a minute; one that took a minute, after twenty. A
# time in the future was written before the clock was set back.
MAY_AUDIT = sa.text("""
    SELECT pg_try_advisory_xact_lock(:lock) AND NOT EXISTS (
        SELECT 1 FROM audits a CROSS JOIN LATERAL (
            SELECT make_interval(secs => greatest(:seconds, a.seconds * :share))) rest (time)
        WHERE a.finished_at BETWEEN now() - rest.time AND now() + rest.time)
""")


def question(invariant: Invariant) -> str:
    """Ask how often a rule is broken (`times`), and for some of the rows; none: it holds."""
    return QUESTION.format(sql=invariant.sql, most=SAMPLE_ROWS_MAX)


async def audit(
    database: Database,
    *,
    grace: timedelta = GRACE,
    invariants: Sequence[Invariant] = (*ALWAYS, *AT_REST),
    asking: Callable[[Invariant], None] = lambda _: None,
) -> list[Finding]:
    """Ask every question about one moment; `asking` is told each before it is asked."""
    findings = []
    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ")
        await connection.execute(sa.text("SET TRANSACTION READ ONLY"))
        await connection.execute(sa.text(f"SET LOCAL statement_timeout = {QUESTION_TIMEOUT_MS}"))
        for invariant in invariants:
            asking(invariant)
            values = {"grace": grace} if ":grace" in invariant.sql else {}
            try:
                async with connection.begin_nested():
                    statement = sa.text(question(invariant))
                    rows = (await connection.execute(statement, values)).all()
            except sa.exc.DBAPIError as fault:
                if connection.invalidated:
                    raise
                # A rule that nobody can ask about must not look like one that holds.
                findings.append(Finding(invariant, 1, [{"not asked": str(fault.orig)}]))
            else:
                if rows:
                    findings.append(Finding(invariant, rows[0].times, [row.row for row in rows]))
    return findings


async def audit_and_note(
    database: Database, asking: Callable[[Invariant], None] = lambda _: None
) -> list[Finding]:
    """Audit, and keep what was found for whoever asks later."""
    began = monotonic()
    findings = await audit(database, asking=asking)
    found = {each.invariant.name: {"count": each.count, "rows": each.rows} for each in findings}
    async with database.session() as session:
        session.add(Audit(findings=found, seconds=monotonic() - began))
        await session.commit()
    return findings


async def audit_if_due(database: Database) -> list[Finding] | None:
    """Audit, unless another process does so now or did a short while ago: None."""
    values = {"lock": AUDIT_LOCK, "seconds": AUDITS_APART_SECONDS_MIN, "share": REST_SHARE}
    async with database.engine.begin() as turn:
        if not (await turn.execute(MAY_AUDIT, values)).scalar_one():
            return None
        return await audit_and_note(database)


async def last_audit(database: Database) -> Audit | None:
    """Give the latest audit that was noted."""
    latest = select(Audit).order_by(col(Audit.finished_at).desc()).limit(1)
    async with database.session() as session:
        return (await session.exec(latest)).first()
