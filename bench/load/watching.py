"""Many subscribers: `watchers.c` receives, and here is counted what it noted.

A delta that leads from version 3 to 5 tells of 4 and 5. Every subscriber must be told of every
version once, in order.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from struct import Struct

from bench.figures import percentile
from bench.load.talking import Program
from bench.processes import BenchError

#: When in nanoseconds, who, from which version (NONE: a snapshot), to which (NONE: it is stale),
#: and how many bytes.
NOTE = Struct("=qIIII")
NONE = 2**32 - 1
AT_ONCE = 64
TOLD_SECONDS_MAX = 30.0


@dataclass(frozen=True, slots=True)
class Deliveries:
    """What reached the subscribers since the last time it was asked for."""

    messages: int
    #: Of each version told, by when of each subscriber, in seconds of the machine's clock.
    arrivals: Mapping[int, list[float]]
    bytes_a_message: float
    #: CPU of the load program in that time.
    own_cpu_seconds: float

    def delays(self, committed: Mapping[int, float]) -> "Delays":
        """Compare with when each version was committed."""
        by_version = {
            version: [at - committed_at for at in self.arrivals.get(version, ())]
            for version, committed_at in committed.items()
        }
        everyone = sorted(delay for delays in by_version.values() for delay in delays)
        lasts = sorted(max(delays) for delays in by_version.values() if delays)
        return Delays(
            told=len(everyone),
            p50_ms=percentile(everyone, 50) * 1e3,
            p99_ms=percentile(everyone, 99) * 1e3,
            last_p50_ms=percentile(lasts, 50) * 1e3,
            last_p99_ms=percentile(lasts, 99) * 1e3,
        )


@dataclass(frozen=True, slots=True)
class Delays:
    """How long changes took: to everybody, and to whoever was told last."""

    told: int
    p50_ms: float
    p99_ms: float
    last_p50_ms: float
    last_p99_ms: float


class Watchers:
    """So many subscribers of one event."""

    def __init__(self, program: Program, folder: Path, count: int) -> None:
        self.count = count
        #: How long it took until all had their first message, and the CPU of the load meanwhile.
        self.subscribing_seconds = 0.0
        self.subscribing_cpu_seconds = 0.0
        self._program = program
        self._folder = folder
        self._told = 0
        self._known: dict[int, int] = {}
        self._answers: asyncio.Queue[list[str]] = asyncio.Queue()
        self._news = asyncio.Condition()
        self._fault: BenchError | None = None

    @classmethod
    @asynccontextmanager
    async def open(
        cls, program: Path, folder: Path, port: int, payload: bytes, count: int, slow: int = 0
    ) -> AsyncIterator["Watchers"]:
        """Subscribe until the block ends. `program` is the compiled `watchers.c`."""
        file = folder / "subscription.json"
        file.write_bytes(payload)
        running = await Program.start(program, port, count, AT_ONCE, slow, file)
        watchers = cls(running, folder, count)
        listening = asyncio.create_task(watchers._listen())
        try:
            _, took, own_cpu = await watchers._answer()
            watchers.subscribing_seconds = float(took)
            watchers.subscribing_cpu_seconds = float(own_cpu)
            await watchers.collect()
            yield watchers
        finally:
            listening.cancel()
            await running.end()

    @property
    def version(self) -> int:
        """The last version that everybody was told of when it was last collected."""
        return min(self._known.values())

    async def until_told(self, version: int) -> None:
        """Wait until all know this version. Raises BenchError when that takes too long."""
        try:
            async with asyncio.timeout(TOLD_SECONDS_MAX), self._news:
                await self._news.wait_for(lambda: self._told >= version or self._fault)
        except TimeoutError:
            raise BenchError(
                f"Not everybody was told of version {version} within {TOLD_SECONDS_MAX:.0f} s."
            ) from None
        if self._fault:
            raise self._fault

    async def collect(self) -> Deliveries:
        """Give what came since the last time. Raises BenchError when a subscriber missed a part."""
        notes = self._folder / "notes"
        await self._program.say("collect", notes)
        _, _, own_cpu = await self._answer()
        arrivals: dict[int, list[float]] = {}
        messages = size = 0
        for at, subscriber, begins, version, length in NOTE.iter_unpack(notes.read_bytes()):
            messages += 1
            size += length
            if version == NONE:
                continue
            known = self._known.get(subscriber)
            if begins not in (NONE, known):
                raise BenchError(f"Subscriber {subscriber} knew {known}, was told from {begins}.")
            for told in range(version if known is None else known + 1, version + 1):
                arrivals.setdefault(told, []).append(at / 1e9)
            self._known[subscriber] = version
        return Deliveries(messages, arrivals, size / max(messages, 1), float(own_cpu))

    async def count_given_up(self) -> int:
        """Tell how many slow readers the server has hung up on."""
        await self._program.say("slow")
        return int((await self._answer())[1])

    async def _answer(self) -> list[str]:
        answer = await self._answers.get()
        if self._fault:
            raise self._fault
        return answer

    async def _listen(self) -> None:
        """Read all that the program says."""
        try:
            while True:
                words = list(await self._program.hear(None))
                if words[0] == "told":
                    async with self._news:
                        self._told = int(words[1])
                        self._news.notify_all()
                else:
                    self._answers.put_nowait(words)
        except BenchError as fault:
            self._fault = fault
            self._answers.put_nowait([])
            async with self._news:
                self._news.notify_all()
