"""What a worker does: all that goes on in a server whether or not anybody looks."""

import asyncio
import signal

import structlog

from onsale.app import open_parts
from onsale.logs import configure_logs
from onsale.settings import Settings

log = structlog.get_logger("onsale.worker")


def run_worker(settings: Settings) -> None:
    """Work until SIGTERM or Ctrl-C."""
    configure_logs(settings.log_format)
    asyncio.run(_work(settings))


async def _work(settings: Settings) -> None:
    """Do what a server does besides serving, until SIGTERM or Ctrl-C."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for end in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(end, ended.set)
    async with open_parts(settings):
        log.info("The worker is at work")
        await ended.wait()
    log.info("The worker has ended")
