"""The base of every table: identities, constraint names, and columns that many tables share."""

import os
import time
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

SQLModel.metadata.naming_convention = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}


def new_id() -> UUID:
    """Make a UUID that sorts by the millisecond it was made in (RFC 9562, version 7).

    Made here and not by the database: PostgreSQL 15 has no `uuidv7()`. Neighbours in time are
    neighbours in the index, which keeps inserts of a busy on-sale on the same few pages.
    """
    random = int.from_bytes(os.urandom(10), "big")
    value = (time.time_ns() // 1_000_000) << 80 | random
    value = value & ~(0xF << 76) | 0x7 << 76  # The version, 7.
    value = value & ~(0x3 << 62) | 0x2 << 62  # The variant of RFC 9562.
    return UUID(int=value)


def instant(*, nullable: bool = False, **options: Any) -> Any:
    """Declare a column for a moment in time, with its zone."""
    return Field(sa_type=sa.DateTime(timezone=True), nullable=nullable, **options)


def recorded_at() -> Any:
    """Declare a column that the database fills with its own clock when the row is made."""
    return instant(default=None, sa_column_kwargs={"server_default": sa.func.now()})


def word(words: type[StrEnum], **options: Any) -> Any:
    """Declare a text column that holds one of these words, and a CHECK that it does."""
    name = "".join("_" + c.lower() if c.isupper() else c for c in words.__name__).lstrip("_")
    column_type = sa.Enum(words, native_enum=False, create_constraint=True, length=20, name=name)
    return Field(sa_type=column_type, nullable=False, **options)


class Table(SQLModel):
    """A row with an identity."""

    id: UUID = Field(default_factory=new_id, primary_key=True)
