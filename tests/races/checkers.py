"""What must be true of the books, ours and the provider's: of everything, and now."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

from box_office.audit import ALWAYS, AT_REST, Invariant, audit
from box_office.database import Database
from onsale.payments.pretend.tokens import Behaviour
from tests.races.cards import behaviour_of


async def objections(
    database: Database, invariants: Sequence[Invariant] = (*ALWAYS, *AT_REST)
) -> dict[str, list[dict[str, Any]]]:
    """Give the rules that are broken, and where; nothing is given time to come right."""
    findings = await audit(database, grace=timedelta(0), invariants=invariants)
    return {finding.invariant.name: finding.rows for finding in findings}


#: Where a charge may stand at the provider while our payment stands there.
CHARGE_STATES: dict[str, set[str | None]] = {
    "STARTED": {None, "ACTION_REQUIRED", "AUTHORISED", "CAPTURED", "DECLINED"},
    "ACTION_REQUIRED": {"ACTION_REQUIRED", "AUTHORISED", "CAPTURED", "DECLINED"},
    "AUTHORISED": {"AUTHORISED", "CAPTURED", "DECLINED"},
    "CAPTURED": {"CAPTURED"},
    "REFUNDING": {"CAPTURED", "REFUNDED"},
    "REFUNDED": {"REFUNDED"},
    "DECLINED": {"DECLINED", "VOIDED"},
    "VOIDING": {None, "ACTION_REQUIRED", "AUTHORISED", "CAPTURED", "DECLINED", "VOIDED"},
    "VOIDED": {"DECLINED", "VOIDED"},
}

CHARGES = "SELECT payment_id, state, nullif(amount_minor, 0) FROM charges"


async def the_provider_remembers_the_same_payments(database: Database, record: Path) -> list[str]:
    """Compare our payments with the pretending provider's own book; gives what differs."""
    async with database.pool.acquire() as connection:
        rows = await connection.fetch("SELECT id, state, amount_minor FROM payments")
    ours = {str(row["id"]): (row["state"], row["amount_minor"]) for row in rows}
    with closing(sqlite3.connect(record)) as book:
        charges = book.execute(CHARGES).fetchall()
    theirs = {payment_id: (state, amount) for payment_id, state, amount in charges}
    unknown = [f"{payment_id} is not ours" for payment_id in theirs.keys() - ours.keys()]
    return unknown + [
        f"{payment_id}: {state} of {amount} here, {theirs.get(payment_id)} there"
        for payment_id, (state, amount) in ours.items()
        if theirs.get(payment_id, (None, amount))[0] not in CHARGE_STATES[state]
        # What was voided before it came is known there without an amount.
        or (theirs.get(payment_id, (None, amount))[1] or amount) != amount
    ]


CHARGED = "SELECT payment_id, token FROM charges WHERE state IN ('CAPTURED', 'REFUNDED')"
BOUGHT = """
    SELECT p.id FROM payments p JOIN orders o ON o.reservation_id = p.reservation_id
"""


async def nobody_was_charged_without_a_sale(database: Database, book: Path) -> list[str]:
    """Money that was taken, even if it went back: its seats had been sold before.

    But for cards that pay late, whatever we said: their money is taken by the bank, not by us.
    """
    async with database.pool.acquire() as connection:
        bought = {str(row["id"]) for row in await connection.fetch(BOUGHT)}
    with closing(sqlite3.connect(book)) as pages:
        charged = pages.execute(CHARGED).fetchall()
    return [
        f"{payment_id} was charged, and nothing was sold for it"
        for payment_id, token in charged
        if payment_id not in bought and behaviour_of(token) is not Behaviour.LATE_MONEY
    ]


TOO_MANY = """
    SELECT r.event_id, r.buyer_id, count(*) AS seats, e.seats_per_buyer_max
    FROM event_seats s JOIN reservations r ON r.id = s.reservation_id
    JOIN events e ON e.id = s.event_id
    GROUP BY r.event_id, r.buyer_id, e.seats_per_buyer_max
    HAVING count(*) > e.seats_per_buyer_max
"""


async def nobody_has_more_seats_than_a_buyer_may(database: Database) -> list[dict[str, Any]]:
    """Count them on the seats themselves, whatever the allowances say."""
    async with database.pool.acquire() as connection:
        return [dict(row) for row in await connection.fetch(TOO_MANY)]
