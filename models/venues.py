"""Where events take place."""

import sqlalchemy as sa
from sqlmodel import Field

from models.base import Table


class Venue(Table, table=True):
    """A house with seats: a theatre, an arena, a club."""

    __tablename__ = "venues"
    __table_args__ = (
        sa.UniqueConstraint("name", "city"),
        sa.CheckConstraint("country_code ~ '^[A-Z]{2}$'", "country_code_is_iso_3166"),
        sa.CheckConstraint("length(name) > 0 AND length(city) > 0", "has_a_name_and_a_city"),
    )

    name: str = Field(max_length=200)
    address: str | None = Field(default=None, max_length=400)
    city: str = Field(max_length=100, index=True)
    country_code: str = Field(max_length=2)
    #: IANA name, such as Europe/London.
    time_zone: str = Field(max_length=64)
