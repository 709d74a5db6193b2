"""What the books were found to say when they were checked."""

from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from models.base import Table, recorded_at


class Audit(Table, table=True):
    """One look at the books: which invariants were broken, and where. Empty: none was."""

    __tablename__ = "audits"

    #: For each broken invariant, how often and some of the rows that break it.
    findings: dict[str, Any] = Field(sa_type=JSONB)
    seconds: float
    finished_at: datetime = recorded_at()
