"""Asking the database about one watched event: what is missing, or all of it anew."""

import asyncio
import logging
from uuid import UUID

from box_office.availability import BoardRow
from subscriptions.books import SeatBooks
from subscriptions.pace import Pace
from subscriptions.ring import RECENT_VERSIONS_MAX
from subscriptions.watch import EventWatch

logger = logging.getLogger(__name__)

#: Missing more than that, reading all seats anew is cheaper than reading every change.
CATCH_UP_VERSIONS_MAX = 500


class CatchingUp:
    """Brings watched events up to date. Whatever many need at once is asked once."""

    def __init__(self, books: SeatBooks, pace: Pace) -> None:
        self._books = books
        self._pace = pace

    async def load(self, event_id: UUID) -> BoardRow | None:
        """Read version and seats in one statement; None: no such public event."""
        async with asyncio.timeout(self._pace.question):
            return await self._books.load_board(event_id)

    async def fill_gap(self, watch: EventWatch) -> None:
        """Fetch what has not arrived, from the change log, or else all seats anew."""
        async with asyncio.timeout(self._pace.question), watch.asking:
            version = watch.board.version
            missing = watch.heard_version - version
            if 0 < missing <= CATCH_UP_VERSIONS_MAX:
                for changes in await self._books.changes_since(watch.event_id, version):
                    watch.take(changes)
            if missing > 0 and watch.board.version == version:
                await self._reload(watch)

    async def start_over(self, watch: EventWatch) -> None:
        """Read all seats anew: the version went back, so nothing known about it holds."""
        async with asyncio.timeout(self._pace.question), watch.asking:
            await self._reload(watch)

    async def reach_forward(self, watch: EventWatch, version: int) -> None:
        """Bring the last tick up to a version that another server has told already.

        A viewer who changes servers must not go back. If the database does not know the version
        either, it is from the future, and nothing happens. The tick comes when it is due, or else
        all who resume would have the others told at their pace. The caller limits the time.
        """
        asked_at = asyncio.get_running_loop().time()
        async with watch.asking:
            if watch.board.version < version and watch.asked_at < asked_at:
                watch.asked_at = asyncio.get_running_loop().time()
                versions = await self._books.versions_of([watch.event_id])
                watch.hear_of(versions.get(watch.event_id, 0))
        if version <= watch.heard_version and watch.is_behind:
            await self.fill_gap(watch)
        await watch.reach(version)

    async def reach_back(self, watch: EventWatch, version: int) -> None:
        """Fetch older changes from the log, so that who was told `version` can get a delta.

        The caller limits the time.
        """
        async with watch.asking:
            missing = watch.told.version - version
            known = watch.reaches(version) or version < watch.log_begins
            if known or not 0 < missing <= RECENT_VERSIONS_MAX:
                return
            rows = await self._books.changes_since(watch.event_id, version)
            watch.remember(rows)
            if not watch.reaches(version):  # Neither log nor memory reaches: ask no more.
                watch.log_begins = version + 1

    async def _reload(self, watch: EventWatch) -> None:
        heard, version = watch.heard_version, watch.board.version
        row = await self._books.load_board(watch.event_id)
        if row is None:
            watch.close()
            return
        logger.info("Read event %s anew: version %d, was %d", row.event_id, row.version, version)
        watch.replace(row, heard)
