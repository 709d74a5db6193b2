"""What a purchase makes: one order, one ticket per seat."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from models.base import Table, recorded_at, word


class OrderStatus(StrEnum):
    """COMMITTED (seats sold) → PAID → CANCELLED (tickets void) → REFUNDED (money back)."""

    COMMITTED = "COMMITTED"
    PAID = "PAID"
    CANCELLED = "CANCELLED"
    REFUNDED = "REFUNDED"


class TicketStatus(StrEnum):
    """Whether a ticket lets its bearer in."""

    VALID = "VALID"
    VOID = "VOID"


class Order(Table, table=True):
    """A buyer's purchase of the seats of one reservation."""

    __tablename__ = "orders"
    __table_args__ = (
        sa.Index("ix_orders_buyer_id_id", "buyer_id", "id"),
        sa.CheckConstraint("total_minor >= 0", "total_is_not_negative"),
        sa.CheckConstraint("currency_code ~ '^[A-Z]{3}$'", "currency_code_is_iso_4217"),
    )

    #: What people read out on the telephone: no 0, 1, I, O.
    code: str = Field(max_length=12, unique=True)
    event_id: UUID = Field(foreign_key="events.id", index=True)
    reservation_id: UUID = Field(foreign_key="reservations.id", unique=True)
    buyer_id: UUID
    status: OrderStatus = word(OrderStatus)
    email: str = Field(max_length=320)
    total_minor: int = Field(sa_type=sa.BigInteger)
    currency_code: str = Field(max_length=3)
    cancel_reason: str | None = Field(default=None, max_length=500)
    created_at: datetime = recorded_at()


class Ticket(Table, table=True):
    """The right to one seat. Its unique index is the second arbiter: one live ticket a seat."""

    __tablename__ = "tickets"
    __table_args__ = (
        sa.Index(
            "uq_tickets_one_live_per_seat",
            "event_id",
            "seat_index",
            unique=True,
            postgresql_where=sa.text("status = 'VALID'"),
        ),
        sa.ForeignKeyConstraint(
            ["event_id", "seat_index"], ["event_seats.event_id", "event_seats.seat_index"]
        ),
        sa.CheckConstraint("price_minor >= 0", "price_is_not_negative"),
    )

    code: str = Field(max_length=32, unique=True)
    order_id: UUID = Field(foreign_key="orders.id", index=True)
    event_id: UUID
    seat_index: int
    price_minor: int = Field(sa_type=sa.BigInteger)
    status: TicketStatus = word(TicketStatus, default=TicketStatus.VALID)
