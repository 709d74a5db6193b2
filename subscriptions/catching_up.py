"""Asking the database about one watched event: what is missing, or all of it anew."""

import asyncio
import logging
from uuid import UUID

from box_office.availability import BoardRow, changes_since, load_board, versions_of
from box_office.database import Database
from subscriptions.pace import Pace
from subscriptions.ring import RECENT_VERSIONS_MAX
from subscriptions.watch import EventWatch

logger = logging.getLogger(__name__)

#: Missing more than that, reading all seats anew is cheaper than reading every change.
CATCH_UP_VERSIONS_MAX = 500


class CatchingUp:
    """Brings watched events up to date. Whatever many need at once is asked once."""

    def __init__(self, database: Database, pace: Pace) -> None:
        self._database = database
        self._pace = pace

    async def load(self, event_id: UUID) -> BoardRow | None:
        """Read version and seats in one statement; None: no such public event."""
        async with asyncio.timeout(self._pace.question):
            return await load_board(self._database, event_id)

    async def fill_gap(self, watch: EventWatch) -> None:
        """Fetch what has not arrived, from the change log, or else all seats anew."""
        async with watch.asking, asyncio.timeout(self._pace.question):
            version = watch.board.version
            missing = watch.heard_version - version
            if 0 < missing <= CATCH_UP_VERSIONS_MAX:
                for changes in await changes_since(self._database, watch.event_id, version):
                    watch.take(changes)
            if missing > 0 and watch.board.version == version:
                await self._reload(watch)

    async def start_over(self, watch: EventWatch) -> None:
        """Read all seats anew: the version went back, so nothing known about it holds."""
        async with watch.asking, asyncio.timeout(self._pace.question):
            await self._reload(watch)

    async def reach_forward(self, watch: EventWatch, version: int) -> None:
        """Bring the last tick up to a version that another server has told already.

        A viewer who changes servers must not go back. If the database does not know the version
        either, it is from the future, and nothing happens.
        """
        asked_at = asyncio.get_running_loop().time()
        async with watch.asking:
            if watch.board.version < version and watch.asked_at < asked_at:
                watch.asked_at = asyncio.get_running_loop().time()
                async with asyncio.timeout(self._pace.question):
                    versions = await versions_of(self._database, [watch.event_id])
                watch.hear_of(versions.get(watch.event_id, 0))
        if version <= watch.heard_version and watch.is_behind:
            await self.fill_gap(watch)
        watch.tick()

    async def reach_back(self, watch: EventWatch, version: int) -> None:
        """Fetch older changes from the log, so that who was told `version` can get a delta."""
        async with watch.asking, asyncio.timeout(self._pace.question):
            missing = watch.told.version - version
            known = watch.delta(version) is not None or version < watch.log_begins
            if known or not 0 < missing <= RECENT_VERSIONS_MAX:
                return
            rows = await changes_since(self._database, watch.event_id, version)
            watch.remember(rows)
            if watch.delta(version) is None:  # Neither log nor memory reaches: ask no more.
                watch.log_begins = version + 1

    async def _reload(self, watch: EventWatch) -> None:
        version = watch.board.version
        row = await load_board(self._database, watch.event_id)
        if row is None:
            watch.close()
            return
        logger.info("Read event %s anew: version %d, was %d", row.event_id, row.version, version)
        watch.replace(row, version)
