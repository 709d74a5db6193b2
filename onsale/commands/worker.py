"""`worker`: what goes on whether or not anybody looks, without a door to the network."""

import asyncio
import signal

import structlog

from onsale.app import open_parts
from onsale.commands.reaching import ready
from onsale.logs import configure_logs
from onsale.settings import Settings

log = structlog.get_logger("onsale.worker")


def worker() -> None:
    """Sweep lapsed reservations once a second. Servers do so too: this one is for their rest."""
    with ready(Settings.read()) as settings:
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
