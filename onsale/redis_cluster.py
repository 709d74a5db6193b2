"""Seat news over a cluster of Redis: each node carries the channels of its own slots.

Every node is spoken to as a Redis alone is, by a sender and a listener of its own. So one that is
away costs the news of its own events, and no others wait for it. Which node carries a channel is
read from the cluster at the start, and anew as soon as a node has trouble: it may be away, and its
slots elsewhere.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import ClusterError, MovedError

from box_office.changes import SeatChanges
from onsale.redis_news import (
    AWAY,
    CLUSTER,
    DROPPED,
    DROPPED_SO_FAR,
    HEARD_AGAIN,
    TIMEOUT_SECONDS,
    UNHEARD,
    Outage,
    RedisFeed,
    RedisNews,
    channels_of,
    connect,
)
from subscriptions.tasks import end

logger = logging.getLogger(__name__)

#: Between two readings of the map, however many ask for one.
MAP_PAUSE_SECONDS = 0.5


class SlotMap:
    """Knows which node carries a channel, as the cluster last told it."""

    def __init__(self, url: str, patience_seconds: float = TIMEOUT_SECONDS) -> None:
        self._url = url.replace(f"{CLUSTER}://", "://", 1)
        self._patience_seconds = patience_seconds
        #: The node's URL of every slot; None until it was read.
        self._carriers: list[str | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        #: The URLs of all nodes that carry anything.
        self.nodes: frozenset[str] = frozenset()

    async def read(self) -> None:
        """Ask the URL's node, or else any other that is known. Raises the first one's fault.

        Until somebody tells of every slot, all stays as it was: who has just come knows little.
        """
        faults = []
        for node in (self._url, *self.nodes):
            try:
                self._take(node, await self._ask(node))
            except AWAY as fault:
                faults.append(fault)
            else:
                return
        raise faults[0]

    def node_of(self, channel: str) -> str | None:
        """Give the URL of the node that carries it; None until that was read."""
        return self._carriers[key_slot(channel.encode())]

    async def _ask(self, node: str) -> list[Any]:
        """Ask a node for ranges of slots: first, last, who carries them, and copies of it."""
        client: Any = connect(node, self._patience_seconds)
        async with client:
            ranges: list[Any] = await client.execute_command("CLUSTER SLOTS")
            return ranges

    def _take(self, asked: str, ranges: list[Any]) -> None:
        carriers: list[str | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        for first, last, (host, port, *_), *_ in ranges:
            node = _at(asked, host.decode() if host else None, port)
            carriers[first : last + 1] = [node] * (last + 1 - first)
        if None in carriers:
            raise ClusterError(f"{carriers.count(None)} slots are carried by no node")
        self._carriers = carriers
        self.nodes = frozenset(filter(None, carriers))


class _Outage(Outage):
    """Of a cluster: whatever trouble there is, the map may tell of a way around it."""

    def __init__(self, meanwhile: str, afterwards: Callable[[], str]) -> None:
        super().__init__(meanwhile, afterwards)
        self.noticed = asyncio.Event()

    def begin(self, who: object, fault: BaseException) -> None:
        """Note any trouble. That a channel has moved to another node is no outage."""
        self.noticed.set()
        if not isinstance(fault, MovedError):
            super().begin(who, fault)


class _FollowedMap(SlotMap):
    """A map that is read anew after any trouble, and then followed."""

    def __init__(
        self, url: str, outage: _Outage, follow: Callable[[frozenset[str]], Awaitable[None]]
    ) -> None:
        super().__init__(url)
        self._outage = outage
        #: Is given the nodes' URLs. It is to have something at each new one before it waits for
        #: anything, for `node_of` names them already.
        self._follow = follow
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read it, or else keep trying."""
        await self._read_and_follow()
        self._task = asyncio.create_task(self._keep(), name="Reading a cluster's map")

    async def stop(self) -> None:
        """Read it no more."""
        if self._task is not None:
            await end(self._task)

    async def _keep(self) -> None:
        while True:
            await self._outage.noticed.wait()
            self._outage.noticed.clear()
            try:
                await self._read_and_follow()
            except Exception:
                logger.exception("A cluster's map could not be followed")
            await asyncio.sleep(MAP_PAUSE_SECONDS)

    async def _read_and_follow(self) -> None:
        try:
            await self.read()
        except AWAY as fault:
            self._outage.begin(self, fault)
            return
        await self._follow(self.nodes)
        self._outage.end(self)


class ClusterNews:
    """Implements `box_office.news.SeatNews`: a sender for each node, with an outbox of its own."""

    def __init__(self, url: str, house: str) -> None:
        self._house = house
        self._channels = channels_of(url, house)
        self._outage = _Outage(DROPPED, lambda: DROPPED_SO_FAR.format(self.dropped))
        self._map = _FollowedMap(url, self._outage, self._follow)
        self._senders: dict[str, RedisNews] = {}
        self._dropped_here = 0

    async def start(self) -> None:
        """Begin to send."""
        await self._map.start()

    async def stop(self) -> None:
        """Send no more."""
        await self._map.stop()
        for sender in self._senders.values():
            await sender.stop()

    @property
    def dropped(self) -> int:
        """Messages that were not sent, since the start."""
        return self._dropped_here + sum(sender.dropped for sender in self._senders.values())

    def announce(self, changes: SeatChanges) -> None:
        """Put it in the outbox of the node that carries it, and return at once."""
        node = self._map.node_of(f"{self._channels}{changes.event_id}")
        if node is None:
            self._dropped_here += 1
        else:
            self._senders[node].announce(changes)

    async def _follow(self, nodes: frozenset[str]) -> None:
        for node in nodes - self._senders.keys():
            sender = self._senders[node] = RedisNews(node, self._house, outage=self._outage)
            await sender.start()
        for node in self._senders.keys() - nodes:
            sender = self._senders.pop(node)
            self._dropped_here += sender.dropped
            await sender.stop()
            self._outage.end(sender)


class ClusterFeed:
    """Implements `subscriptions.feed.NewsFeed`: a listener for each node."""

    def __init__(self, url: str, house: str) -> None:
        self._house = house
        self._channels = channels_of(url, house)
        self._outage = _Outage(UNHEARD, lambda: HEARD_AGAIN)
        self._map = _FollowedMap(url, self._outage, self._follow)
        self._take: Callable[[SeatChanges], None] = lambda _: None
        self._listeners: dict[str, RedisFeed] = {}
        #: The node at which each event is listened to; None until the map was read.
        self._wanted: dict[UUID, str | None] = {}

    async def start(self) -> None:
        """Begin to listen."""
        await self._map.start()

    async def stop(self) -> None:
        """Listen no more."""
        await self._map.stop()
        for listener in self._listeners.values():
            await listener.stop()

    def receive(self, take: Callable[[SeatChanges], None]) -> None:
        """Hand every change heard from now on to `take`."""
        self._take = take
        for listener in self._listeners.values():
            listener.receive(take)

    async def watch(self, event_id: UUID) -> bool:
        """Listen to an event; True once confirmed, False while its node is away."""
        self._wanted.setdefault(event_id, None)
        await self._move(event_id)
        node = self._wanted.get(event_id)
        return node is not None and await self._listeners[node].watch(event_id)

    async def unwatch(self, event_id: UUID) -> None:
        """Listen to the event no longer."""
        if node := self._wanted.pop(event_id, None):
            await self._listeners[node].unwatch(event_id)

    def _node_of(self, event_id: UUID) -> str | None:
        return self._map.node_of(f"{self._channels}{event_id}")

    async def _follow(self, nodes: frozenset[str]) -> None:
        for node in nodes - self._listeners.keys():
            await self._listen_at(node)
        for event_id in tuple(self._wanted):
            await self._move(event_id)
        for node in self._listeners.keys() - nodes:
            listener = self._listeners.pop(node)
            await listener.stop()
            self._outage.end(listener)

    async def _listen_at(self, node: str) -> None:
        listener = self._listeners[node] = RedisFeed(node, self._house, self._outage)
        listener.receive(self._take)
        await listener.start()

    async def _move(self, event_id: UUID) -> None:
        """Listen to an event where it is carried now, if somebody still wants it."""
        before, now = self._wanted.get(event_id), self._node_of(event_id)
        if event_id not in self._wanted or now == before:
            return
        self._wanted[event_id] = now
        if before is not None:
            await self._listeners[before].unwatch(event_id)
        if now is not None:
            await self._listeners[now].want(event_id)


def news_and_feed(
    url: str, house: str
) -> tuple[RedisNews, RedisFeed] | tuple[ClusterNews, ClusterFeed]:
    """Make what tells and what hears a house's news, over one Redis or over a cluster."""
    if is_cluster(url):
        return ClusterNews(url, house), ClusterFeed(url, house)
    return RedisNews(url, house), RedisFeed(url, house)


async def carrier_of(channel: str, url: str, patience_seconds: float) -> str:
    """Give the URL of the Redis that carries a channel: this one, or a node of the cluster."""
    if not is_cluster(url):
        return url
    slot_map = SlotMap(url, patience_seconds)
    await slot_map.read()
    node = slot_map.node_of(channel)
    assert node is not None, "what was read is whole"
    return node


def is_cluster(url: str) -> bool:
    """Whether it names a cluster by one of its nodes."""
    return urlsplit(url).scheme.endswith(CLUSTER)


def _at(url: str, host: str | None, port: int) -> str:
    """Give the URL of another node, reached as this one is. None: at the same host."""
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    name = host or parts.hostname or "localhost"
    return parts._replace(
        netloc=f"{user}{at}[{name}]:{port}" if ":" in name else f"{user}{at}{name}:{port}"
    ).geturl()
