"""The statements of a sale at the window: begin a payment, sell, and what undoes either."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar
from uuid import UUID

import asyncpg

from box_office.batches import Connection, Written, changes_of
from box_office.providers import Declined
from box_office.reserving import HOLD_GRACE
from models import PaymentState, new_id

#: How long a payment may take before the seats are free again.
PAYMENT_DEADLINE = timedelta(minutes=3)
#: What a buyer has at least to try again after a decline, as far as the hard end allows.
RETRY_TIME = timedelta(minutes=2)
#: No 0, 1, I, O: codes are read out on the telephone.
CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
ORDER_CODE_LENGTH = 10
TICKET_CODE_LENGTH = 20

BEGIN = "SELECT * FROM begin_purchases($1, $2, $3, $4, $5, $6, $7, $8, $9)"
SELL = "SELECT * FROM sell_seats($1, $2, $3, $4, $5, $6, $7, $8, $9)"
FAIL = "SELECT * FROM fail_payments($1, $2, $3, $4, $5, $6, $7, $8, $9)"
REFUSE = "SELECT * FROM refuse_captures($1, $2, $3, $4, $5, $6)"
RESUME = "SELECT * FROM resume_payment($1, $2, $3)"
VOID = "SELECT * FROM void_orders($1, $2, $3, $4, $5, $6)"


def new_code(length: int) -> str:
    """Make a code nobody can guess: 5 bits a letter."""
    return "".join(secrets.choice(CODE_LETTERS) for _ in range(length))


@dataclass(frozen=True, slots=True)
class Begin:
    """A request to begin a payment, under an idempotency key."""

    buyer_id: UUID
    reservation_id: UUID
    email: str
    key: str
    request_hash: bytes
    provider: str

    STATEMENT: ClassVar["BeginStatement"]


class BeginStatement:
    """Move reservations from OPEN to PAYING."""

    async def write(
        self, connection: Connection, event_id: UUID, requests: Sequence[Begin]
    ) -> Written[asyncpg.Record]:
        """Decide a batch. No seat looks different, so nothing is announced."""
        rows = await connection.fetch(
            BEGIN,
            event_id,
            [request.reservation_id for request in requests],
            [request.buyer_id for request in requests],
            [request.key for request in requests],
            [request.request_hash for request in requests],
            [new_id() for _ in requests],
            [request.email for request in requests],
            requests[0].provider,
            PAYMENT_DEADLINE,
        )
        return Written(rows, None)


@dataclass(frozen=True, slots=True)
class Sell:
    """Seats whose money is set aside under `reference`; no payment: nothing was due."""

    reservation_id: UUID
    payment_id: UUID | None
    reference: str | None
    seat_count: int

    STATEMENT: ClassVar["SellStatement"]


class SellStatement:
    """Sell the seats of reservations that are being paid."""

    async def write(
        self, connection: Connection, event_id: UUID, requests: Sequence[Sell]
    ) -> Written[bool]:
        """Decide a batch: sold or not."""
        tickets = [n for n, sell in enumerate(requests, 1) for _ in range(sell.seat_count)]
        rows = await connection.fetch(
            SELL,
            event_id,
            [sell.reservation_id for sell in requests],
            [sell.payment_id for sell in requests],
            [sell.reference for sell in requests],
            [new_id() for _ in requests],
            [new_code(ORDER_CODE_LENGTH) for _ in requests],
            tickets,
            [new_id() for _ in tickets],
            [new_code(TICKET_CODE_LENGTH) for _ in tickets],
        )
        return Written([row["o_sold"] for row in rows], changes_of(event_id, rows[0]))


@dataclass(frozen=True, slots=True)
class Fail:
    """A payment that came to nothing; no payment: nothing was due."""

    reservation_id: UUID
    payment_id: UUID | None
    #: What it ends as: DECLINED, or VOIDED once it was VOIDING.
    state: PaymentState
    #: What the buyer is told of it.
    reason: Declined

    STATEMENT: ClassVar["FailStatement"]


class FailStatement:
    """Put reservations back from PAYING to OPEN, or end those that lost a seat meanwhile."""

    async def write(
        self, connection: Connection, event_id: UUID, requests: Sequence[Fail]
    ) -> Written[bool]:
        """Decide a batch: whether it was this payment's turn."""
        rows = await connection.fetch(
            FAIL,
            event_id,
            [fail.reservation_id for fail in requests],
            [fail.payment_id for fail in requests],
            [fail.state.value for fail in requests],
            [fail.reason.code for fail in requests],
            [fail.reason.message for fail in requests],
            [fail.reason.retryable for fail in requests],
            RETRY_TIME,
            HOLD_GRACE,
        )
        return Written([row["o_failed"] for row in rows], changes_of(event_id, rows[0]))


@dataclass(frozen=True, slots=True)
class Refuse:
    """An order whose money the provider will not take, though it had set it aside."""

    reservation_id: UUID
    payment_id: UUID
    reason: Declined

    STATEMENT: ClassVar["RefuseStatement"]


class RefuseStatement:
    """Cancel orders that were never paid: tickets void, seats free."""

    async def write(
        self, connection: Connection, event_id: UUID, requests: Sequence[Refuse]
    ) -> Written[bool]:
        """Decide a batch: whether the payment was still to be captured."""
        rows = await connection.fetch(
            REFUSE,
            event_id,
            [refuse.reservation_id for refuse in requests],
            [refuse.payment_id for refuse in requests],
            [refuse.reason.code for refuse in requests],
            [refuse.reason.message for refuse in requests],
            [refuse.reason.retryable for refuse in requests],
        )
        return Written([row["o_refused"] for row in rows], changes_of(event_id, rows[0]))


@dataclass(frozen=True, slots=True)
class Resume:
    """A payment that had come to nothing here, and whose money is there after all."""

    payment_id: UUID

    STATEMENT: ClassVar["ResumeStatement"]


class ResumeStatement:
    """Begin such a payment again, with all of its seats or none. So rare: one at a time."""

    async def write(
        self, connection: Connection, event_id: UUID, requests: Sequence[Resume]
    ) -> Written[bool]:
        """Decide whether the seats are still to be had."""
        (resume,) = requests
        row = await connection.fetchrow(RESUME, event_id, resume.payment_id, PAYMENT_DEADLINE)
        assert row is not None
        return Written([row["o_resumed"]], changes_of(event_id, row))


@dataclass(frozen=True, slots=True)
class Void:
    """A request to cancel a paid order, under an idempotency key."""

    buyer_id: UUID
    order_id: UUID
    key: str
    request_hash: bytes
    reason: str | None

    STATEMENT: ClassVar["VoidStatement"]


class VoidStatement:
    """Void the tickets of orders and free their seats."""

    async def write(
        self, connection: Connection, event_id: UUID, requests: Sequence[Void]
    ) -> Written[asyncpg.Record]:
        """Decide a batch."""
        rows = await connection.fetch(
            VOID,
            event_id,
            [request.order_id for request in requests],
            [request.buyer_id for request in requests],
            [request.key for request in requests],
            [request.request_hash for request in requests],
            [request.reason for request in requests],
        )
        return Written(rows, changes_of(event_id, rows[0]))


Begin.STATEMENT = BeginStatement()
Sell.STATEMENT = SellStatement()
Fail.STATEMENT = FailStatement()
Refuse.STATEMENT = RefuseStatement()
Resume.STATEMENT = ResumeStatement()
Void.STATEMENT = VoidStatement()
