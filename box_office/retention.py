"""How long things are kept, and the end of what is older: in small steps that hold nobody up.

Nothing goes that is not over, nor that a sale stands on: orders, tickets, and the payments and
reservations behind them stay for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from box_office.database import Database

#: Rows that go in one statement.
ROWS_AT_ONCE_MAX = 1_000
#: A screen that was away for longer is shown everything anew.
SEAT_CHANGES_KEPT = timedelta(minutes=15)
#: Reservations that ended without an order, and the payments that came to nothing.
RESERVATIONS_KEPT = timedelta(days=30)
#: A purchase is repeated within seconds, a queue of them within days.
IDEMPOTENCY_KEYS_KEPT = timedelta(days=7)
PAYMENT_HINTS_KEPT = timedelta(days=30)
AUDITS_KEPT = timedelta(days=7)
RETENTION_LOCK = 7_214_905_333

MY_TURN = sa.text("SELECT pg_try_advisory_xact_lock(:lock)")


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept for how long, and the statement that ends the oldest of it."""

    what: str
    kept: timedelta
    statement: sa.TextClause


RETENTIONS = (
    # The oldest of each event by its primary key, and never the newest: it tells when that was.
    Retention(
        "seat_changes",
        SEAT_CHANGES_KEPT,
        sa.text("""
            DELETE FROM seat_changes c USING (
                SELECT old.event_id, old.version FROM event_ledgers l
                CROSS JOIN LATERAL (
                    SELECT s.event_id, s.version, s.committed_at FROM seat_changes s
                    WHERE s.event_id = l.event_id AND s.version < l.version
                    ORDER BY s.version LIMIT :most
                ) old
                WHERE old.committed_at < now() - CAST(:kept AS interval) LIMIT :most
            ) gone
            WHERE c.event_id = gone.event_id AND c.version = gone.version
        """),
    ),
    Retention(
        "idempotency_keys",
        IDEMPOTENCY_KEYS_KEPT,
        sa.text("""
            DELETE FROM idempotency_keys k USING (
                SELECT o.buyer_id, o.key FROM idempotency_keys o
                JOIN reservations r ON r.id = o.reservation_id AND r.status <> 'PAYING'
                WHERE o.created_at < now() - CAST(:kept AS interval)
                ORDER BY o.created_at LIMIT :most FOR UPDATE OF o SKIP LOCKED
            ) gone
            WHERE k.buyer_id = gone.buyer_id AND k.key = gone.key
        """),
    ),
    # A reservation goes with its payments, if none of them has taken money or may.
    Retention(
        "reservations",
        RESERVATIONS_KEPT,
        sa.text("""
            WITH old AS (
                SELECT r.id FROM reservations r
                WHERE r.status IN ('EXPIRED', 'CANCELLED')
                  AND r.expires_at < now() - CAST(:kept AS interval)
                  AND NOT EXISTS (SELECT 1 FROM idempotency_keys k WHERE k.reservation_id = r.id)
                  AND NOT EXISTS (SELECT 1 FROM payments p WHERE p.reservation_id = r.id
                                  AND (p.state NOT IN ('DECLINED', 'VOIDED')
                                       OR p.updated_at > now() - CAST(:kept AS interval)))
                ORDER BY r.expires_at LIMIT :most FOR UPDATE SKIP LOCKED
            ), unpaid AS (
                DELETE FROM payments p USING old
                WHERE p.reservation_id = old.id AND p.state IN ('DECLINED', 'VOIDED')
            )
            DELETE FROM reservations r USING old WHERE r.id = old.id
        """),
    ),
    Retention(
        "payment_hints",
        PAYMENT_HINTS_KEPT,
        sa.text("""
            DELETE FROM payment_hints h USING (
                SELECT o.provider, o.hint_id FROM payment_hints o
                WHERE o.handled AND o.received_at < now() - CAST(:kept AS interval)
                ORDER BY o.received_at LIMIT :most
            ) gone
            WHERE h.provider = gone.provider AND h.hint_id = gone.hint_id
        """),
    ),
    Retention(
        "audits",
        AUDITS_KEPT,
        sa.text("""
            DELETE FROM audits WHERE id IN (
                SELECT id FROM audits WHERE finished_at < now() - CAST(:kept AS interval)
                LIMIT :most)
        """),
    ),
)


async def end_what_is_old(
    database: Database, kept: Mapping[str, timedelta] | None = None
) -> dict[str, int]:
    """Delete what has been kept long enough; says how many rows of which table.

    `kept` overrides how long, by table. One process at a time; each step is a transaction of its
    own and takes at most ROWS_AT_ONCE_MAX rows. Where one table's rows cannot be deleted the
    others' are, and an ExceptionGroup is raised in the end.
    """
    gone: dict[str, int] = {}
    faults: list[Exception] = []
    for retention in RETENTIONS:
        time = (kept or {}).get(retention.what, retention.kept)
        try:
            count = await _end(database, retention, time)
        except Exception as fault:  # noqa: BLE001 - raised below, together with others.
            faults.append(fault)
        else:
            if count:
                gone[retention.what] = count
    if faults:
        raise ExceptionGroup("Old rows could not be deleted", faults)
    return gone


async def _end(database: Database, retention: Retention, kept: timedelta) -> int:
    """Delete the old rows of one table, unless somebody else does: how many."""
    gone = 0
    while True:
        async with database.engine.begin() as connection:
            if not (await connection.execute(MY_TURN, {"lock": RETENTION_LOCK})).scalar_one():
                return gone
            values = {"kept": kept, "most": ROWS_AT_ONCE_MAX}
            count = (await connection.execute(retention.statement, values)).rowcount
        gone += count
        if count < ROWS_AT_ONCE_MAX:
            return gone
