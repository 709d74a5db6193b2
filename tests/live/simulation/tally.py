"""What really happened in a run: a fault that never occurs proves nothing."""

from collections import Counter
from enum import StrEnum, auto


class Fault(StrEnum):
    """Everything that a world may do to its servers. Counted where it takes effect."""

    NEWS_LOST = auto()
    NEWS_REPEATED = auto()
    NEWS_REORDERED = auto()
    #: A server dies between its commit and telling of it.
    UNTOLD = auto()
    FEED_CUT = auto()
    CONFIRMATION_LATE = auto()
    BOOKS_AWAY = auto()
    BOOKS_HANGING = auto()
    BOOKS_SLOW = auto()
    #: Some reads fail and others do not.
    BOOKS_SICK = auto()
    LOG_FORGOTTEN = auto()
    #: Restored to an older state: versions that were told before are given away again.
    VERSION_BACK = auto()
    #: Restored to an older state and moved on, so that no version is ever given away twice.
    VERSION_AHEAD = auto()
    SERVER_RESTARTED = auto()


class Event(StrEnum):
    """Everything else worth counting."""

    CHANGE = auto()
    SNAPSHOT = auto()
    DELTA = auto()
    STALE = auto()
    RESUMED = auto()
    RESUMED_TOO_OLD = auto()
    RESUMED_FROM_THE_FUTURE = auto()
    REFUSED = auto()
    READ_SLOWLY = auto()
    STOPPED_READING = auto()
    SENT_AWAY = auto()
    SMALL_LIMITS = auto()
    WITHOUT_FAULTS = auto()


Tally = Counter[Fault | Event]
