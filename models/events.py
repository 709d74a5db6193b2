"""What is on: events, their types, performers and price levels."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from models.base import Table, instant, word


class EventState(StrEnum):
    """What the organiser decided. What the clock makes of it is `EventStatus`."""

    DRAFT = "DRAFT"
    PUBLISHED = "PUBLISHED"
    PAUSED = "PAUSED"
    CANCELLED = "CANCELLED"


class EventStatus(StrEnum):
    """Where an event stands now: the organiser's decision and the database's clock together."""

    DRAFT = "DRAFT"
    SCHEDULED = "SCHEDULED"
    ON_SALE = "ON_SALE"
    PAUSED = "PAUSED"
    CLOSED = "CLOSED"
    ENDED = "ENDED"
    CANCELLED = "CANCELLED"


class EventType(SQLModel, table=True):
    """A kind of event, such as concert or theatre."""

    __tablename__ = "event_types"
    __table_args__ = (sa.CheckConstraint("key ~ '^[a-z0-9-]+$'", "key_is_a_slug"),)

    key: str = Field(max_length=40, primary_key=True)
    name: str = Field(max_length=100)
    description: str | None = Field(default=None, max_length=1000)


class Performer(Table, table=True):
    """Who plays: a band, an ensemble, a team."""

    __tablename__ = "performers"
    __table_args__ = (sa.CheckConstraint("length(name) > 0", "has_a_name"),)

    name: str = Field(max_length=200, unique=True)


class Event(Table, table=True):
    """One performance that tickets are sold for."""

    __tablename__ = "events"
    __table_args__ = (
        sa.CheckConstraint("slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'", "slug_is_a_slug"),
        sa.CheckConstraint("length(title) > 0", "has_a_title"),
        sa.CheckConstraint("currency_code ~ '^[A-Z]{3}$'", "currency_code_is_iso_4217"),
        sa.CheckConstraint("ends_at >= starts_at", "ends_after_it_starts"),
        sa.CheckConstraint("sales_open_at < sales_close_at", "sales_open_before_they_close"),
        sa.CheckConstraint("reservation_seconds BETWEEN 1 AND 86400", "reservation_seconds_sane"),
        sa.CheckConstraint("seats_per_buyer_max > 0", "a_buyer_may_have_a_seat"),
        sa.Index("ix_events_starts_at_id", "starts_at", "id"),
    )

    slug: str = Field(max_length=120, unique=True)
    title: str = Field(max_length=200)
    description: str | None = Field(default=None, max_length=10_000)
    type_key: str = Field(foreign_key="event_types.key", index=True)
    venue_id: UUID = Field(foreign_key="venues.id", index=True)
    seat_map_id: UUID = Field(foreign_key="seat_maps.id", index=True)
    image_url: str | None = Field(default=None, max_length=2000)
    starts_at: datetime = instant()
    ends_at: datetime = instant()
    state: EventState = word(EventState)
    sales_open_at: datetime | None = instant(nullable=True, default=None)
    #: None: until the event starts.
    sales_close_at: datetime | None = instant(nullable=True, default=None)
    currency_code: str = Field(max_length=3)
    reservation_seconds: int
    seats_per_buyer_max: int
    #: Everything a visitor may search for, in lower case and without accents.
    search_text: str = ""


class EventPerformer(SQLModel, table=True):
    """Who plays at which event, in the order of the bill."""

    __tablename__ = "event_performers"
    __table_args__ = (sa.UniqueConstraint("event_id", "position"),)

    event_id: UUID = Field(foreign_key="events.id", primary_key=True)
    performer_id: UUID = Field(foreign_key="performers.id", primary_key=True, index=True)
    position: int = Field(sa_type=sa.SmallInteger)


class PriceLevel(Table, table=True):
    """What a seat costs at an event: VIP, stalls, child."""

    __tablename__ = "price_levels"
    __table_args__ = (
        sa.UniqueConstraint("event_id", "position"),
        sa.UniqueConstraint("event_id", "name"),
        sa.CheckConstraint("position BETWEEN 0 AND 255", "position_fits_a_byte"),
        sa.CheckConstraint("price_minor >= 0", "price_is_not_negative"),
    )

    event_id: UUID = Field(foreign_key="events.id")
    #: Its place in the event's list of price levels, from 0; seats refer to it by this number.
    position: int = Field(sa_type=sa.SmallInteger)
    name: str = Field(max_length=200)
    #: In the currency's smallest unit: pence, cents, yen.
    price_minor: int = Field(sa_type=sa.BigInteger)
    color: str | None = Field(default=None, max_length=32)
