"""What every process does again and again: end what has lapsed, take up what was left."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from box_office.box_office import BoxOffice
from box_office.database import Database
from box_office.reconciling import Reconciler
from box_office.statistics import refresh_statistics
from onsale.outages import does_not_answer

SWEEP_EVERY_SECONDS = 1.0
STATISTICS_EVERY_SECONDS = 1.0
RECONCILE_EVERY_SECONDS = 3.0
#: Where more was left than could be taken up at once.
RECONCILE_SOON_SECONDS = 0.5
#: Several servers shall not come at the very same moment.
JITTER = 0.2
#: A database that says nothing at all is not waited for any longer; a silent one ends no statement.
PATIENCE_SECONDS = 20.0
#: What is cancelled is waited for so long, which is plenty if the database answers.
END_SECONDS_MAX = 1.0

log = structlog.get_logger("onsale.sweeping")


async def sweep_forever(box_office: BoxOffice) -> None:
    """Sweep until cancelled: reservations that have lapsed give their seats back."""
    sweep, done = box_office.sweep, "reservations expired"
    await repeat("Sweeping", SWEEP_EVERY_SECONDS, sweep, done, PATIENCE_SECONDS)


async def refresh_statistics_forever(database: Database) -> None:
    """Keep PostgreSQL's plans fitting to how large its tables are, until cancelled."""

    async def refresh() -> int:
        return len(await refresh_statistics(database))

    done = "tables counted again"
    every = STATISTICS_EVERY_SECONDS
    await repeat("Counting tables", every, refresh, done, PATIENCE_SECONDS)


async def reconcile_forever(box_office: BoxOffice) -> None:
    """Reconcile until cancelled: payments that were left between two states go on."""
    reconciler = Reconciler(box_office)

    def pause() -> float:
        return RECONCILE_SOON_SECONDS if reconciler.has_more else RECONCILE_EVERY_SECONDS

    take_up, done = reconciler.take_up, "payments taken up"
    await repeat("Reconciling", pause, take_up, done, PATIENCE_SECONDS)


async def repeat(
    what: str,
    pause: float | Callable[[], float],
    work: Callable[[], Coroutine[Any, Any, int]],
    done: str,
    patience: float,
) -> None:
    """Do it again and again until cancelled. One that fails is logged, and tried again.

    An outage is told when it begins and when it is over, and any other fault each time. `work` says
    how much there was to do; `done` is what the log then calls that. Times are in seconds.
    """
    waits = f"{what} waits: the database does not answer"
    goes_on = f"{what} goes on: the database answers again"
    failed = f"{what} failed; it is tried again"
    is_away = False
    while True:
        seconds = pause() if callable(pause) else pause
        await asyncio.sleep(seconds * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311 - no secret.
        try:
            count = await patiently(work(), patience)
        except Exception as fault:
            if not does_not_answer(fault):
                log.exception(failed)
            elif not is_away:
                is_away = True
                problem = type(fault).__name__
                log.warning(waits, problem=problem)
        else:
            if is_away:
                is_away = False
                log.warning(goes_on)
            if count:
                log.info(done, count=count)


async def patiently(work: Coroutine[Any, Any, int], seconds: float) -> int:
    """Wait so long for the work and no longer. Raises TimeoutError, whatever then becomes of it.

    Not `asyncio.timeout`: that one waits until what it cancels has ended, and a statement ends only
    once the silent database has confirmed it.
    """
    task = asyncio.create_task(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    finally:
        task.cancel()
        await asyncio.wait({task}, timeout=END_SECONDS_MAX)
    if not done:
        raise TimeoutError
    return task.result()
