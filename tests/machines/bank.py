"""The pretending provider in this process, its record in memory: thousands of payments a minute.

All of it is the real one, from the adapter through HTTP to the charges; only the file, which the
provider locks and syncs for each call, is a database in memory.
"""

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from box_office.providers import ChargeState
from onsale.payments.pretend import charges
from onsale.payments.pretend.adapter import PretendProvider
from onsale.payments.pretend.program import create_provider
from onsale.payments.pretend.record import Misuse, Pages, Record

KEY = "a key of the tests"


class RecordInMemory(Record):
    """A record that nobody shares: one connection, and one transaction at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(Path())
        self._connection = connection

    @contextmanager
    def open(self) -> Iterator[Pages]:
        self._connection.execute("BEGIN")
        try:
            yield Pages(self._connection)
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")


class Wire(httpx.ASGITransport):
    """The way there and back without a socket."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Tell of an answer that has no end in the words of a real connection."""
        try:
            return await super().handle_async_request(request)
        except AssertionError:
            raise httpx.RemoteProtocolError("the answer was lost") from None


@dataclass(frozen=True, slots=True)
class Charge:
    """What the provider's own books say of a payment."""

    payment_id: str
    state: ChargeState
    amount_minor: int
    client_secret: str


@dataclass(frozen=True, slots=True)
class Bank:
    """The provider as its port has it, its books, and its page for buyers."""

    provider: PretendProvider
    connection: sqlite3.Connection

    def reset(self) -> None:
        """Forget everybody."""
        for table in ("charges", "calls", "deliveries"):
            self.connection.execute(f"DELETE FROM {table}")

    def charges(self) -> dict[str, Charge]:
        """Every charge, by the payment's id."""
        rows = self.connection.execute(
            "SELECT payment_id, state, amount_minor, client_secret FROM charges"
        )
        return {row[0]: Charge(row[0], ChargeState(row[1]), *row[2:]) for row in rows}

    def payment_of(self, subject: str) -> str:
        """Find the payment that a reference is for; what is no reference is the payment's id."""
        asked = "SELECT payment_id FROM charges WHERE reference = ?"
        row = self.connection.execute(asked, (subject,)).fetchone()
        return subject if row is None else str(row[0])

    def hints(self) -> Sequence[tuple[str, str]]:
        """Every webhook that there is to send, ever: its id, and its payment's."""
        return self.connection.execute(
            "SELECT hint_id, payment_id FROM deliveries ORDER BY number"
        ).fetchall()

    def decide(self, client_secret: str, *, approve: bool) -> None:
        """Have the buyer press a button of the bank's page; too late, it does nothing."""
        step = charges.approve if approve else charges.refuse
        pages = Pages(self.connection)
        try:
            step(pages, client_secret)
        except Misuse:
            return

    def take_back_a_no(self, payment_id: str) -> None:
        """Set money aside that was refused; the pretending provider never does, others have."""
        pages = Pages(self.connection)
        charge = pages.find(payment_id)
        assert charge is not None
        assert charge.state == ChargeState.DECLINED
        pages.move(charge, ChargeState.AUTHORISED)


@asynccontextmanager
async def open_bank() -> AsyncIterator[Bank]:
    """Run one."""
    with closing(
        sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
    ) as connection:
        app = create_provider(RecordInMemory(connection), KEY)
        async with httpx.AsyncClient(
            transport=Wire(app),
            base_url="http://provider",
            headers={"authorization": f"Bearer {KEY}"},
        ) as client:
            yield Bank(PretendProvider(client, KEY), connection)
