"""What the simulation has found in production, each in the fewest steps that show it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from random import Random
from uuid import UUID

from box_office.availability import BoardRow
from box_office.changes import SeatChanges
from box_office.live import LiveSnapshot, LiveStale
from subscriptions.boards import Boards
from subscriptions.books import SeatBooks
from subscriptions.feed import NoFeed
from tests.live.simulation import virtual_time
from tests.live.simulation.books import Ledger, UnreliableBooks
from tests.live.simulation.tally import Fault, Tally
from tests.live.simulation.weather import RECOVERY_SECONDS_MAX, Trouble, Weather
from tests.live.simulation.world import EVENTS

EVENT = EVENTS[0]
CROWD = 40


class WatchedBooks(UnreliableBooks):
    """Counts who asks for all seats; may fail, or hang, at every question but the short one."""

    def __init__(self, ledger: Ledger, *troubles: Trouble) -> None:
        super().__init__({EVENT: ledger}, 0, Weather(troubles), Random(7), Tally())
        self.loads = 0
        self.refuses = False
        self.hangs = False

    async def load_board(self, event_id: UUID) -> BoardRow | None:
        self.loads += 1
        await self._be_difficult()
        return await super().load_board(event_id)

    async def changes_since(self, event_id: UUID, version: int) -> list[SeatChanges]:
        await self._be_difficult()
        return await super().changes_since(event_id, version)

    async def _be_difficult(self) -> None:
        if self.refuses:
            raise ConnectionResetError("canceling statement due to statement timeout")
        if self.hangs:
            await asyncio.Event().wait()


@asynccontextmanager
async def boards_of(books: SeatBooks) -> AsyncIterator[Boards]:
    boards = Boards(books, NoFeed())
    await boards.start()
    try:
        await boards.view(EVENT)
        yield boards
    finally:
        await boards.stop()


async def restore_below_what_was_heard(boards: Boards, ledger: Ledger) -> None:
    """Down to the version of the board, which had heard of a later one: 1 of 0, 2 and none."""
    await asyncio.sleep(0.6)  # The books are away now.
    ledger.commit({0: 1}, now=0.6)  # Nobody tells of it.
    boards.apply(ledger.commit({1: 1}, now=0.6))
    ledger.restore(0, now=0.6, moved_on=False)
    await asyncio.sleep(10)  # They came back, and were looked at.


AWAY = Trouble(Fault.BOOKS_AWAY, begins=0.5, ends=5.0, strength=1.0, server=None)


def test_what_was_heard_before_a_restore_is_not_applied_after_it() -> None:
    async def scenario() -> None:
        ledger = Ledger(EVENT, seat_count=8, log_rows_max=100)
        async with boards_of(WatchedBooks(ledger, AWAY)) as boards:
            await restore_below_what_was_heard(boards, ledger)

            boards.apply(ledger.commit({2: 1}, now=11))

            view = await boards.view(EVENT)
            assert view is not None
            assert [view.state(seat) for seat in range(8)] == list(ledger.seats)

    virtual_time.run(scenario())


def test_after_a_restore_nobody_asks_on_and_on_for_what_is_no_more() -> None:
    async def scenario() -> None:
        ledger = Ledger(EVENT, seat_count=8, log_rows_max=100)
        books = WatchedBooks(ledger, AWAY)
        async with boards_of(books) as boards:
            await restore_below_what_was_heard(boards, ledger)
            books.loads = 0

            await asyncio.sleep(10)

            assert books.loads == 0

    virtual_time.run(scenario())


def test_who_is_behind_is_told_so_though_the_database_answers_every_look() -> None:
    async def scenario() -> None:
        ledger = Ledger(EVENT, seat_count=8, log_rows_max=100)
        books = WatchedBooks(ledger)
        async with boards_of(books) as boards, aclosing(boards.follow(EVENT)) as messages:
            assert isinstance(await anext(messages), LiveSnapshot)
            books.refuses = True
            ledger.commit({0: 1}, now=0)

            async with asyncio.timeout(RECOVERY_SECONDS_MAX):
                assert isinstance(await anext(messages), LiveStale)

    virtual_time.run(scenario())


def test_a_crowd_that_resumes_does_not_stand_in_line_for_a_silent_database() -> None:
    async def scenario() -> None:
        ledger = Ledger(EVENT, seat_count=8, log_rows_max=100)
        for number in range(CROWD):
            ledger.commit({number % 8: 1}, now=0)
        books = WatchedBooks(ledger)
        async with boards_of(books) as boards:
            books.hangs = True
            streams = [boards.follow(EVENT, since) for since in range(CROWD)]

            async with asyncio.timeout(RECOVERY_SECONDS_MAX):
                await asyncio.gather(*map(anext, streams))

            for stream in streams:
                await stream.aclose()

    virtual_time.run(scenario())
