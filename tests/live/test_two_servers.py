"""Two servers over one database and one Redis, and what happens when that Redis dies."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

import pytest

from box_office.availability import PostgresBooks
from box_office.changes import SeatChanges
from box_office.database import Database
from box_office.live import LiveSnapshot
from onsale.embedded.ports import free_port
from onsale.redis_news import RedisFeed, RedisNews
from subscriptions import watch
from subscriptions.boards import Boards
from subscriptions.pace import Pace
from tests.live.breakable import OwnValkey
from tests.live.conftest import SELDOM_LOOKING, running
from tests.live.hall import Hall, open_hall
from tests.live.viewer import Viewer

CHANGES = 1_000


@dataclass
class LiveServer:
    """The live side of one process, as the application puts it together."""

    boards: Boards
    news: RedisNews

    def commit(self, changes: SeatChanges) -> None:
        self.boards.apply(changes)
        self.news.announce(changes)


@asynccontextmanager
async def live_server(
    database_url: str, redis_url: str, pace: Pace | None = None
) -> AsyncIterator[LiveServer]:
    database = await Database.connect(database_url)
    news, feed = RedisNews(redis_url, "here"), RedisFeed(redis_url, "here")
    await news.start()
    await feed.start()
    async with running(Boards(PostgresBooks(database), feed, pace)) as boards:
        yield LiveServer(boards, news)
    await feed.stop()
    await news.stop()
    await database.close()


async def test_a_change_on_one_server_is_seen_on_the_other_by_news_alone(
    database_url: str, redis_url: str, hall: Hall
) -> None:
    async with (
        live_server(database_url, redis_url, SELDOM_LOOKING) as here,
        live_server(database_url, redis_url, SELDOM_LOOKING) as there,
    ):
        viewer = Viewer(hall)
        async with viewer.following(there.boards):
            for _ in range(30):
                here.commit(await hall.change_at_random())
            await viewer.sees_the_truth(seconds=1)


async def test_an_idle_event_is_heard_again_when_somebody_comes_back(
    database_url: str, redis_url: str, hall: Hall
) -> None:
    pace = Pace(tick=0.02, look=60, idle=0.2)
    async with (
        live_server(database_url, redis_url, pace) as here,
        live_server(database_url, redis_url, pace) as there,
    ):
        await there.boards.view(hall.event_id)
        await asyncio.sleep(0.5)
        assert not there.boards._watched

        viewer = Viewer(hall)
        async with viewer.following(there.boards):
            here.commit(await hall.change({1: 2}))
            await viewer.sees_the_truth(seconds=1)


async def test_without_redis_the_other_server_is_a_second_late_and_right(
    database_url: str, hall: Hall
) -> None:
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    async with (
        live_server(database_url, nowhere) as here,
        live_server(database_url, nowhere) as there,
    ):
        viewer = Viewer(hall)
        async with viewer.following(there.boards):
            for _ in range(30):
                here.commit(await hall.change_at_random())
            await viewer.sees_the_truth(seconds=2)


@pytest.mark.untrue_books(reason="A hall by hand has no reservations.")
@pytest.mark.parametrize("seat_count", [200])
async def test_a_map_is_true_after_a_thousand_changes_a_dead_redis_and_broken_lines(
    database: Database,
    database_url: str,
    own_valkey: OwnValkey,
    seat_count: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Viewers move between two servers, resume where they were, and never go back nor skip."""
    # However much changes, it is told as a delta here: a snapshot would hide that one is missing.
    monkeypatch.setattr(watch, "DELTA_SEATS_MIN", seat_count)
    hall = await open_hall(database, seat_count)
    async with AsyncExitStack() as stack:
        servers = [
            await stack.enter_async_context(live_server(database_url, own_valkey.url))
            for _ in range(2)
        ]
        steady, restless = Viewer(hall), Viewer(hall)
        await stack.enter_async_context(steady.following(servers[1].boards))
        moving = asyncio.create_task(_move_about(restless, servers))

        for number in range(CHANGES):
            hall.dice.choice(servers).commit(await hall.change_at_random())
            if number == CHANGES // 4:
                own_valkey.kill()
            if number == 3 * CHANGES // 4:
                own_valkey.start()
            if number % 10 == 0:
                await asyncio.sleep(0.02)

        moving.cancel()
        with suppress(asyncio.CancelledError):
            await moving
        await steady.sees_the_truth()
        async with restless.following(servers[0].boards, restless.version):
            await restless.sees_the_truth()
    assert sum(isinstance(message, LiveSnapshot) for message in steady.told) == 1


async def _move_about(viewer: Viewer, servers: list[LiveServer]) -> None:
    """Follow for a short while, be cut off, and resume at either server."""
    while True:
        server = viewer.hall.dice.choice(servers)
        since = viewer.version if viewer.version >= 0 else None
        async with viewer.following(server.boards, since):
            await asyncio.sleep(viewer.hall.dice.uniform(0.01, 0.2))
