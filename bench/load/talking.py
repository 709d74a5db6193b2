"""Talking with a load program: a line to it, a line back."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from bench.processes import BenchError

ANSWER_SECONDS_MAX = 120.0


class Program:
    """A load program that runs; what it says are lines of words divided by tabs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, program: Path, *words: object) -> Self:
        """Start it."""
        process = await asyncio.create_subprocess_exec(
            str(program),
            *map(str, words),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        return cls(process)

    async def say(self, *words: object) -> None:
        """Tell it what to do."""
        assert self._process.stdin is not None
        self._process.stdin.write("\t".join(map(str, words)).encode() + b"\n")
        await self._process.stdin.drain()

    async def hear(self, seconds: float | None = ANSWER_SECONDS_MAX) -> Sequence[str]:
        """Wait for its next line. Raises BenchError when it failed or has nothing to say."""
        assert self._process.stdout is not None
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), seconds)
        except TimeoutError:
            raise BenchError("A load program does not answer.") from None
        first, *rest = line.decode(errors="replace").rstrip("\n").split("\t")
        if first in {"failed", ""}:
            raise BenchError(f"A load program failed: {' '.join(rest) or 'it has ended'}")
        return [first, *rest]

    async def end(self) -> None:
        """End it, however far it is."""
        if self._process.returncode is None:
            self._process.terminate()
        await self._process.wait()
