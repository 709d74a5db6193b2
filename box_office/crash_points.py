"""Places at which a process can be told to die, so that tests may see what becomes of its work.

Between any two steps of the rules a machine may lose its power. A server that was armed with one of
these names kills itself there (SIGKILL: nothing is closed, nothing finished); unarmed, which is
always but in tests, passing such a place costs a comparison.
"""

import os
import signal
from enum import StrEnum


class CrashPoint(StrEnum):
    """Between two steps of a payment, a refund, a publication. Windows have more: `moment_of`."""

    BEFORE_AUTHORISING = "before-authorising"
    AUTHORISED = "authorised"
    ACTION_REQUIRED = "action-required"
    DECLINED = "declined"
    GIVEN_UP = "given-up"
    VOIDED = "voided"
    CAPTURED = "captured"
    SETTLED = "settled"
    BEFORE_REFUNDING = "before-refunding"
    REFUNDED = "refunded"
    PUBLISHING = "publishing"
    PUBLISHED = "published"


class Moment(StrEnum):
    """Around the one statement of a batch at a window."""

    UNWRITTEN = "unwritten"
    #: Committed, and no screen told.
    WRITTEN = "written"
    #: Told to the screens, and no buyer answered.
    TOLD = "told"


_deadly: str | None = None


def arm(point: str | None) -> None:
    """Die when this point is passed, a `CrashPoint` or a `moment_of`; None: live."""
    global _deadly  # noqa: PLW0603 - one process dies once.
    _deadly = point


def moment_of(statement: object, moment: Moment) -> str:
    """Name a point at a window, such as `Sell.written`."""
    return f"{type(statement).__name__.removesuffix('Statement')}.{moment}"


def passing(point: CrashPoint) -> None:
    """Die here, if so told."""
    if _deadly == point:
        os.kill(os.getpid(), signal.SIGKILL)


def passing_window(statement: object, moment: Moment) -> None:
    """Die here, if so told."""
    if _deadly is not None and _deadly == moment_of(statement, moment):
        os.kill(os.getpid(), signal.SIGKILL)
