"""A venue's layout: sections, rows, seats. A published version never changes."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.base import Table, recorded_at, word


class SectionKind(StrEnum):
    """How the seats of a section are sold: each by its number, or as many as fit."""

    RESERVED = "RESERVED"
    GENERAL_ADMISSION = "GENERAL_ADMISSION"


class SeatMap(Table, table=True):
    """One version of a venue's layout. `layout` is its published file, named by its hash."""

    __tablename__ = "seat_maps"
    __table_args__ = (
        sa.UniqueConstraint("venue_id", "version"),
        sa.CheckConstraint("version > 0", "versions_count_from_one"),
        sa.CheckConstraint("seat_count > 0", "has_seats"),
        sa.CheckConstraint("width > 0 AND height > 0", "has_a_size"),
    )

    venue_id: UUID = Field(foreign_key="venues.id")
    version: int
    name: str = Field(max_length=200)
    #: Units of the plan, those of every x and y.
    width: float
    height: float
    seat_count: int
    #: The file behind `layoutUrl`: JSON in UTF-8, described in docs/layout.schema.json.
    layout: bytes
    #: SHA-256 of `layout`, 16 hexadecimal digits of it: the file's name, so that it never changes.
    layout_hash: str = Field(max_length=16)
    published_at: datetime = recorded_at()


class Section(Table, table=True):
    """A part of a seat map. Its seats are first_seat_index .. first_seat_index + capacity - 1."""

    __tablename__ = "sections"
    __table_args__ = (
        sa.UniqueConstraint("seat_map_id", "position"),
        sa.UniqueConstraint("seat_map_id", "name"),
        sa.UniqueConstraint("seat_map_id", "first_seat_index"),
        sa.CheckConstraint("capacity > 0", "has_seats"),
        sa.CheckConstraint("first_seat_index >= 0", "first_seat_index_is_not_negative"),
        sa.CheckConstraint("position >= 0", "position_is_not_negative"),
    )

    seat_map_id: UUID = Field(foreign_key="seat_maps.id")
    #: Its place in the seat map's list of sections, from 0.
    position: int = Field(sa_type=sa.SmallInteger)
    name: str = Field(max_length=200)
    kind: SectionKind = word(SectionKind)
    capacity: int
    first_seat_index: int
    #: General admission's category of the plan; numbered seats carry their own.
    category: str | None = Field(default=None, max_length=200)
    #: A closed polygon as [[x, y], …] in the units of the plan.
    outline: list[list[float]] | None = Field(default=None, sa_type=JSONB(none_as_null=True))


class Seat(SQLModel, table=True):
    """One numbered place of a seat map. General admission has a capacity, and no rows here."""

    __tablename__ = "seats"
    __table_args__ = (
        sa.UniqueConstraint("section_id", "row", "number"),
        sa.CheckConstraint("seat_index >= 0", "seat_index_is_not_negative"),
    )

    seat_map_id: UUID = Field(foreign_key="seat_maps.id", primary_key=True)
    #: Dense, 0 .. n-1 over the seat map's sections in their order.
    seat_index: int = Field(primary_key=True)
    section_id: UUID = Field(foreign_key="sections.id")
    row: str = Field(max_length=40)
    number: str = Field(max_length=40)
    x: float
    y: float
    accessible: bool = False
    #: The plan's category: which price level the seat gets when an event goes on sale.
    category: str = Field(max_length=200)
