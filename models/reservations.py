"""A buyer's seats of one event, held together until one moment, and how many a buyer may have.

No foreign keys to the event: they would cost a look-up for every row of the hottest statement,
which reads the event itself. An event with seats cannot be deleted anyway: its price levels refer
to it, and the seats to them.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from models.base import Table, instant, recorded_at, word


class ReservationStatus(StrEnum):
    """OPEN → PAYING → PURCHASED; or CANCELLED by the buyer; or EXPIRED by the clock."""

    OPEN = "OPEN"
    PAYING = "PAYING"
    PURCHASED = "PURCHASED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


class Reservation(Table, table=True):
    """Seats held for one buyer. OPEN past its `expires_at` it has lapsed: it counts for nothing."""

    __tablename__ = "reservations"
    __table_args__ = (
        sa.Index(
            "uq_reservations_one_open_per_buyer_and_event",
            "event_id",
            "buyer_id",
            unique=True,
            postgresql_where=sa.text("status IN ('OPEN', 'PAYING')"),
        ),
        # One for each, and none for both: to a planner that has not counted the table yet, an index
        # on (status, expires_at) looks cheaper than the unique one for finding a buyer's own.
        sa.Index(
            "ix_reservations_open_expires_at",
            "expires_at",
            postgresql_where=sa.text("status = 'OPEN'"),
        ),
        sa.Index(
            "ix_reservations_paying_expires_at",
            "expires_at",
            postgresql_where=sa.text("status = 'PAYING'"),
        ),
        sa.Index("ix_reservations_buyer_id_id", "buyer_id", "id"),
        sa.CheckConstraint("cardinality(seat_indexes) > 0", "has_seats"),
        sa.CheckConstraint(
            "status <> 'OPEN' OR expires_at <= hold_ends_at", "never_open_past_the_hard_end"
        ),
        sa.CheckConstraint("payment_attempts >= 0", "attempts_are_not_negative"),
    )

    event_id: UUID
    buyer_id: UUID
    status: ReservationStatus = word(ReservationStatus, default=ReservationStatus.OPEN)
    #: Kept when the seats are given back, so that an expired reservation can still say what it was.
    seat_indexes: list[int] = Field(sa_type=ARRAY(sa.Integer))
    #: The seats are the buyer's until then; while PAYING, the payment's deadline.
    expires_at: datetime = instant()
    #: Fixed when the reservation is made: no declined payment prolongs the hold past it.
    hold_ends_at: datetime = instant()
    #: How often a payment was begun; the latest one's number.
    payment_attempts: int = Field(default=0, sa_type=sa.SmallInteger)
    #: Where the tickets go; given when a payment is begun, kept for whoever has to finish it.
    email: str | None = Field(default=None, max_length=320)
    cancel_reason: str | None = Field(default=None, max_length=500)
    created_at: datetime = recorded_at()


class Allowance(SQLModel, table=True):
    """How many seats of an event a buyer has, reserved or bought, and how many they may have."""

    __tablename__ = "allowances"
    __table_args__ = (
        sa.CheckConstraint("seats BETWEEN 0 AND seats_max", "within_the_buyers_limit"),
    )

    event_id: UUID = Field(primary_key=True)
    buyer_id: UUID = Field(primary_key=True)
    seats: int = 0
    seats_max: int
