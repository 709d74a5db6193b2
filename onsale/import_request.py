"""What was typed after `import-seat-map`; light, for the command line makes it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """What was typed. Without an `event` only the seat map is stored."""

    file: Path
    venue: str
    city: str
    time_zone: str
    #: ISO 3166, such as GB; None: the one the time zone belongs to.
    country: str | None = None
    address: str | None = None
    #: CATEGORY=LABEL
    labels: tuple[str, ...] = ()
    #: ZONE_OR_CATEGORY=CAPACITY
    general_admission: tuple[str, ...] = ()
    #: The event's title.
    event: str | None = None
    event_type: str | None = None
    description: str | None = None
    performers: tuple[str, ...] = ()
    #: Moments: 2026-12-31T19:30 by the venue's clock, or with an offset.
    starts: str | None = None
    ends: str | None = None
    sales_open: str | None = None
    sales_close: str | None = None
    currency: str | None = None
    #: CATEGORY=AMOUNT; a category may be called by its label.
    prices: tuple[str, ...] = ()
    seats_per_buyer: int | None = None
    reservation_seconds: int | None = None
