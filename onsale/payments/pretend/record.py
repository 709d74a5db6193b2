"""The pretending provider's memory: a SQLite file that outlives it, and several of it may share.

Every question is one transaction; what it changed is on the disk before it is answered.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from box_office.providers import ChargeState
from onsale.payments.pretend.tokens import (
    UNKNOWN_TOKEN,
    Behaviour,
    Card,
    Webhooks,
    read_token,
)

BUSY_TIMEOUT_SECONDS = 10.0
LATE_SECONDS = 5.0
SHUFFLED_SECONDS = 1.0
#: How long one of several providers may take to deliver before another one tries.
DELIVERY_SECONDS = 10.0
RETRIES_MAX = 8

TABLES = """
CREATE TABLE IF NOT EXISTS charges (
    payment_id TEXT PRIMARY KEY,
    reference TEXT NOT NULL UNIQUE,
    client_secret TEXT NOT NULL UNIQUE,
    token TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    currency_code TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN (
        'ACTION_REQUIRED', 'AUTHORISED', 'CAPTURED', 'VOIDED', 'REFUNDED', 'DECLINED')),
    decline_code TEXT CHECK (decline_code IS NULL OR state IN ('DECLINED', 'VOIDED')),
    changed_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS calls (payment_id TEXT PRIMARY KEY, count INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    number INTEGER PRIMARY KEY,
    hint_id TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    type TEXT NOT NULL,
    forged INTEGER NOT NULL,
    created_at REAL NOT NULL,
    due_at REAL NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    delivered INTEGER NOT NULL DEFAULT 0
);
"""
#: For records that were made before the provider told what changed.
ADD_CHANGED_AT = "ALTER TABLE charges ADD COLUMN changed_at REAL NOT NULL DEFAULT 0"
INDEX = "CREATE INDEX IF NOT EXISTS ix_charges_changed_at ON charges (changed_at)"
CHARGE = (
    "SELECT payment_id, reference, client_secret, token, amount_minor, currency_code, state,"
    " decline_code FROM charges WHERE "
)


class Misuse(Exception):  # noqa: N818 - named for what happened.
    """Somebody asks for what no provider does; the words say why."""


@dataclass(frozen=True, slots=True)
class ChargeRow:
    """A charge as it stands."""

    payment_id: str
    reference: str
    client_secret: str
    token: str
    amount_minor: int
    currency_code: str
    state: str
    decline_code: str | None

    @property
    def card(self) -> Card:
        """What it was to be paid with; one that we have made up ourselves does nothing special."""
        return read_token(self.token) or Card(Behaviour.OK)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook that is due."""

    number: int
    hint_id: str
    payment_id: str
    type: str
    forged: bool
    created_at: float
    tries: int


class Record:
    """The file, and one transaction at a time."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @contextmanager
    def open(self) -> Iterator["Pages"]:
        """Lock it for writing; what is done within is kept whole or not at all."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._file, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None)
        with closing(connection):
            connection.execute("PRAGMA synchronous = FULL")  # Told is told, even without power.
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield Pages(connection)
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def prepare(self) -> None:
        """Make the tables, where there are none."""
        with self.open() as pages:
            for statement in TABLES.split(";\n"):
                pages.connection.execute(statement)
            columns = pages.connection.execute("SELECT name FROM pragma_table_info('charges')")
            if ("changed_at",) not in columns.fetchall():
                pages.connection.execute(ADD_CHANGED_AT)
            pages.connection.execute(INDEX)


class Pages:
    """The record while it is open."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def find(self, payment_id: str) -> ChargeRow | None:
        """Find a payment's charge."""
        return self._one("payment_id = ?", payment_id)

    def changed_since(self, moment: float) -> list[str]:
        """List the payments that changed since then, oldest change first."""
        rows = self.connection.execute(
            "SELECT payment_id FROM charges WHERE changed_at >= ? ORDER BY changed_at", (moment,)
        )
        return [payment_id for (payment_id,) in rows]

    def by_reference(self, reference: str) -> ChargeRow:
        """Find a charge that must be there."""
        charge = self._one("reference = ?", reference)
        if charge is None:
            raise Misuse(f"There is no charge {reference}")
        return charge

    def by_secret(self, client_secret: str) -> ChargeRow:
        """Find what a buyer has to decide about."""
        charge = self._one("client_secret = ?", client_secret)
        if charge is None:
            raise Misuse("There is nothing to decide here")
        return charge

    def count_call(self, payment_id: str) -> int:
        """Count a call about a payment."""
        row = self.connection.execute(
            "INSERT INTO calls VALUES (?, 1) ON CONFLICT DO UPDATE SET count = count + 1"
            " RETURNING count",
            (payment_id,),
        ).fetchone()
        return int(row[0])

    def add(
        self,
        payment_id: str,
        token: str,
        amount: tuple[int, str],
        state: ChargeState,
        decline_code: str | None = None,
    ) -> ChargeRow:
        """Keep a new charge, and tell of it."""
        values = (payment_id, f"pretend_{uuid4().hex}", f"secret_{uuid4().hex}", token, *amount)
        self.connection.execute(
            "INSERT INTO charges VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*values, state.value, decline_code, time.time()),
        )
        charge = self.find(payment_id)
        assert charge is not None
        self._tell(charge)
        return charge

    def move(
        self, charge: ChargeRow, state: ChargeState, decline_code: str | None = None
    ) -> ChargeRow:
        """Take a charge to its next state, and tell of it."""
        self.connection.execute(
            "UPDATE charges SET state = ?, decline_code = ?, changed_at = ? WHERE payment_id = ?",
            (state.value, decline_code, time.time(), charge.payment_id),
        )
        moved = self.find(charge.payment_id)
        assert moved is not None
        self._tell(moved)
        return moved

    def take_deliveries(self, most: int = 20) -> list[Delivery]:
        """Take what is due; others leave it alone for a while."""
        now = time.time()
        rows = self.connection.execute(
            "UPDATE deliveries SET due_at = ?, tries = tries + 1 WHERE number IN ("
            " SELECT number FROM deliveries WHERE NOT delivered AND due_at <= ? AND tries < ?"
            " ORDER BY due_at LIMIT ?)"
            " RETURNING number, hint_id, payment_id, type, forged, created_at, tries",
            (now + DELIVERY_SECONDS, now, RETRIES_MAX, most),
        ).fetchall()
        return [Delivery(*row) for row in sorted(rows)]

    def delivered(self, number: int) -> None:
        """Cross it off."""
        self.connection.execute("UPDATE deliveries SET delivered = 1 WHERE number = ?", (number,))

    def put_off(self, number: int, seconds: float) -> None:
        """Try it again later."""
        self.connection.execute(
            "UPDATE deliveries SET due_at = ? WHERE number = ?", (time.time() + seconds, number)
        )

    def _one(self, where: str, value: str) -> ChargeRow | None:
        row = self.connection.execute(CHARGE + where, (value,)).fetchone()
        return None if row is None else ChargeRow(*row)

    def _tell(self, charge: ChargeRow) -> None:
        """Note the webhooks of a change, as the card has it."""
        webhooks = charge.card.webhooks
        if webhooks is Webhooks.NEVER or charge.decline_code == UNKNOWN_TOKEN.code:
            return
        now = time.time()
        delay = {Webhooks.LATE: LATE_SECONDS}.get(webhooks, 0.0)
        if webhooks is Webhooks.SHUFFLED and charge.state in {"ACTION_REQUIRED", "AUTHORISED"}:
            delay = SHUFFLED_SECONDS
        kind = f"charge.{charge.state.lower()}"
        true = (f"evt_{uuid4().hex}", charge.payment_id, kind, 0, now, now + delay)
        rows = [true, true] if webhooks is Webhooks.TWICE else [true]
        if webhooks is Webhooks.FORGED:
            lie = (f"evt_{uuid4().hex}", charge.payment_id, "charge.captured", 1, now, now)
            rows.insert(0, lie)
        self.connection.executemany(
            "INSERT INTO deliveries (hint_id, payment_id, type, forged, created_at, due_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            rows,
        )
