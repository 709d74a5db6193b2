"""The seats of an event as they stand, the ledger that counts them, the log of their changes."""

from datetime import datetime
from enum import IntEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from models.base import instant, recorded_at


class SeatStatus(IntEnum):
    """The state of a seat at an event; the number is what `SeatStates` packs into two bits."""

    AVAILABLE = 0
    HELD = 1
    SOLD = 2
    BLOCKED = 3


class EventSeat(SQLModel, table=True):
    """One sellable place of an event. `reservation_id` is the fencing token: whose seat it is.

    No index on a column that changes, and a fillfactor of 70: every update stays on its page (HOT).
    No foreign key from `reservation_id`: it would cost a look-up for each seat of each reservation.
    """

    __tablename__ = "event_seats"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["event_id", "price_level"], ["price_levels.event_id", "price_levels.position"]
        ),
        sa.CheckConstraint("seat_index >= 0", "seat_index_is_not_negative"),
        sa.CheckConstraint("state BETWEEN 0 AND 3", "state_is_known"),
        sa.CheckConstraint(
            "(state IN (1, 2)) = (reservation_id IS NOT NULL)", "held_or_sold_has_a_reservation"
        ),
        sa.CheckConstraint("(state = 1) = (held_until IS NOT NULL)", "only_a_hold_has_an_end"),
        {"postgresql_with": {"fillfactor": 70}},
    )

    event_id: UUID = Field(primary_key=True)
    seat_index: int = Field(primary_key=True)
    state: int = Field(default=SeatStatus.AVAILABLE, sa_type=sa.SmallInteger)
    price_level: int = Field(sa_type=sa.SmallInteger)
    reservation_id: UUID | None = None
    held_until: datetime | None = instant(nullable=True, default=None)


class EventLedger(SQLModel, table=True):
    """An event's version and its four counters. Its row lock makes commit order version order."""

    __tablename__ = "event_ledgers"
    __table_args__ = (
        sa.CheckConstraint("version >= 0", "version_is_not_negative"),
        sa.CheckConstraint(
            "available >= 0 AND held >= 0 AND sold >= 0 AND blocked >= 0",
            "counters_are_not_negative",
        ),
        sa.CheckConstraint(
            "available + held + sold + blocked = seat_count", "counters_add_up_to_the_seats"
        ),
        {"postgresql_with": {"fillfactor": 10}},
    )

    event_id: UUID = Field(foreign_key="events.id", primary_key=True)
    version: int = Field(default=0, sa_type=sa.BigInteger)
    seat_count: int
    available: int
    held: int = 0
    sold: int = 0
    blocked: int = 0


class SeatChange(SQLModel, table=True):
    """One version of an event's seats: which changed, and the state each has now."""

    __tablename__ = "seat_changes"
    __table_args__ = (
        sa.CheckConstraint("version > 0", "versions_count_from_one"),
        sa.CheckConstraint("cardinality(seat_indexes) > 0", "something_changed"),
        sa.CheckConstraint("cardinality(seat_indexes) = cardinality(states)", "a_state_a_seat"),
    )

    event_id: UUID = Field(primary_key=True)
    version: int = Field(primary_key=True, sa_type=sa.BigInteger)
    seat_indexes: list[int] = Field(sa_type=ARRAY(sa.Integer))
    states: list[int] = Field(sa_type=ARRAY(sa.SmallInteger))
    committed_at: datetime = recorded_at()
