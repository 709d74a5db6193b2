"""What every process does again and again: end what has lapsed, take up what was left."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import sqlalchemy as sa
import structlog

from box_office.box_office import BoxOffice
from box_office.reconciling import Reconciler
from box_office.windows import CONNECTION_LOST

SWEEP_EVERY_SECONDS = 1.0
RECONCILE_EVERY_SECONDS = 3.0
#: Several servers shall not come at the very same moment.
JITTER = 0.2

log = structlog.get_logger("onsale.sweeping")


async def sweep_forever(box_office: BoxOffice) -> None:
    """Sweep until cancelled: reservations that have lapsed give their seats back."""
    await repeat("Sweeping", SWEEP_EVERY_SECONDS, box_office.sweep, "reservations expired")


async def reconcile_forever(box_office: BoxOffice) -> None:
    """Reconcile until cancelled: payments that were left between two states go on."""
    reconciler = Reconciler(box_office)
    await repeat("Reconciling", RECONCILE_EVERY_SECONDS, reconciler.take_up, "payments taken up")


async def repeat(
    what: str, every_seconds: float, work: Callable[[], Awaitable[int]], done: str
) -> None:
    """Do it again and again until cancelled. One that fails is logged, and tried again.

    `work` says how much there was to do; `done` is what the log then calls that.
    """
    waits = f"{what} waits: the database does not answer"
    goes_on = f"{what} goes on: the database answers again"
    failed = f"{what} failed; it is tried again"
    is_away = False
    while True:
        await asyncio.sleep(every_seconds * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311 - no secret.
        try:
            count = await work()
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


def does_not_answer(fault: BaseException | None) -> bool:
    """Whether it is the database that is away, however deep a library wraps that."""
    if isinstance(fault, ExceptionGroup):
        return all(map(does_not_answer, fault.exceptions))
    while fault is not None:
        if isinstance(fault, CONNECTION_LOST):
            return True
        if isinstance(fault, sa.exc.DBAPIError) and fault.connection_invalidated:
            return True
        # SQLAlchemy raises its own `from` its dialect's, and that one from asyncpg's.
        fault = fault.__cause__
    return False
