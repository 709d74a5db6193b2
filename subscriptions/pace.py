"""How often and how long: the times of the live side, in one place."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Everything in seconds. The defaults keep the promise made to viewers; tests hurry them."""

    #: At most one message per event and viewer in this time; all changes within it are merged.
    tick: float = 0.075
    #: How long a missing version may still come by itself before the change log is asked.
    gap: float = 0.1
    #: How often the versions of all watched events are compared with the database.
    look: float = 1.0
    #: Not knowing for so long whether a map is right, its viewers are told that it may be behind:
    #: soon enough to keep the promise of 5 seconds.
    stale: float = 4.0
    #: One question to the database may take so long.
    question: float = 2.0
    #: How long a first viewer waits for Redis to confirm the subscription.
    confirm: float = 0.5
    #: An event that nobody looks at any more is watched so much longer.
    idle: float = 60.0
