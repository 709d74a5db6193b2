"""Every process sweeps: reservations that have lapsed give their seats back, once a second."""

import asyncio
import random

import structlog

from box_office.box_office import BoxOffice

SWEEP_EVERY_SECONDS = 1.0
#: Several servers shall not sweep at the very same moment.
SWEEP_JITTER = 0.2

log = structlog.get_logger("onsale.sweeping")


async def sweep_forever(box_office: BoxOffice) -> None:
    """Sweep until cancelled. A sweep that fails is logged, and the next one tries again."""
    while True:
        pause = SWEEP_EVERY_SECONDS * random.uniform(1 - SWEEP_JITTER, 1 + SWEEP_JITTER)  # noqa: S311 - no secret.
        await asyncio.sleep(pause)
        try:
            expired = await box_office.sweep()
        except Exception:
            log.exception("Sweeping failed; it is tried again")
        else:
            if expired:
                log.info("reservations expired", count=expired)
