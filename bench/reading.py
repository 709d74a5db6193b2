"""Reading the same answer again and again."""

from typing import NamedTuple

from bench.figures import Round, figures_of
from bench.load.http import HttpLoad
from bench.processes import Server


class Reader(NamedTuple):
    """Reads one answer from one server."""

    server: Server
    request: bytes
    #: What every answer has to be.
    answer: bytes
    load: HttpLoad

    async def read(self, seconds: float) -> Round:
        """Read for so long, on every connection."""
        cpu = self.server.cpu_seconds()
        outcome = await self.load.run([self.request], seconds, repeat=True, expected=self.answer)
        cpu = self.server.cpu_seconds() - cpu
        return figures_of(outcome, outcome.good, cpu, 0.0) | {"bytes": len(self.answer)}
