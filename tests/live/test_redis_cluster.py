"""News over a real cluster of three: each node's own, and the others' when one of them dies."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from redis.crc import key_slot

from box_office.changes import SeatChanges
from onsale.commands.asking import ask_redis
from onsale.doctoring.findings import Notes, State
from onsale.doctoring.neighbours import look_at_redis
from onsale.redis_cluster import ClusterFeed, ClusterNews
from onsale.redis_news import channels_of
from onsale.settings import StartError
from tests.given_time import eventually
from tests.live.breakable import OwnCluster, OwnValkey
from tests.live.test_redis_news import HERE, a_change

AWAY, BACK = "Redis is away, ", "Redis is back, "


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[OwnCluster]:
    """Three masters of this test alone."""
    cluster = OwnCluster(tmp_path)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.kill()


class Wire:
    """The news of one server, the feed of another, and what was heard."""

    def __init__(self, url: str) -> None:
        self.news, self.feed = ClusterNews(url, HERE), ClusterFeed(url, HERE)
        self.heard: list[SeatChanges] = []
        self.feed.receive(self.heard.append)
        self._versions = 0

    def tells_of(self, *events: UUID) -> Callable[[], bool]:
        """Announce a change of each; what is given says whether all were heard."""
        self._versions += 1
        changes = [a_change(event_id, self._versions) for event_id in events]
        for change in changes:
            self.news.announce(change)
        return lambda: all(change in self.heard for change in changes)

    async def carries(self, *events: UUID) -> bool:
        """Whether news of each arrive at once."""
        arrived = self.tells_of(*events)
        with suppress(AssertionError):
            await eventually(arrived, seconds=0.3)
        return arrived()


@asynccontextmanager
async def wire_over(url: str) -> AsyncIterator[Wire]:
    wire = Wire(url)
    await wire.news.start()
    await wire.feed.start()
    yield wire
    await wire.feed.stop()
    await wire.news.stop()


def slot_of(cluster: OwnCluster, event_id: UUID) -> int:
    return key_slot(f"{channels_of(cluster.url, HERE)}{event_id}".encode())


def events_of_each_node(cluster: OwnCluster, count: int) -> list[list[UUID]]:
    events: list[list[UUID]] = [[] for _ in cluster.nodes]
    while any(len(found) < count for found in events):
        event_id = uuid4()
        slot = slot_of(cluster, event_id)
        for found, (first, last) in zip(events, cluster.SLOTS, strict=True):
            if first <= slot <= last and len(found) < count:
                found.append(event_id)
    return events


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name.startswith("onsale.redis")]


async def test_a_cluster_carries_news_of_all_its_nodes(
    cluster: OwnCluster, caplog: pytest.LogCaptureFixture
) -> None:
    events = [event_id for found in events_of_each_node(cluster, 10) for event_id in found]
    async with wire_over(cluster.url) as wire:
        assert all(await asyncio.gather(*map(wire.feed.watch, events)))
        await eventually(wire.tells_of(*events))

        await wire.feed.unwatch(events[0])
        wire.tells_of(events[0])
        await eventually(wire.tells_of(events[1]))

        assert [change.version for change in wire.heard if change.event_id == events[0]] == [1]
    assert told(caplog) == []


async def test_one_event_may_have_thousands_of_changes_at_once(cluster: OwnCluster) -> None:
    quiet, hot, also_quiet = (found[0] for found in events_of_each_node(cluster, 1))
    async with wire_over(cluster.url) as wire:
        assert all(await asyncio.gather(*map(wire.feed.watch, (quiet, hot, also_quiet))))

        for version in range(2_000):
            wire.news.announce(a_change(hot, version))

        await eventually(lambda: len(wire.heard) == 2_000, seconds=4)
        assert wire.news.dropped == 0


async def test_a_dead_node_costs_its_own_news_alone_until_it_is_back(
    cluster: OwnCluster, caplog: pytest.LogCaptureFixture
) -> None:
    theirs, others = (found[0] for found in events_of_each_node(cluster, 1)[:2])
    async with wire_over(cluster.url) as wire:
        assert all(await asyncio.gather(wire.feed.watch(theirs), wire.feed.watch(others)))
        cluster.nodes[0].kill()
        await eventually(lambda: told(caplog) != [])

        for _ in range(10):  # Those that are lost take none of the others' with them.
            wire.tells_of(*[theirs] * 300)
            assert await wire.carries(others)
        assert not await wire.carries(theirs)

        cluster.nodes[0].start()
        await eventually(lambda: wire.carries(theirs, others))
        await eventually(lambda: sum(line.startswith(BACK) for line in told(caplog)) == 2)
    assert [line.partition(",")[0] + "," for line in told(caplog)].count(AWAY.strip()) == 2


async def test_a_node_that_stands_in_for_a_dead_one_is_found(
    cluster: OwnCluster, caplog: pytest.LogCaptureFixture
) -> None:
    theirs, others = (found[0] for found in events_of_each_node(cluster, 1)[:2])
    async with wire_over(cluster.url) as wire:
        assert all(await asyncio.gather(wire.feed.watch(theirs), wire.feed.watch(others)))
        cluster.nodes[0].kill()
        await eventually(lambda: told(caplog) != [])
        assert not await wire.carries(theirs)

        cluster.take_over(cluster.SLOTS[0], cluster.nodes[2])

        await eventually(lambda: wire.carries(theirs, others))
        await eventually(lambda: sum(line.startswith(BACK) for line in told(caplog)) == 2)


async def test_a_channel_that_moves_is_followed_without_a_word(
    cluster: OwnCluster, caplog: pytest.LogCaptureFixture
) -> None:
    moving, staying = (found[0] for found in events_of_each_node(cluster, 1)[:2])
    async with wire_over(cluster.url) as wire:
        assert all(await asyncio.gather(wire.feed.watch(moving), wire.feed.watch(staying)))

        cluster.move(slot_of(cluster, moving), cluster.nodes[2])

        await eventually(lambda: wire.carries(moving, staying))
        assert await wire.feed.watch(moving)
    assert told(caplog) == []


async def test_a_cluster_that_is_away_is_told_once_and_heard_when_it_is_back(
    cluster: OwnCluster, caplog: pytest.LogCaptureFixture
) -> None:
    events = [found[0] for found in events_of_each_node(cluster, 1)]
    cluster.kill()
    async with wire_over(cluster.url) as wire:
        assert [await wire.feed.watch(event_id) for event_id in events] == [False] * 3
        assert not await wire.carries(*events)
        assert wire.news.dropped == 3
        assert len(told(caplog)) == 2

        for node in cluster.nodes:
            node.start()
        await eventually(lambda: wire.carries(*events), seconds=10)
        await eventually(lambda: len(told(caplog)) == 4)
    news_away, feed_away, *backs = told(caplog)
    assert (news_away[:15], feed_away[:15]) == (AWAY, AWAY)
    assert all(line.startswith(BACK) for line in backs)


async def test_a_node_that_forgot_its_cluster_is_not_believed(
    cluster: OwnCluster, caplog: pytest.LogCaptureFixture
) -> None:
    theirs, others = (found[0] for found in events_of_each_node(cluster, 1)[:2])
    async with wire_over(cluster.url) as wire:
        assert all(await asyncio.gather(wire.feed.watch(theirs), wire.feed.watch(others)))

        cluster.nodes[0].ask("CLUSTER RESET")
        assert not await wire.carries(theirs)

        assert await wire.carries(others)
        with pytest.raises(StartError, match="16384 slots are carried by no node"):
            await asyncio.to_thread(ask_redis, cluster.url)
    assert [line.startswith(AWAY) for line in told(caplog)] == [True, True]


async def test_a_cluster_is_asked_and_examined_as_the_server_meets_it(cluster: OwnCluster) -> None:
    notes = Notes("Redis")

    await asyncio.to_thread(ask_redis, cluster.url)
    await look_at_redis(cluster.url, notes)

    assert [each.state for each in notes.findings] == [State.OK, State.OK]


async def test_a_redis_alone_that_is_called_a_cluster_is_told_to_be_none(
    own_valkey: OwnValkey,
) -> None:
    url = own_valkey.url.replace("redis://", "redis+cluster://")

    with pytest.raises(StartError, match="cluster support disabled"):
        await asyncio.to_thread(ask_redis, url)
