"""A reader at a terminal: one bash from first block to last, the watcher in its background."""

import asyncio
import os
import re
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from tests.tour.blocks import ROOT

ANSWER_SECONDS_MAX = 20.0
PROMPT = "the block is done"
#: The watcher writes whole lines, between or after those of the block.
WATCHED = re.compile(r"watch: .*\n")


class Reader:
    """Pastes blocks, and sees what is printed."""

    def __init__(self, shell: Process) -> None:
        self._shell = shell
        self._unread = ""
        self._watched: list[str] = []

    async def paste(self, block: str) -> str:
        """Run a block and give what it printed, without the watcher's lines."""
        self._write(f"{block}\necho '{PROMPT}'\n")
        await self._see(lambda: f"{PROMPT}\n" in self._unread)
        printed, _, self._unread = self._unread.partition(f"{PROMPT}\n")
        return printed

    async def next_watched(self) -> str:
        """Wait for the watcher's next line."""
        await self._see(lambda: bool(self._watched))
        return self._watched.pop(0)

    async def nothing_more(self) -> bool:
        """Close the terminal; tell whether all that was printed has been seen."""
        self._write("exit\n")
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            rest, complaints = await self._shell.communicate()
        assert complaints == b"", complaints.decode()
        return not (rest or self._unread or self._watched)

    def _write(self, text: str) -> None:
        assert self._shell.stdin is not None
        self._shell.stdin.write(text.encode())

    async def _see(self, enough: Callable[[], bool]) -> None:
        assert self._shell.stdout is not None
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            while not enough():
                line = await self._shell.stdout.readline()
                assert line, "the terminal was closed"
                self._unread += line.decode()
                self._watched += WATCHED.findall(self._unread)
                self._unread = WATCHED.sub("", self._unread)


@asynccontextmanager
async def reader() -> AsyncIterator[Reader]:
    """Open a terminal in the project's folder, as the README asks for."""
    shell = await asyncio.create_subprocess_exec(
        "bash", cwd=ROOT, stdin=PIPE, stdout=PIPE, stderr=PIPE, start_new_session=True
    )
    try:
        yield Reader(shell)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)  # The watcher too: it keeps the terminal open.
        await shell.wait()
