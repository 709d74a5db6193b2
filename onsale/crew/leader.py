"""The leader: keeps together what all workers use, starts them, and ends them in order."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import structlog
from pydantic import SecretStr

from onsale.crew.berth import Berth
from onsale.crew.figures import FOLDER, figures_folder
from onsale.crew.worker import environment_of
from onsale.door import webhooks_url
from onsale.logs import configure_logs
from onsale.payments.pretend.own import own_provider
from onsale.settings import Settings, StartError

log = structlog.get_logger("onsale.crew")


def lead(settings: Settings, say_ready: Callable[[], None]) -> None:
    """Serve by `settings.workers` workers until SIGTERM or Ctrl-C.

    `say_ready` is called once, when all of them serve. Raises StartError if that never comes true.
    Somebody holds the port meanwhile: an `onsale.door` that is shared.
    """
    configure_logs(settings.log_format)
    with figures_folder() as folder:
        asyncio.run(_lead(settings, folder, say_ready))


async def _lead(settings: Settings, figures: str, say_ready: Callable[[], None]) -> None:
    async with _provided(settings) as provided:
        environment = environment_of(provided) | {FOLDER: figures}
        berths = [Berth(number, environment) for number in range(settings.workers)]
        work = asyncio.create_task(_work(berths, say_ready))
        _end_on_signals(work, berths)
        try:
            with suppress(asyncio.CancelledError):
                await work
        finally:
            await asyncio.gather(*(berth.end() for berth in berths))


async def _work(berths: Sequence[Berth], say_ready: Callable[[], None]) -> None:
    """Fill the berths, and keep them filled until cancelled."""
    try:
        await asyncio.gather(*(berth.fill() for berth in berths))
        await asyncio.gather(*(berth.open() for berth in berths))
    except OSError as fault:
        raise StartError(f"A worker could not be started: {fault.strerror}.") from None
    log.info("All workers serve", workers=len(berths))
    say_ready()
    await asyncio.gather(*(berth.keep() for berth in berths))


def _end_on_signals(work: asyncio.Task[None], berths: Sequence[Berth]) -> None:
    """End in order when told to; a second Ctrl-C is for whoever will not wait for that."""

    def end(number: signal.Signals) -> None:
        if not work.done():
            work.cancel()
        elif number == signal.SIGINT:
            for berth in berths:
                berth.hurry()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, number)


@asynccontextmanager
async def _provided(settings: Settings) -> AsyncIterator[Settings]:
    """Name one payment provider for all; one of our own is the leader's, and ends after them."""
    if settings.payments_url is not None:
        yield settings
        return
    async with own_provider(settings.data_dir, webhooks_url(settings)) as own:
        yield settings.model_copy(
            update={"payments_url": own.url, "payments_key": SecretStr(own.key)}
        )
