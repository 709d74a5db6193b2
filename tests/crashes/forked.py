"""Servers that need not read the code first: they are forked from a process that has read it.

Otherwise the many that die here, and those that come after them, would spend most of their lives
on that. From there on each is `python -m onsale serve`: a process with settings of its own.
"""

import multiprocessing
import os
import signal
import subprocess
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.servers import ServerProcess

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["onsale.app", "onsale.commands", "onsale.serving"])


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
        process.start()
        assert process.pid is not None
        self.pid: int = process.pid

    def poll(self) -> int | None:
        """Give the exit code, if it has ended."""
        return self._process.exitcode

    def wait(self, seconds_max: float) -> int:
        """Wait for its end; raises subprocess.TimeoutExpired."""
        self._process.join(seconds_max)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired("serve", seconds_max)
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
