"""The baseline's one table."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel


class BaselineSeat(SQLModel, table=True):
    """A seat of an event: free, or somebody's until a moment."""

    __tablename__ = "baseline_seats"

    event_id: int = Field(primary_key=True)
    seat_index: int = Field(primary_key=True)
    hold_id: UUID | None = None
    buyer: str | None = None
    held_until: datetime | None = Field(default=None, sa_type=sa.DateTime(timezone=True))

    def is_free(self, now: datetime) -> bool:
        """Tell whether nobody holds it; a hold past its end counts as none."""
        return self.held_until is None or self.held_until <= now
