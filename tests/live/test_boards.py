"""Boards over a real database: who looks, who follows, and what is asked of PostgreSQL for it."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from box_office.availability import PostgresBooks
from box_office.database import Database
from box_office.live import LiveDelta, LiveMessage, LiveSnapshot, UnknownEvent
from subscriptions.boards import Boards
from subscriptions.feed import NoFeed
from subscriptions.pace import Pace
from tests.given_time import eventually
from tests.live.conftest import HURRIED, SELDOM_LOOKING, running
from tests.live.hall import Hall, open_hall
from tests.live.viewer import Viewer


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """Every statement that is sent to PostgreSQL within the block."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        sent.append(statement)

    engine = database.engine.sync_engine
    sa.event.listen(engine, "before_cursor_execute", note)
    yield sent
    sa.event.remove(engine, "before_cursor_execute", note)


@asynccontextmanager
async def messages(
    boards: Boards, hall: Hall, since_version: int | None = None
) -> AsyncIterator["Reader"]:
    stream = boards.follow(hall.event_id, since_version)
    try:
        yield Reader(stream)
    finally:
        await stream.aclose()


class Reader:
    """Reads a message when a test says so."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def snapshot(self) -> LiveSnapshot:
        message = await self.message()
        assert isinstance(message, LiveSnapshot)
        return message

    async def delta(self) -> LiveDelta:
        message = await self.message()
        assert isinstance(message, LiveDelta)
        return message

    async def message(self) -> LiveMessage:
        async with asyncio.timeout(5):
            message: LiveMessage = await anext(self._stream)
        return message


async def commit(boards: Boards, hall: Hall, seats: dict[int, int]) -> None:
    """Change seats as a buyer of this very server does."""
    boards.apply(await hall.change(seats))


async def test_an_own_change_is_seen_before_anything_else_happens(
    boards: Boards, hall: Hall
) -> None:
    await boards.view(hall.event_id)
    change = await hall.change({3: 1})

    boards.apply(change)

    view = await boards.view(hall.event_id)
    assert view is not None
    assert (view.version, view.state(3), view.held) == (1, 1, 1)


async def test_many_first_users_share_one_load(boards: Boards, hall: Hall) -> None:
    with statements(hall.database) as sent:
        views = await asyncio.gather(*(boards.view(hall.event_id) for _ in range(50)))

    assert len(sent) == 1
    assert len({id(view) for view in views}) == 1


async def test_a_first_user_who_gives_up_does_not_stop_the_others(
    boards: Boards, hall: Hall
) -> None:
    first = asyncio.create_task(boards.view(hall.event_id))
    second = asyncio.create_task(boards.view(hall.event_id))
    await asyncio.sleep(0)

    first.cancel()

    assert await second is not None


async def test_an_event_that_is_unknown_or_a_draft_has_no_board(boards: Boards, hall: Hall) -> None:
    await hall.database.pool.execute(
        "UPDATE events SET state = 'DRAFT' WHERE id = $1", hall.event_id
    )

    for event_id in (uuid4(), hall.event_id):
        assert await boards.view(event_id) is None
        with pytest.raises(UnknownEvent):
            await anext(boards.follow(event_id))
    assert boards.free_seats(hall.event_id, 0, 9, 1) == []


async def test_a_watched_event_is_seen_at_once(boards: Boards, hall: Hall) -> None:
    assert boards.seen(hall.event_id) is None

    view = await boards.view(hall.event_id)

    assert view is not None
    watch = boards._watched[hall.event_id]
    watch.last_used = 0.0
    assert boards.seen(hall.event_id) is view
    assert watch.last_used > 0.0  # It counts as a look.


async def test_free_seats_are_proposed_for_watched_events_only(boards: Boards, hall: Hall) -> None:
    assert boards.free_seats(hall.event_id, 0, 9, 2) == []
    await boards.view(hall.event_id)
    await commit(boards, hall, {0: 2})

    assert boards.free_seats(hall.event_id, 0, 9, 2) == [1, 2]


async def test_changes_between_listening_and_reading_are_not_lost(hall: Hall) -> None:
    class BusyFeed(NoFeed):
        async def watch(self, event_id: UUID) -> bool:
            """Two are committed while the confirmation is on its way; one is heard late."""
            assert event_id == hall.event_id
            boards.apply(await hall.change({1: 2}))
            self.later = await hall.change({2: 2})
            return True

    feed = BusyFeed()
    async with running(Boards(PostgresBooks(hall.database), feed, SELDOM_LOOKING)) as boards:
        view = await boards.view(hall.event_id)
        boards.apply(feed.later)

        assert view is not None
        assert view.version == 2
        assert await boards.view(hall.event_id) is view


async def test_every_change_reaches_a_viewer(boards: Boards, hall: Hall) -> None:
    viewer = Viewer(hall)
    async with viewer.following(boards):
        for _ in range(60):
            boards.apply(await hall.change_at_random())
        await viewer.sees_the_truth()


async def test_without_any_news_looking_is_enough(looking_boards: Boards, hall: Hall) -> None:
    viewer = Viewer(hall)
    async with viewer.following(looking_boards):
        for _ in range(60):
            await hall.change_at_random()
        await viewer.sees_the_truth(seconds=1.5)


async def test_lost_repeated_and_reordered_news_give_the_true_map(
    looking_boards: Boards, hall: Hall
) -> None:
    viewer = Viewer(hall)
    async with viewer.following(looking_boards):
        for _ in range(20):
            changes = [await hall.change_at_random() for _ in range(5)]
            for change in hall.dice.choices(changes, k=6):
                looking_boards.apply(change)
        await viewer.sees_the_truth()


async def test_a_gap_is_filled_from_the_change_log_long_before_the_look(
    boards: Boards, hall: Hall
) -> None:
    async with messages(boards, hall) as reader:
        await reader.snapshot()
        await hall.change({1: 1})
        await hall.change({2: 1})

        boards.apply(await hall.change({3: 1}))

        delta = await reader.delta()
        assert (delta.from_version, delta.version) == (0, 3)
        assert delta.seat_indexes == (1, 2, 3)


async def test_a_gap_that_closes_by_itself_asks_nothing_of_the_database(
    boards: Boards, hall: Hall
) -> None:
    await boards.view(hall.event_id)
    first, second = await hall.change({1: 1}), await hall.change({2: 1})

    with statements(hall.database) as sent:
        boards.apply(second)
        boards.apply(first)
        await asyncio.sleep(3 * SELDOM_LOOKING.gap)

    assert sent == []


async def test_a_gap_that_the_change_log_has_forgotten_is_read_anew(
    boards: Boards, hall: Hall
) -> None:
    viewer = Viewer(hall)
    async with viewer.following(boards):
        await hall.change({1: 1})
        await hall.change({2: 1})
        await hall.forget_log(1)

        boards.apply(await hall.change({3: 1}))
        await viewer.sees_the_truth()

    assert [type(message) for message in viewer.told] == [LiveSnapshot, LiveSnapshot]


async def test_news_that_cannot_be_true_are_passed_over(boards: Boards, hall: Hall) -> None:
    viewer = Viewer(hall)
    async with viewer.following(boards):
        change = await hall.change({1: 1})
        nonsense = type(change)(hall.event_id, 1, change.as_of, (99_999,), b"\1")

        boards.apply(nonsense)
        boards.apply(change)

        await viewer.sees_the_truth()


async def test_a_restored_database_is_noticed_and_shown_as_it_is(
    looking_boards: Boards, hall: Hall
) -> None:
    viewer = Viewer(hall)
    async with viewer.following(looking_boards):
        for _ in range(8):
            looking_boards.apply(await hall.change_at_random())
        await viewer.sees_the_truth()

        viewer.may_go_back = True
        await hall.restore(version=3)
        await eventually(lambda: viewer.version == 3)
        await viewer.sees_the_truth()

        viewer.may_go_back = False
        looking_boards.apply(await hall.change({5: 2}))
        await viewer.sees_the_truth()
        assert [type(message) for message in viewer.told[-2:]] == [LiveSnapshot, LiveDelta]


async def test_a_viewer_gets_many_changes_as_one_merged_message(hall: Hall) -> None:
    async with (
        running(
            Boards(PostgresBooks(hall.database), NoFeed(), Pace(tick=0.2, look=60, stale=300))
        ) as boards,
        messages(boards, hall) as reader,
    ):
        await reader.snapshot()
        await commit(boards, hall, {0: 1})
        await reader.delta()

        for seat in range(10):
            await commit(boards, hall, {seat: 1, 15: seat % 2})

        delta = await reader.delta()
        assert (delta.from_version, delta.version) == (1, 11)
        assert dict(zip(delta.seat_indexes, delta.states, strict=True))[15] == 1
        assert delta.available == 9


async def test_all_viewers_of_a_tick_are_told_the_very_same_object(
    boards: Boards, hall: Hall
) -> None:
    viewers = [Viewer(hall) for _ in range(30)]
    tasks = [asyncio.create_task(viewer.follow(boards)) for viewer in viewers]
    await eventually(lambda: all(viewer.told for viewer in viewers))

    with statements(hall.database) as sent:
        await commit(boards, hall, {4: 2})
        await eventually(lambda: all(viewer.version == 1 for viewer in viewers))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert len({id(viewer.told[0]) for viewer in viewers}) == 1
    assert len({id(viewer.told[1]) for viewer in viewers}) == 1
    assert sent == []


async def test_a_slow_reader_gets_one_merged_message_for_all_it_missed(
    boards: Boards, hall: Hall
) -> None:
    async with messages(boards, hall) as slow:
        await slow.snapshot()
        quick = Viewer(hall)
        async with quick.following(boards):
            for _ in range(80):
                boards.apply(await hall.change_at_random())
                await asyncio.sleep(0.005)
            await quick.sees_the_truth()
        assert len(quick.told) > 5

        delta = await slow.delta()

    assert (delta.from_version, delta.version) == (0, 80)
    assert len(set(delta.seat_indexes)) == len(delta.seat_indexes) <= hall.seat_count


async def test_nothing_is_kept_for_slow_readers(boards: Boards, hall: Hall) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(50):
            slow = await stack.enter_async_context(messages(boards, hall))
            await slow.snapshot()
        quick = Viewer(hall)
        async with quick.following(boards):
            for _ in range(40):
                boards.apply(await hall.change_at_random())
                await asyncio.sleep(0.005)
            await quick.sees_the_truth()

        told = [weakref.ref(message) for message in quick.told]
        assert len(told) > 5
        quick.told.clear()
        gc.collect()

        kept = [message for ref in told if (message := ref()) is not None]
        assert len(kept) <= 1, "only the last tick's message is there, for all"


async def test_a_reader_slower_than_memory_reaches_back_gets_a_snapshot(
    boards: Boards, hall: Hall
) -> None:
    async with messages(boards, hall) as slow:
        await slow.snapshot()
        boards.apply(await hall.change({1: 1}))
        await hall.forget_log(1)
        await hall.change({2: 1})
        await hall.forget_log(2)
        boards.apply(await hall.change({3: 1}))
        await eventually(lambda: boards._watched[hall.event_id].told.version == 3)

        assert (await slow.snapshot()).view.version == 3


async def test_who_resumes_gets_what_was_missed(boards: Boards, hall: Hall) -> None:
    for seat in range(4):
        await hall.change({seat: 1})

    async with messages(boards, hall, since_version=2) as reader:
        delta = await reader.delta()
        assert (delta.from_version, delta.version) == (2, 4)
        assert delta.seat_indexes == (2, 3)
        assert len(delta.sections) == 1

        await commit(boards, hall, {19: 2})
        assert (await reader.delta()).from_version == 4


async def test_who_missed_nothing_gets_an_empty_delta(boards: Boards, hall: Hall) -> None:
    await hall.change({0: 1})

    async with messages(boards, hall, since_version=1) as reader:
        delta = await reader.delta()

    assert (delta.from_version, delta.version, delta.seat_indexes) == (1, 1, ())
    assert delta.sections == ()


@pytest.mark.parametrize("since_version", [-1, 0, 6, 2_147_483_647])
async def test_who_was_away_too_long_or_comes_from_the_future_gets_a_snapshot(
    boards: Boards, hall: Hall, since_version: int
) -> None:
    for seat in range(5):
        await hall.change({seat: 1})
    await hall.forget_log(2)

    async with messages(boards, hall, since_version) as reader:
        assert (await reader.snapshot()).view.version == 5


async def test_who_changes_to_a_server_that_is_behind_does_not_go_back(
    boards: Boards, hall: Hall
) -> None:
    await boards.view(hall.event_id)
    await hall.change({0: 1})
    await hall.change({1: 1})

    async with messages(boards, hall, since_version=2) as reader:
        delta = await reader.delta()

    assert (delta.from_version, delta.version) == (2, 2)


async def test_who_resumes_does_not_hurry_the_others_messages(hall: Hall) -> None:
    pace = Pace(tick=0.1, look=60, stale=300)
    async with running(Boards(PostgresBooks(hall.database), NoFeed(), pace)) as boards:
        viewer = Viewer(hall)
        async with viewer.following(boards):
            began = asyncio.get_running_loop().time()
            for _ in range(15):
                boards.apply(await hall.change_at_random())
                for ahead in (0, 1, 99):
                    async with messages(boards, hall, viewer.version + ahead) as reader:
                        await reader.message()
            seconds = asyncio.get_running_loop().time() - began
            await viewer.sees_the_truth()

    assert len(viewer.told) <= seconds / pace.tick + 3


async def test_who_resumes_when_the_event_is_gone_leaves_no_dead_map(
    boards: Boards, hall: Hall
) -> None:
    await boards.view(hall.event_id)
    await hall.change({0: 1})
    await hall.forget_log(1)
    await hall.database.pool.execute(
        "UPDATE events SET state = 'DRAFT' WHERE id = $1", hall.event_id
    )

    async with messages(boards, hall, since_version=1) as reader:
        await reader.snapshot()

    assert await boards.view(hall.event_id) is None


async def test_two_servers_tell_the_same_time_for_the_same_version(
    boards: Boards, hall: Hall
) -> None:
    change = await hall.change({0: 1})

    view = await boards.view(hall.event_id)

    assert view is not None
    assert (view.version, view.as_of) == (change.version, change.as_of)


async def test_a_crowd_that_resumes_asks_the_database_once(boards: Boards, hall: Hall) -> None:
    for _ in range(9):
        await hall.change_at_random()
    await boards.view(hall.event_id)
    viewers = [Viewer(hall) for _ in range(40)]
    for number, viewer in enumerate(viewers):
        viewer.version = 3 + number % 6
        viewer.states = [0] * hall.seat_count

    with statements(hall.database) as sent:
        tasks = [asyncio.create_task(v.follow(boards, v.version)) for v in viewers]
        await eventually(lambda: all(viewer.version == 9 for viewer in viewers))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert len(sent) == 1


async def test_a_crowd_from_the_future_asks_the_database_once(boards: Boards, hall: Hall) -> None:
    await boards.view(hall.event_id)

    with statements(hall.database) as sent:
        streams = [boards.follow(hall.event_id, 99) for _ in range(40)]
        told = await asyncio.gather(*map(anext, streams))
        for stream in streams:
            await stream.aclose()

    assert len({id(message) for message in told}) == 1
    assert len(sent) <= 2


async def test_what_nobody_looks_at_is_forgotten_and_what_is_followed_stays(
    database: Database,
) -> None:
    followed, idle = await open_hall(database), await open_hall(database)
    pace = Pace(idle=0.3, look=60, stale=300)
    async with (
        running(Boards(PostgresBooks(database), NoFeed(), pace)) as boards,
        messages(boards, followed) as m,
    ):
        await m.snapshot()
        await boards.view(idle.event_id)
        assert set(boards._watched) == {followed.event_id, idle.event_id}

        await eventually(lambda: set(boards._watched) == {followed.event_id})

        assert await boards.view(idle.event_id) is not None


@pytest.mark.parametrize("watched_events_max", [1, 2, 3])
async def test_so_many_events_are_watched_and_no_more_unless_followed(
    database: Database, watched_events_max: int
) -> None:
    halls = [await open_hall(database) for _ in range(4)]
    boards = Boards(PostgresBooks(database), NoFeed(), SELDOM_LOOKING, watched_events_max)
    async with running(boards), messages(boards, halls[0]) as reader:
        await reader.snapshot()
        for hall in halls[1:]:
            await boards.view(hall.event_id)

        kept = max(watched_events_max - 1, 1)
        assert set(boards._watched) == {h.event_id for h in [halls[0], *halls[-kept:]]}


async def test_many_that_are_opened_at_once_are_no_more_than_may_be_watched(
    database: Database,
) -> None:
    halls = [await open_hall(database) for _ in range(8)]
    boards = Boards(PostgresBooks(database), NoFeed(), SELDOM_LOOKING, watched_events_max=4)
    async with running(boards):
        await asyncio.gather(*(boards.view(hall.event_id) for hall in halls[:4]))

        await asyncio.gather(*(boards.view(hall.event_id) for hall in halls[4:]))

        assert set(boards._watched) == {hall.event_id for hall in halls[4:]}


async def test_one_query_looks_at_all_watched_events(database: Database) -> None:
    halls = [await open_hall(database) for _ in range(3)]
    async with running(Boards(PostgresBooks(database), NoFeed(), HURRIED)) as boards:
        for hall in halls:
            await boards.view(hall.event_id)

        with statements(database) as sent:
            await asyncio.sleep(3.5 * HURRIED.look)

    assert 2 <= len(sent) <= 4


async def test_followers_of_an_event_that_is_no_more_are_sent_away(
    looking_boards: Boards, hall: Hall
) -> None:
    task = asyncio.create_task(Viewer(hall).follow(looking_boards))
    await eventually(lambda: hall.event_id in looking_boards._watched)
    await hall.database.pool.execute("DELETE FROM event_ledgers WHERE event_id = $1", hall.event_id)

    async with asyncio.timeout(5):
        await task
    assert await looking_boards.view(hall.event_id) is None


async def test_stopping_sends_followers_away_and_leaves_no_task(hall: Hall) -> None:
    before = asyncio.all_tasks()
    boards = Boards(PostgresBooks(hall.database), NoFeed(), HURRIED)
    await boards.start()
    task = asyncio.create_task(Viewer(hall).follow(boards))
    await eventually(lambda: hall.event_id in boards._watched)
    boards.apply(await hall.change({1: 1}))

    await boards.stop()

    async with asyncio.timeout(5):
        await task
    assert asyncio.all_tasks() == before
