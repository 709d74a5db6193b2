"""HTTP load: what `http_load.c` is told to send, and what it found."""

from array import array
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from struct import Struct

from bench.load.talking import Program

LENGTH = Struct("=I")
ANSWER_HEAD = Struct("=II")
#: Of a request that has no other bound than its requests.
SECONDS_MAX = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a load."""

    requests: int
    #: Those whose body was the one expected; all of them where none was.
    good: int
    seconds: float
    #: Of every request, in seconds, ascending.
    latencies: Sequence[float]
    #: CPU of the load program by wall clock: near 1 it was the bottleneck.
    own_cpu_share: float
    #: Which request, and the body of its answer; none where a body was expected.
    answers: Path

    def bodies(self) -> Iterator[tuple[int, bytes]]:
        """Read the answers, each with the number of its request."""
        content = memoryview(self.answers.read_bytes())
        at = 0
        while at < len(content):
            request, length = ANSWER_HEAD.unpack_from(content, at)
            at += ANSWER_HEAD.size + length
            yield request, bytes(content[at - length : at])


class HttpLoad:
    """So many keep-alive connections to one server, each with one request under way at most."""

    def __init__(self, program: Program, folder: Path) -> None:
        self._program = program
        self._folder = folder

    @classmethod
    @asynccontextmanager
    async def open(
        cls, program: Path, folder: Path, port: int, connections: int
    ) -> AsyncIterator["HttpLoad"]:
        """Connect until the block ends. `program` is the compiled `http_load.c`."""
        running = await Program.start(program, port, connections)
        try:
            await running.hear()
            yield cls(running, folder)
        finally:
            await running.end()

    async def run(
        self,
        requests: Iterable[bytes],
        seconds: float = SECONDS_MAX,
        *,
        repeat: bool = False,
        expected: bytes | None = None,
    ) -> Outcome:
        """Send these requests, each when a connection is free, for so long at most."""
        asked, answers = self._folder / "requests", self._folder / "answers"
        latencies, wanted = self._folder / "latencies", self._folder / "expected"
        asked.write_bytes(b"".join(LENGTH.pack(len(each)) + each for each in requests))
        answers.write_bytes(b"")
        if expected is not None:
            wanted.write_bytes(expected)
        await self._program.say(
            "run", asked, answers, latencies, seconds, int(repeat), wanted if expected else "-"
        )
        _, done, good, took, own_cpu = await self._program.hear()
        nanoseconds = array("Q", latencies.read_bytes())
        return Outcome(
            requests=int(done),
            good=int(good),
            seconds=float(took),
            latencies=[each / 1e9 for each in sorted(nanoseconds)],
            own_cpu_share=float(own_cpu) / float(took),
            answers=answers,
        )
