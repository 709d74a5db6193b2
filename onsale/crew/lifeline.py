"""What ties a worker to its leader: the kernel tells each when the other is gone, however it went.

It is a pair of sockets. The worker says one thing on it, that it serves or why it cannot.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

from onsale.settings import StartError

READY = b"ready\n"
REFUSED = b"refused\n"
#: Nobody reads more of a reason.
REASON_BYTES_MAX = 16_384


class Lifeline:
    """A worker's end of it."""

    def __init__(self, fd: int) -> None:
        self._socket = socket.socket(fileno=fd)
        self._socket.set_inheritable(False)  # A program that we start is not us.
        #: Whether there is no leader any more.
        self.is_broken = False

    def say_ready(self) -> None:
        """Tell the leader that whoever comes is let in."""
        self._say(READY)

    def say_refused(self, reason: str) -> None:
        """Tell the leader, for the person who started it, why this worker cannot serve."""
        self._say(REFUSED + reason.encode()[:REASON_BYTES_MAX])

    def when_leader_is_gone(self, end: Callable[[], None]) -> None:
        """Call that once there is no leader. Call within a running event loop."""
        loop = asyncio.get_running_loop()

        def gone() -> None:  # A leader says nothing: only its end can be read.
            loop.remove_reader(self._socket.fileno())
            self.is_broken = True
            end()

        loop.add_reader(self._socket.fileno(), gone)

    def _say(self, word: bytes) -> None:
        with suppress(OSError):  # There is no leader: we are about to be told.
            self._socket.sendall(word)


async def until_ready(worker: asyncio.StreamReader) -> None:
    """Wait, at the leader's end, until a worker serves. Raises StartError with its reason."""
    said = await worker.readline()
    if said == READY:
        return
    reason = await worker.read(REASON_BYTES_MAX) if said == REFUSED else b""
    raise StartError(reason.decode(errors="replace") or "A worker ended before it could serve.")
