"""Every process sweeps: reservations that have lapsed give their seats back, once a second."""

import asyncio
import random

import sqlalchemy as sa
import structlog

from box_office.box_office import BoxOffice
from box_office.windows import CONNECTION_LOST

SWEEP_EVERY_SECONDS = 1.0
#: Several servers shall not sweep at the very same moment.
SWEEP_JITTER = 0.2

log = structlog.get_logger("onsale.sweeping")


async def sweep_forever(box_office: BoxOffice) -> None:
    """Sweep until cancelled. A sweep that fails is logged, and the next one tries again."""
    is_away = False
    while True:
        pause = SWEEP_EVERY_SECONDS * random.uniform(1 - SWEEP_JITTER, 1 + SWEEP_JITTER)  # noqa: S311 - no secret.
        await asyncio.sleep(pause)
        try:
            expired = await box_office.sweep()
        except Exception as fault:
            if not does_not_answer(fault):
                log.exception("Sweeping failed; it is tried again")
            elif not is_away:
                is_away = True
                problem = type(fault).__name__
                log.warning("Sweeping waits: the database does not answer", problem=problem)
        else:
            if is_away:
                is_away = False
                log.warning("Sweeping goes on: the database answers again")
            if expired:
                log.info("reservations expired", count=expired)


def does_not_answer(fault: BaseException | None) -> bool:
    """Whether it is the database that is away, however deep a library wraps that."""
    while fault is not None:
        if isinstance(fault, CONNECTION_LOST):
            return True
        if isinstance(fault, sa.exc.DBAPIError) and fault.connection_invalidated:
            return True
        # SQLAlchemy raises its own `from` its dialect's, and that one from asyncpg's.
        fault = fault.__cause__
    return False
