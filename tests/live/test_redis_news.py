"""News over a real Valkey: heard, lost, and never in the way of a sale."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from box_office.changes import SeatChanges
from onsale.commands.asking import ask_redis
from onsale.doctoring.findings import Notes, State
from onsale.doctoring.neighbours import look_at_redis
from onsale.embedded.ports import free_port
from onsale.redis_news import (
    RedisFeed,
    RedisNews,
    channels_of,
    decode,
    encode,
    event_of,
)
from onsale.settings import StartError
from tests.given_time import eventually
from tests.live.breakable import OwnValkey

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HERE, THERE = "opera", "theatre"


def a_change(event_id: UUID, version: int) -> SeatChanges:
    return SeatChanges(event_id, version, NOON, (version % 7, 70_000), b"\2\1")


@asynccontextmanager
async def listening(
    url: str, house: str = HERE
) -> AsyncIterator[tuple[RedisFeed, list[SeatChanges]]]:
    feed, heard = RedisFeed(url, house), list[SeatChanges]()
    feed.receive(heard.append)
    await feed.start()
    yield feed, heard
    await feed.stop()


@asynccontextmanager
async def sending(url: str) -> AsyncIterator[RedisNews]:
    news = RedisNews(url, HERE)
    await news.start()
    yield news
    await news.stop()


@given(
    st.uuids(),
    st.integers(0, 2**63 - 1),
    st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1)),  # noqa: DTZ001
    st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 3))),
)
def test_a_message_says_all_but_parts_of_a_millisecond(
    event_id: UUID, version: int, moment: datetime, seats: list[tuple[int, int]]
) -> None:
    as_of = moment.replace(tzinfo=UTC)
    states = bytes(state for _, state in seats)
    changes = SeatChanges(event_id, version, as_of, tuple(index for index, _ in seats), states)

    told = decode(event_id, encode(changes))

    assert timedelta(0) <= as_of - told.as_of < timedelta(milliseconds=1)
    assert (told.version, told.seat_indexes, told.states) == (version, changes.seat_indexes, states)
    assert event_of(f"{channels_of('redis://h', HERE)}{event_id}".encode()) == event_id


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda rest: b"\1" + rest))
def test_any_other_bytes_are_no_message(noise: bytes) -> None:
    try:
        changes = decode(UUID(int=0), noise)
    except ValueError:
        return
    assert encode(changes) == noise


async def test_a_watched_event_is_heard_and_no_other(redis_url: str) -> None:
    mine, other = uuid4(), uuid4()
    async with listening(redis_url) as (feed, heard), sending(redis_url) as news:
        assert await feed.watch(mine)

        news.announce(a_change(other, 1))
        news.announce(a_change(mine, 2))

        await eventually(lambda: heard == [a_change(mine, 2)])


async def test_a_confirmed_subscription_misses_nothing_sent_after_it(redis_url: str) -> None:
    async with listening(redis_url) as (feed, heard), sending(redis_url) as news:
        events = [uuid4() for _ in range(20)]
        assert all(await asyncio.gather(*map(feed.watch, events)))

        for event_id in events:
            news.announce(a_change(event_id, 1))

        await eventually(lambda: len(heard) == 20)


async def test_an_unwatched_event_is_heard_no_longer_until_it_is_watched_again(
    redis_url: str,
) -> None:
    one, two = uuid4(), uuid4()
    async with listening(redis_url) as (feed, heard), sending(redis_url) as news:
        await asyncio.gather(feed.watch(one), feed.watch(two))
        await feed.unwatch(one)
        news.announce(a_change(one, 1))
        news.announce(a_change(two, 2))
        await eventually(lambda: heard == [a_change(two, 2)])

        await feed.unwatch(two)
        assert await feed.watch(two)
        assert await feed.watch(one)
        news.announce(a_change(two, 3))
        news.announce(a_change(one, 4))
        await eventually(lambda: heard[1:] == [a_change(two, 3), a_change(one, 4)])


async def test_a_message_that_is_none_is_passed_over(redis_url: str) -> None:
    event_id = uuid4()
    async with listening(redis_url) as (feed, heard), Redis.from_url(redis_url) as stranger:
        await feed.watch(event_id)
        true = encode(a_change(event_id, 5))

        for message in (b"", b"hello", b"\1", b"\2" + true[1:], true + b"\0", true):
            await stranger.spublish(f"{channels_of(redis_url, HERE)}{event_id}", message)

        await eventually(lambda: heard == [a_change(event_id, 5)])


async def test_a_killed_redis_is_heard_again_when_it_is_back(own_valkey: OwnValkey) -> None:
    before, meanwhile = uuid4(), uuid4()
    async with listening(own_valkey.url) as (feed, heard), sending(own_valkey.url) as news:
        assert await feed.watch(before)
        own_valkey.kill()
        await eventually(lambda: feed._pubsub is None)

        news.announce(a_change(before, 1))
        await eventually(lambda: news.dropped == 1)
        began = time.monotonic()
        assert not await feed.watch(meanwhile)
        assert time.monotonic() - began < 0.1

        own_valkey.start()
        await eventually(lambda: feed._pubsub is not None)
        assert await feed.watch(meanwhile)
        news.announce(a_change(before, 2))
        news.announce(a_change(meanwhile, 3))
        await eventually(lambda: heard == [a_change(before, 2), a_change(meanwhile, 3)])


async def test_without_redis_nothing_waits_and_nothing_piles_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    url = f"redis://127.0.0.1:{free_port()}/0"
    async with listening(url) as (feed, _), sending(url) as news:
        async with asyncio.timeout(1):
            assert not await feed.watch(uuid4())
        for round_number in range(5):
            news.announce(a_change(uuid4(), round_number))
            await eventually(lambda: not news._outbox)
        await eventually(lambda: news.dropped == 5)

    assert sum("seat news are dropped" in record.message for record in caplog.records) == 1
    assert sum("seat news are not heard" in record.message for record in caplog.records) == 1


@pytest.mark.parametrize("messages", [249, 250, 251])
async def test_the_outbox_keeps_the_latest_and_no_more_than_so_many(
    redis_url: str, messages: int
) -> None:
    event_id = uuid4()
    async with listening(redis_url) as (feed, heard):
        await feed.watch(event_id)
        news = RedisNews(redis_url, HERE, outbox_max=250)
        for version in range(1, messages + 1):
            news.announce(a_change(event_id, version))
        assert news.dropped == max(0, messages - 250)

        await news.start()
        await eventually(lambda: bool(heard) and heard[-1].version == messages, seconds=10)
        await news.stop()

    assert [change.version for change in heard] == list(range(news.dropped + 1, messages + 1))


async def test_a_redis_that_hangs_does_not_hold_up_whoever_announces() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", free_port())
    host, port = server.sockets[0].getsockname()
    async with sending(f"redis://{host}:{port}/0") as news:
        began = time.monotonic()
        news.announce(a_change(uuid4(), 1))
        assert time.monotonic() - began < 0.01
        await eventually(lambda: news.dropped == 1, seconds=2)
    server.close()
    await server.wait_closed()


async def test_two_houses_with_the_same_events_do_not_hear_each_other(redis_url: str) -> None:
    event_id = uuid4()  # One is a copy of the other.
    other_number = redis_url.removesuffix("/0") + "/1"
    async with (
        listening(redis_url) as (feed, heard),
        listening(redis_url, THERE) as (their_feed, heard_there),
        listening(other_number) as (copys_feed, heard_by_a_copy),
        sending(redis_url) as news,
    ):
        assert all(
            [await each.watch(event_id) for each in (their_feed, copys_feed, feed)],
        )

        news.announce(a_change(event_id, 1))

        await eventually(lambda: heard == [a_change(event_id, 1)])
        await asyncio.sleep(0.05)
        assert (heard_there, heard_by_a_copy) == ([], [])


async def test_a_unix_socket_carries_news_of_the_same_house(own_valkey: OwnValkey) -> None:
    event_id = uuid4()
    async with (
        listening(own_valkey.socket_url) as (feed, heard),
        sending(own_valkey.socket_url) as here,
        sending(own_valkey.url) as there,
    ):
        assert await feed.watch(event_id)

        here.announce(a_change(event_id, 1))
        await eventually(lambda: heard == [a_change(event_id, 1)])
        there.announce(a_change(event_id, 2))
        await eventually(lambda: heard[1:] == [a_change(event_id, 2)])


async def test_a_unix_socket_is_asked_and_examined_as_the_server_meets_it(
    own_valkey: OwnValkey,
) -> None:
    notes = Notes("Redis")

    await asyncio.to_thread(ask_redis, own_valkey.socket_url)
    await look_at_redis(own_valkey.socket_url, notes)

    assert [each.state for each in notes.findings] == [State.OK, State.OK]


@pytest.mark.parametrize(
    ("option", "line"),
    [
        ("password=secret", "REDIS_URL: /nowhere/valkey.sock does not answer: "),
        ("cheese=secret", "REDIS_URL: an option of it is unknown: "),
    ],
)
def test_what_is_wrong_with_a_url_is_said_without_its_options(option: str, line: str) -> None:
    with pytest.raises(StartError) as fault:
        ask_redis(f"unix:///nowhere/valkey.sock?{option}")

    assert str(fault.value).startswith(line)
    assert "secret" not in str(fault.value)
