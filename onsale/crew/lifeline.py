"""What ties a worker to its leader: the kernel tells each when the other is gone, however it went.

It is a pair of sockets. On it a worker says that it could serve, or why it cannot; the leader, that
it may open, as soon as all could: who opens before the others gets all who come at once; and the
worker, that it has opened.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

from onsale.settings import StartError

READY = b"ready\n"
REFUSED = b"refused\n"
OPENED = b"opened\n"
#: All that a leader ever says.
OPEN = b"!"
#: Nobody reads more of a reason.
REASON_BYTES_MAX = 16_384


class Lifeline:
    """A worker's end of it."""

    def __init__(self, fd: int) -> None:
        self._socket = socket.socket(fileno=fd)
        self._socket.set_inheritable(False)  # A program that we start is not us.
        self._may_open = asyncio.Event()
        #: Whether there is no leader any more.
        self.is_broken = False

    def attend(self, end: Callable[[], None]) -> None:
        """Hear what the leader says from now on; `end` is called once there is no leader."""
        loop = asyncio.get_running_loop()

        def hear() -> None:
            if self._heard():
                self._may_open.set()
            else:
                loop.remove_reader(self._socket.fileno())
                self.is_broken = True
                end()

        loop.add_reader(self._socket.fileno(), hear)

    async def until_open(self) -> None:
        """Tell the leader that we could serve, and wait for its word."""
        self._say(READY)
        await self._may_open.wait()

    def opened(self) -> None:
        """Tell the leader that whoever comes is let in."""
        self._say(OPENED)

    def say_refused(self, reason: str) -> None:
        """Tell the leader, for the person who started it, why this worker cannot serve."""
        self._say(REFUSED + reason.encode()[:REASON_BYTES_MAX])

    def _heard(self) -> bytes:
        try:
            return self._socket.recv(len(OPEN))
        except OSError:
            return b""

    def _say(self, word: bytes) -> None:
        with suppress(OSError):  # There is no leader: we are about to be told.
            self._socket.sendall(word)


async def until_ready(worker: asyncio.StreamReader) -> None:
    """Wait, at the leader's end, until a worker could serve. Raises StartError with its reason."""
    said = await worker.readline()
    if said == READY:
        return
    reason = await worker.read(REASON_BYTES_MAX) if said == REFUSED else b""
    raise StartError(reason.decode(errors="replace") or "A worker ended before it could serve.")


async def open_up(line: asyncio.StreamWriter, worker: asyncio.StreamReader) -> None:
    """Let a worker open, and wait until it has. Raises StartError or OSError."""
    line.write(OPEN)
    if await worker.readline() != OPENED:
        raise StartError("A worker ended when it was about to open.")
