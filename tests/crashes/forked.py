"""Servers that need not read the code first: they are forked from a process that has read it.

Otherwise the many that die here, and those that come after them, would spend most of their lives
on that. From there on each is `python -m onsale serve`: a process with settings of its own.
"""

import multiprocessing
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from threading import Lock

from tests.servers import ServerProcess

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["onsale.app", "onsale.commands", "onsale.serving"])
#: Whoever starts a process looks how all others are, and how one ended can be read only once.
ONE_AT_A_TIME = Lock()
LOOK_EVERY_SECONDS = 0.02


def serve(environment: Mapping[str, str], log: Path) -> None:
    """Become `python -m onsale serve`."""
    from onsale.commands import app  # noqa: PLC0415 - not by whoever only asks for a server.

    with log.open("ab") as file:
        for output in (1, 2):
            os.dup2(file.fileno(), output)
    os.environ.clear()
    os.environ.update(environment)
    app(["serve"], prog_name="python -m onsale")


class Child:
    """A forked process, spoken of as one that was started."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        with ONE_AT_A_TIME:
            process.start()
        assert process.pid is not None
        self.pid: int = process.pid

    def poll(self) -> int | None:
        """Give the exit code, if it has ended."""
        with ONE_AT_A_TIME:
            return self._process.exitcode

    def wait(self, seconds_max: float) -> int:
        """Wait for its end; raises subprocess.TimeoutExpired."""
        until = time.monotonic() + seconds_max
        while (code := self.poll()) is None:
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired("serve", seconds_max)
            time.sleep(LOOK_EVERY_SECONDS)
        return code

    def send_signal(self, how: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, how)


class ForkedServer(ServerProcess):
    """A server that is there at once."""

    def begin(self) -> None:
        """Fork it."""
        self._process = Child(FORKS.Process(target=serve, args=(self.environment, self.log)))
