"""When the database is silent, viewers are told so; never silence."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from box_office.availability import PostgresBooks
from box_office.database import Database
from box_office.live import LiveDelta, LiveSnapshot, LiveStale
from onsale.redis_news import RedisFeed
from subscriptions.boards import Boards
from subscriptions.feed import NoFeed
from tests.given_time import eventually
from tests.live.breakable import BreakableProxy
from tests.live.conftest import HURRIED, running
from tests.live.hall import Hall
from tests.live.viewer import Viewer


@pytest.fixture
async def far_boards(far_database: Database) -> AsyncIterator[Boards]:
    """Boards whose way to the database may be cut; the hall itself stays reachable."""
    async with running(Boards(PostgresBooks(far_database), NoFeed(), HURRIED)) as boards:
        yield boards


async def test_a_silent_database_is_told_once_and_an_empty_delta_ends_it(
    far_boards: Boards, hall: Hall, proxy: BreakableProxy
) -> None:
    viewer = Viewer(hall)
    async with viewer.following(far_boards):
        proxy.freeze()
        await eventually(lambda: viewer.is_stale)
        await asyncio.sleep(HURRIED.stale)  # Time enough to be told twice.

        proxy.heal()
        await eventually(lambda: not viewer.is_stale)

    assert [type(message) for message in viewer.told] == [LiveSnapshot, LiveStale, LiveDelta]
    end = viewer.told[-1]
    assert isinstance(end, LiveDelta)
    assert (end.from_version, end.version, end.seat_indexes) == (0, 0, ())


async def test_what_happened_in_the_silence_ends_it(
    far_boards: Boards, hall: Hall, proxy: BreakableProxy
) -> None:
    viewer = Viewer(hall)
    async with viewer.following(far_boards):
        proxy.freeze()
        await eventually(lambda: viewer.is_stale)
        await hall.change({1: 2})
        await hall.change({2: 2})

        proxy.heal()
        await eventually(lambda: not viewer.is_stale)

        assert viewer.version == 2
        await viewer.sees_the_truth()
    assert [type(message) for message in viewer.told] == [LiveSnapshot, LiveStale, LiveDelta]


async def test_news_in_the_silence_are_taken_in_and_told_after_it(
    far_boards: Boards, hall: Hall, proxy: BreakableProxy
) -> None:
    viewer = Viewer(hall)
    async with viewer.following(far_boards):
        proxy.freeze()
        await eventually(lambda: viewer.is_stale)

        far_boards.apply(await hall.change({1: 2}))
        view = await far_boards.view(hall.event_id)
        assert view is not None
        assert view.version == 1
        await asyncio.sleep(5 * HURRIED.tick)
        assert viewer.is_stale

        proxy.heal()
        await viewer.sees_the_truth()


async def test_who_comes_in_the_silence_is_told_what_is_known_and_that_it_is_old(
    far_boards: Boards, hall: Hall, proxy: BreakableProxy
) -> None:
    await far_boards.view(hall.event_id)
    proxy.freeze()
    first = Viewer(hall)
    async with first.following(far_boards):
        await eventually(lambda: first.is_stale)

        late = Viewer(hall)
        async with late.following(far_boards, since_version=77):
            await eventually(lambda: late.is_stale)

            proxy.heal()
            await eventually(lambda: not late.is_stale)
    assert [type(message) for message in late.told] == [LiveSnapshot, LiveStale, LiveDelta]


async def test_who_comes_first_in_the_silence_is_told_the_newest_that_is_known(
    far_boards: Boards, hall: Hall, proxy: BreakableProxy
) -> None:
    await far_boards.view(hall.event_id)
    far_boards.apply(await hall.change({3: 2}))
    proxy.freeze()
    watch = far_boards._watched[hall.event_id]
    await eventually(lambda: watch.stale_since is not None)

    viewer = Viewer(hall)
    async with viewer.following(far_boards):
        await eventually(lambda: viewer.is_stale)

    assert (viewer.version, viewer.states[3]) == (1, 2)


async def test_a_database_that_went_back_in_the_silence_is_shown_as_it_is(
    far_boards: Boards, hall: Hall, proxy: BreakableProxy
) -> None:
    viewer = Viewer(hall)
    async with viewer.following(far_boards):
        for _ in range(6):
            far_boards.apply(await hall.change_at_random())
        await viewer.sees_the_truth()
        proxy.freeze()
        await eventually(lambda: viewer.is_stale)
        await hall.restore(version=2)
        viewer.may_go_back = True

        proxy.heal()
        await eventually(lambda: not viewer.is_stale)

        assert viewer.version == 2
        assert isinstance(viewer.told[-1], LiveSnapshot)


async def test_a_database_that_refuses_is_silent_too(
    far_boards: Boards, hall: Hall, proxy: BreakableProxy
) -> None:
    viewer = Viewer(hall)
    async with viewer.following(far_boards):
        await proxy.cut()
        await eventually(lambda: viewer.is_stale)
        await hall.change({1: 2})

        await proxy.open()
        await viewer.sees_the_truth()


@asynccontextmanager
async def frozen(proxy: BreakableProxy) -> AsyncIterator[None]:
    proxy.freeze()
    yield
    proxy.heal()


async def test_without_the_database_no_board_can_be_opened_and_later_it_can(
    far_boards: Boards, hall: Hall, proxy: BreakableProxy
) -> None:
    async with frozen(proxy):
        with pytest.raises(TimeoutError):
            await far_boards.view(hall.event_id)

    assert await far_boards.view(hall.event_id) is not None


async def test_what_could_not_be_opened_is_not_listened_to(
    far_database: Database, hall: Hall, proxy: BreakableProxy, redis_url: str
) -> None:
    feed = RedisFeed(redis_url, "here")
    await feed.start()
    async with running(Boards(PostgresBooks(far_database), feed, HURRIED)) as boards:
        async with frozen(proxy):
            for event_id in (hall.event_id, uuid4()):
                with pytest.raises(TimeoutError):
                    await boards.view(event_id)
        assert feed._wanted == set()

        assert await boards.view(hall.event_id) is not None
        assert feed._wanted == {hall.event_id}
    await feed.stop()


async def test_a_server_that_stood_still_calls_nobody_silent(
    far_boards: Boards, hall: Hall
) -> None:
    viewer = Viewer(hall)
    async with viewer.following(far_boards):
        for _ in range(3):
            time.sleep(HURRIED.stale * 1.5)  # noqa: ASYNC251 - as a query of many seats would.
            await asyncio.sleep(HURRIED.stale / 4)

    assert [type(message) for message in viewer.told] == [LiveSnapshot]
