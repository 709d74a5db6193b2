"""A worker's place. Whoever ends in it is replaced, for as long as the leader leads."""

import asyncio
import signal
from contextlib import suppress
from time import monotonic

import structlog

from onsale.crew.figures import FOLDER, forget_gauges
from onsale.crew.worker import Worker

#: What kills one worker after another shall not keep the machine busy as well.
PAUSE_SECONDS_MIN = 0.1
PAUSE_SECONDS_MAX = 30.0
#: Whoever served that long has nothing to do with what killed the one before.
HEALTHY_AFTER_SECONDS = 60.0

log = structlog.get_logger("onsale.crew")


class Berth:
    """One of the places, by its number."""

    def __init__(self, number: int, environment: dict[str, str]) -> None:
        self._number = number
        self._environment = environment
        self._worker: Worker | None = None
        self._pause = PAUSE_SECONDS_MIN

    async def fill(self) -> None:
        """Start a worker and wait until it could serve. Raises StartError or OSError."""
        self._worker = worker = await Worker.start(self._number, self._environment)
        try:
            await worker.until_ready()
        except Exception:
            await worker.kill()
            raise

    async def open(self) -> None:
        """Let the worker serve. Raises StartError or OSError."""
        assert self._worker is not None, "it is filled first"
        try:
            await self._worker.open()
        except Exception:
            await self._worker.kill()
            raise

    async def keep(self) -> None:
        """Replace whoever ends, until cancelled."""
        assert self._worker is not None, "it is filled first"
        while True:
            began = monotonic()
            exit_code = await self._worker.ended()
            log.error(
                "A worker has ended; another takes its place",
                worker=self._number,
                exit_code=exit_code,
            )
            with suppress(OSError):  # Then its gauges are told until the next one has set them.
                forget_gauges(self._environment[FOLDER], self._number)
            if monotonic() - began > HEALTHY_AFTER_SECONDS:
                self._pause = PAUSE_SECONDS_MIN
            await self._replace()

    async def end(self) -> None:
        """Let whoever is there end in order."""
        if self._worker is not None:
            await self._worker.end()

    def hurry(self) -> None:
        """Tell whoever is ending to leave the rest undone."""
        if self._worker is not None:
            self._worker.send(signal.SIGINT)

    async def _replace(self) -> None:
        """Try until somebody serves; the pauses grow."""
        while True:
            await asyncio.sleep(self._pause)
            self._pause = min(2 * self._pause, PAUSE_SECONDS_MAX)
            try:
                await self.fill()
                await self.open()
            except Exception as fault:  # noqa: BLE001 - whatever it is, the next try may succeed.
                log.error(  # noqa: TRY400 - the reason is the worker's, and no traceback of ours.
                    "A worker cannot be replaced; it is tried again",
                    worker=self._number,
                    reason=str(fault),
                    seconds=self._pause,
                )
            else:
                log.warning("A worker was replaced", worker=self._number)
                return
