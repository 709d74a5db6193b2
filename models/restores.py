"""When the books went back to an older state, and whether the payment provider was asked since."""

from datetime import datetime

from models.base import Table, instant, recorded_at


class Restore(Table, table=True):
    """One restore. Until it was compared with the provider somebody may have paid for nothing."""

    __tablename__ = "restores"

    #: What changed at the provider since then may be unknown to the books.
    compare_since: datetime = instant()
    compared_at: datetime | None = instant(nullable=True, default=None)
    restored_at: datetime = recorded_at()
