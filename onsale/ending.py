"""How a command ends when it is told to."""

import signal
import sys
from types import FrameType

#: A shell's way to say that a signal ended a command.
SIGNALLED = 128


def end_on_signals(*, is_meant: bool) -> None:
    """Make SIGTERM and Ctrl-C end the command in order: every `finally` runs.

    `is_meant`: that is how it ends, and all is well. Otherwise its work is undone, and it says so.
    """

    def end(signal_number: int, _frame: FrameType | None) -> None:
        sys.exit(0 if is_meant else SIGNALLED + signal_number)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
