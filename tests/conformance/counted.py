"""`python -m tests.conformance.counted serve …`: onsale, which also says how many tasks it has.

Nobody outside of a process can count its asyncio tasks. At SIGUSR1 this one writes a line of its
log, `{"event": "tasks", "count": …}`, and goes on.
"""

import asyncio
import gc
import json
import os
import signal
from types import FrameType

from onsale.commands import run

STANDARD_ERROR = 2


def tell(_number: int, _frame: FrameType | None) -> None:
    """Write how many tasks are not done."""
    gc.collect()
    tasks = sum(isinstance(thing, asyncio.Task) and not thing.done() for thing in gc.get_objects())
    line = json.dumps({"event": "tasks", "count": tasks})
    os.write(STANDARD_ERROR, f"{line}\n".encode())


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, tell)
    run()
