"""A PostgreSQL and a Valkey of these tests alone: to be killed, frozen, and started again."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import pytest

from onsale.embedded.binaries import find_postgres
from onsale.embedded.keeper import OTHERS_MAY_ENTER
from onsale.embedded.ports import free_port
from onsale.embedded.postgres import PrivatePostgres
from onsale.embedded.processes import Server, choose_identity
from onsale.settings import EmbeddedSource
from tests.faults.preloaded import Preload
from tests.house.programs import wait_until_gone
from tests.live.breakable import OwnValkey as PlainValkey

GONE_SECONDS_MAX = 10.0

Result = TypeVar("Result")


class OwnPostgres:
    """A durable one, always at the same port, so that it comes back where it was."""

    def __init__(self, folder: Path) -> None:
        run_as = choose_identity()
        if run_as.owner:
            folder.chmod(0o700 | OTHERS_MAY_ENTER)
        program = find_postgres(EmbeddedSource.AUTO, None)
        self._private = PrivatePostgres(folder, program, run_as, durable=True)
        self._port = free_port()
        self._server: Server | None = None
        # It dies with the thread that starts it, so that one has to last as long.
        self._thread = ThreadPoolExecutor(1, "Starting PostgreSQL")

    @property
    def url(self) -> str:
        return self._private.url(self._port)

    @property
    def pid(self) -> int:
        assert self._server is not None, "it was not started"
        return self._server.process.pid

    @property
    def recoveries(self) -> int:
        """How often it found that it had not been stopped in order, by its own log."""
        return self._private.log.read_text().count("automatic recovery in progress")

    def start(self, preload: Preload | None = None) -> None:
        """Start it, recover what it has, and wait until it is ready."""
        self._server = self._in_thread(lambda: self._started(preload))

    def kill(self) -> None:
        """As a power cut does: -9 for it and for every process it has begun."""
        children = _children(self.pid)
        for pid in (self.pid, *children):
            os.kill(pid, signal.SIGKILL)
        self._wait_until_gone(children)

    def quit_at_once(self) -> None:
        """As `pg_ctl stop -m immediate` does: every process drops what it has in hand."""
        children = _children(self.pid)
        os.kill(self.pid, signal.SIGQUIT)
        self._wait_until_gone(children)

    def freeze(self) -> None:
        """As a host that vanishes: nobody is told anything, nor that it is over."""
        os.kill(self.pid, signal.SIGSTOP)  # First, for it begins no more from now on.
        for pid in _children(self.pid):
            os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        for pid in (*_children(self.pid), self.pid):
            os.kill(pid, signal.SIGCONT)

    def stop(self) -> None:
        """In order."""
        if self._server is not None:
            self._server.stop()

    def close(self) -> None:
        self.stop()
        self._thread.shutdown()

    def _started(self, preload: Preload | None) -> Server:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in (preload.environment if preload else {}).items():
                patch.setenv(name, value)
            return self._private.start(self._port)

    def _wait_until_gone(self, children: list[int]) -> None:
        """Wait for the proof: the process is gone, and so are all that it had begun."""
        assert self._server is not None
        self._server.process.wait(GONE_SECONDS_MAX)
        assert wait_until_gone(children), "its processes outlive it"

    def _in_thread(self, work: Callable[[], Result]) -> Result:
        return self._thread.submit(work).result()


def _children(pid: int) -> list[int]:
    """Find who was begun by that process."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # It has ended meanwhile.
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


@contextmanager
def own_postgres(folder: Path) -> Iterator[OwnPostgres]:
    """Run one until the block ends."""
    postgres = OwnPostgres(folder)
    postgres.start()
    try:
        yield postgres
    finally:
        postgres.close()


class OwnValkey(PlainValkey):
    """One that can also stand still: nobody is told anything, nor that it is over."""

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None, "it was not started"
        self._process.send_signal(number)
