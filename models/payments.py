"""Each try to pay for a reservation, and the requests and hints that must not be done twice."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from models.base import Table, instant, recorded_at, word


class PaymentState(StrEnum):
    """STARTED → AUTHORISED → CAPTURED → REFUNDING → REFUNDED; or DECLINED; or VOIDING → VOIDED.

    ACTION_REQUIRED waits for the buyer; it goes on like STARTED. VOIDING: we have given up, and the
    provider is yet to be told. Late money leads from DECLINED or VOIDED back to AUTHORISED (the
    seats were still to be had) or to REFUNDING.
    """

    STARTED = "STARTED"
    ACTION_REQUIRED = "ACTION_REQUIRED"
    AUTHORISED = "AUTHORISED"
    CAPTURED = "CAPTURED"
    REFUNDING = "REFUNDING"
    REFUNDED = "REFUNDED"
    DECLINED = "DECLINED"
    VOIDING = "VOIDING"
    VOIDED = "VOIDED"


class Payment(Table, table=True):
    """One try to pay for a reservation. Its id is the provider's idempotency key."""

    __tablename__ = "payments"
    __table_args__ = (
        sa.UniqueConstraint("reservation_id", "attempt"),
        sa.Index(
            "uq_payments_one_that_may_take_money",
            "reservation_id",
            unique=True,
            postgresql_where=sa.text(
                "state IN ('STARTED', 'ACTION_REQUIRED', 'AUTHORISED', 'CAPTURED', 'VOIDING')"
            ),
        ),
        sa.Index("ix_payments_state_updated_at", "state", "updated_at"),
        sa.CheckConstraint("amount_minor > 0", "amount_is_positive"),
        sa.CheckConstraint("attempt > 0", "attempts_count_from_one"),
        sa.CheckConstraint(
            "state NOT IN ('AUTHORISED', 'CAPTURED', 'REFUNDING', 'REFUNDED')"
            " OR provider_reference IS NOT NULL",
            "money_has_a_reference",
        ),
    )

    reservation_id: UUID = Field(foreign_key="reservations.id")
    attempt: int = Field(sa_type=sa.SmallInteger)
    state: PaymentState = word(PaymentState, default=PaymentState.STARTED)
    provider: str = Field(max_length=40)
    provider_reference: str | None = Field(default=None, max_length=200)
    amount_minor: int = Field(sa_type=sa.BigInteger)
    currency_code: str = Field(max_length=3)
    #: The provider's word for a refusal.
    decline_code: str | None = Field(default=None, max_length=100)
    #: What the buyer was told, for whoever repeats the call.
    decline_message: str | None = Field(default=None, max_length=1000)
    decline_retryable: bool | None = None
    created_at: datetime = recorded_at()
    updated_at: datetime = recorded_at()
    #: When the reconciler last took it up, for one process at a time.
    looked_at: datetime | None = instant(nullable=True, default=None)


class RequestKind(StrEnum):
    """The requests that carry an idempotency key."""

    PURCHASE = "PURCHASE"
    CANCEL_ORDER = "CANCEL_ORDER"


class IdempotencyKey(SQLModel, table=True):
    """A request a buyer has made under a key, and the payment it began."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        sa.CheckConstraint("length(key) BETWEEN 1 AND 128", "key_has_a_length"),
        sa.CheckConstraint("length(request_hash) = 32", "request_hash_is_sha_256"),
        sa.Index("ix_idempotency_keys_created_at", "created_at"),
        # For whoever deletes what they refer to.
        sa.Index("ix_idempotency_keys_reservation_id", "reservation_id"),
        sa.Index("ix_idempotency_keys_payment_id", "payment_id"),
    )

    buyer_id: UUID = Field(primary_key=True)
    key: str = Field(max_length=128, primary_key=True)
    kind: RequestKind = word(RequestKind)
    #: SHA-256 of what was asked: the same key with another question is refused.
    request_hash: bytes
    reservation_id: UUID = Field(foreign_key="reservations.id")
    #: The try this request began; None when nothing was due, or for another kind of request.
    payment_id: UUID | None = Field(default=None, foreign_key="payments.id")
    created_at: datetime = recorded_at()


class PaymentHint(SQLModel, table=True):
    """A webhook as it came, once: what it says is not believed, the provider is asked."""

    __tablename__ = "payment_hints"
    __table_args__ = (
        sa.Index(
            "ix_payment_hints_unhandled", "received_at", postgresql_where=sa.text("NOT handled")
        ),
        sa.Index("ix_payment_hints_handled", "received_at", postgresql_where=sa.text("handled")),
    )

    provider: str = Field(max_length=40, primary_key=True)
    #: The provider's own id of it: the same one comes twice.
    hint_id: str = Field(max_length=200, primary_key=True)
    #: Perhaps none of ours: another installation may share the provider's account.
    payment_id: UUID
    handled: bool = False
    received_at: datetime = recorded_at()
