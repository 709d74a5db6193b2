"""A worker as its leader sees it: a process that is started, heard of, and ended in order."""

import asyncio
import os
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass

import structlog

from onsale.crew.lifeline import open_up, until_ready
from onsale.settings import Settings, StartError

START_SECONDS_MAX = 60.0
OPEN_SECONDS_MAX = 10.0
#: A worker finishes what it has begun, closes its sockets and its connections: by then it has.
END_SECONDS_MAX = 20

log = structlog.get_logger("onsale.crew")


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that serves, or is about to."""

    number: int
    process: asyncio.subprocess.Process
    _words: asyncio.StreamReader
    #: When it closes the worker ends.
    _line: asyncio.StreamWriter

    @classmethod
    async def start(cls, number: int, environment: dict[str, str]) -> "Worker":
        """Start it, and do not wait until it serves. Raises OSError."""
        ours, theirs = socket.socketpair()
        words, line = await asyncio.open_connection(sock=ours)
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "onsale.crew", str(number), str(theirs.fileno())),
                    env=environment,
                    pass_fds=[theirs.fileno()],
                    stdin=asyncio.subprocess.DEVNULL,
                    process_group=0,  # Ctrl-C in the terminal is for the leader, who ends us all.
                )
        except BaseException:
            line.close()
            raise
        return cls(number, process, words, line)

    async def until_ready(self) -> None:
        """Wait until it could serve. Raises StartError."""
        try:
            async with asyncio.timeout(START_SECONDS_MAX):
                await until_ready(self._words)
        except TimeoutError:
            raise StartError(f"A worker was not ready within {START_SECONDS_MAX:.0f} s.") from None

    async def open(self) -> None:
        """Let it listen, and wait until it does. Raises StartError or OSError."""
        try:
            async with asyncio.timeout(OPEN_SECONDS_MAX):
                await open_up(self._line, self._words)
        except TimeoutError:
            raise StartError("A worker did not open when it was told to.") from None

    async def ended(self) -> int:
        """Wait until it has ended; gives its exit code, or less than 0 for a signal."""
        exit_code = await self.process.wait()
        self._line.close()
        return exit_code

    async def end(self) -> None:
        """Let it end in order, and insist when it does not."""
        self.send(signal.SIGTERM)
        try:
            async with asyncio.timeout(END_SECONDS_MAX):
                await self.ended()
        except TimeoutError:
            log.warning("A worker does not end; it is killed", worker=self.number)
            await self.kill()

    async def kill(self) -> None:
        """Stop it at once."""
        self.send(signal.SIGKILL)
        await self.ended()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it is still there."""
        with suppress(ProcessLookupError):
            self.process.send_signal(number)


def environment_of(settings: Settings) -> dict[str, str]:
    """Write settings, once everything in them is there, as a worker's environment."""
    key = settings.payments_key
    given = {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "ONSALE_PORT": str(settings.port),
        "ONSALE_PAYMENTS_URL": settings.payments_url,
        "ONSALE_PAYMENTS_KEY": key and key.get_secret_value(),
    }
    return dict(os.environ) | {name: value for name, value in given.items() if value}
