"""A payment provider for development: takes no money, and remembers like a real one.

Its record is a SQLite file of its own beside the installation's data, not our PostgreSQL: when a
server dies between two steps of a payment, the provider still knows what it did. Several servers
may use the file at once.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from box_office.providers import Authorisation, Authorised, Charge, Declined, ProviderUnreachable

BUSY_TIMEOUT_SECONDS = 5.0

RECORD = """
CREATE TABLE IF NOT EXISTS charges (
    payment_id TEXT PRIMARY KEY,
    reference TEXT NOT NULL UNIQUE,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency_code TEXT NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('AUTHORISED', 'CAPTURED', 'VOIDED', 'REFUNDED', 'DECLINED')),
    decline_code TEXT CHECK ((decline_code IS NOT NULL) = (state = 'DECLINED'))
)
"""

Answer = TypeVar("Answer")


class PretendToken(StrEnum):
    """What the buyer's "card" is going to do."""

    OK = "pretend_ok"
    DECLINED = "pretend_declined"


class ChargeState(StrEnum):
    """AUTHORISED → CAPTURED → REFUNDED, or AUTHORISED → VOIDED; DECLINED is an end."""

    AUTHORISED = "AUTHORISED"
    CAPTURED = "CAPTURED"
    VOIDED = "VOIDED"
    REFUNDED = "REFUNDED"
    DECLINED = "DECLINED"


DECLINES = {
    "card_declined": Declined(
        code="card_declined",
        message="The card was declined. Try another one.",
        retryable=True,
    ),
    "unknown_token": Declined(
        code="unknown_token",
        message="The payment token is not known. Use pretend_ok or pretend_declined.",
        retryable=True,
    ),
}


class ProviderMisused(Exception):  # noqa: N818 - named for what happened.
    """We asked for what no provider does: a fault in our code, not an outcome of a payment."""


class PretendProvider:
    """Authorises, captures, voids and refunds on paper. Every call may be repeated."""

    name = "pretend"

    def __init__(self, file: Path) -> None:
        self._file = file

    async def authorise(self, charge: Charge) -> Authorisation:
        """Set money aside, as the token says; a payment id that is known gets its first answer."""
        return await self._ask(lambda record: _authorise(record, charge))

    async def capture(self, reference: str) -> None:
        """Take what was set aside."""
        await self._move(reference, ChargeState.AUTHORISED, ChargeState.CAPTURED)

    async def void(self, reference: str) -> None:
        """Let go of what was set aside."""
        await self._move(reference, ChargeState.AUTHORISED, ChargeState.VOIDED)

    async def refund(self, reference: str) -> None:
        """Give back what was taken."""
        await self._move(reference, ChargeState.CAPTURED, ChargeState.REFUNDED)

    async def _move(self, reference: str, before: ChargeState, after: ChargeState) -> None:
        await self._ask(lambda record: _move(record, reference, before, after))

    async def _ask(self, question: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """Look into the record, in a thread; a record that cannot be used is a silent provider."""
        try:
            return await asyncio.to_thread(self._answer, question)
        except (sqlite3.OperationalError, OSError) as problem:
            raise ProviderUnreachable(
                "The pretending provider's record cannot be used"
            ) from problem

    def _answer(self, question: Callable[[sqlite3.Connection], Answer]) -> Answer:
        with _open_record(self._file) as record:
            return question(record)


@contextmanager
def _open_record(file: Path) -> Iterator[sqlite3.Connection]:
    """Open the record and lock it for writing; what is done within is kept whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(file, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None)
    with closing(connection):
        connection.execute("PRAGMA synchronous = FULL")  # Told is told, even if the power fails.
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(RECORD)
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


def _authorise(record: sqlite3.Connection, charge: Charge) -> Authorisation:
    known = record.execute(
        "SELECT reference, amount_minor, currency_code, decline_code FROM charges"
        " WHERE payment_id = ?",
        (str(charge.payment_id),),
    ).fetchone()
    if known is None:
        return _decide(record, charge)
    reference, amount_minor, currency_code, decline_code = known
    if (amount_minor, currency_code) != (charge.amount_minor, charge.currency_code):
        raise ProviderMisused(f"Payment {charge.payment_id} was asked for with another amount")
    return DECLINES[decline_code] if decline_code else Authorised(reference)


def _decide(record: sqlite3.Connection, charge: Charge) -> Authorisation:
    decline_code = {
        PretendToken.OK: None,
        PretendToken.DECLINED: "card_declined",
    }.get(charge.token, "unknown_token")  # type: ignore[call-overload]  # A word equals its text.
    reference = _reference(charge.payment_id)
    record.execute(
        "INSERT INTO charges VALUES (?, ?, ?, ?, ?, ?)",
        (
            str(charge.payment_id),
            reference,
            charge.amount_minor,
            charge.currency_code,
            ChargeState.DECLINED if decline_code else ChargeState.AUTHORISED,
            decline_code,
        ),
    )
    return DECLINES[decline_code] if decline_code else Authorised(reference)


def _move(
    record: sqlite3.Connection, reference: str, before: ChargeState, after: ChargeState
) -> None:
    """Take a charge one step further, if that is its next step; a step done already is no fault."""
    known = record.execute("SELECT state FROM charges WHERE reference = ?", (reference,)).fetchone()
    if known is None:
        raise ProviderMisused(f"There is no charge {reference}")
    if known[0] == after:
        return
    if known[0] != before:
        raise ProviderMisused(f"Charge {reference} is {known[0]} and cannot become {after}")
    record.execute("UPDATE charges SET state = ? WHERE reference = ?", (after, reference))


def _reference(payment_id: UUID) -> str:
    return f"pretend_{payment_id.hex}"
