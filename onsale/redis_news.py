"""Seat news over Redis 7 or Valkey: sharded pub/sub, one channel an event.

Advice, never truth: what is lost here the boards find in the database within a second. So nothing
waits long, nothing is tried twice, and a sale never notices that Redis is away.

A message, in network byte order: format (1 byte, now 1), version (8), as_of in milliseconds since
1970 (8), number of seats n (4), n seat indexes (4 each), n states (1 each). The channel names the
event.
"""

import asyncio
import contextlib
import logging
import socket
import struct
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from box_office.changes import SeatChanges
from subscriptions.tasks import end

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 0.2
#: Messages waiting to be sent. Beyond it the oldest is dropped.
OUTBOX_MAX = 10_000
#: Messages sent in one round trip: few enough that even a busy process sends them in time.
PIPELINE_MAX = 100
RECONNECT_SECONDS_MIN = 0.1
RECONNECT_SECONDS_MAX = 2.0
#: A cluster's nodes are asked in turn for messages, each for so long.
CLUSTER_TURN_SECONDS = 0.01

_FORMAT = 1
_HEADER = struct.Struct("!BQqI")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHANNEL = "onsale:seats:"

Client = Redis | RedisCluster
#: What going away looks like; anything else is a fault of ours.
AWAY = (RedisError, OSError, TimeoutError)


class RedisNews:
    """Implements `box_office.news.SeatNews`: sends in the background, drops what it cannot send."""

    def __init__(self, url: str, outbox_max: int = OUTBOX_MAX) -> None:
        self._url = url
        self._outbox: deque[SeatChanges] = deque(maxlen=outbox_max)
        self._waiting = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_away = False
        #: Messages that were not sent, since the start.
        self.dropped = 0

    async def start(self) -> None:
        """Begin to send."""
        self._task = asyncio.create_task(self._send_forever(), name="Sending seat news")

    async def stop(self) -> None:
        """Send no more."""
        if self._task is not None:
            await end(self._task)

    def announce(self, changes: SeatChanges) -> None:
        """Put it in the outbox and return at once."""
        self.dropped += len(self._outbox) == self._outbox.maxlen
        self._outbox.append(changes)
        self._waiting.set()

    async def _send_forever(self) -> None:
        client = connect(self._url)
        try:
            while True:
                await self._waiting.wait()
                self._waiting.clear()
                while self._outbox:
                    size = min(len(self._outbox), PIPELINE_MAX)
                    await self._send(client, [self._outbox.popleft() for _ in range(size)])
        finally:
            await client.aclose()

    async def _send(self, client: Client, batch: list[SeatChanges]) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await publish(client, batch)
        except AWAY as fault:
            self._lose(len(batch), fault)
        except Exception:
            logger.exception("Seat news could not be sent")
            self.dropped += len(batch)
        else:
            self._note_back()

    def _lose(self, messages: int, fault: BaseException) -> None:
        """Drop what waits, too: news of a second ago is worth nothing."""
        self.dropped += messages + len(self._outbox)
        self._outbox.clear()
        if not self._is_away:
            self._is_away = True
            logger.warning("Redis is away, seat news are dropped: %r", fault)

    def _note_back(self) -> None:
        if self._is_away:
            self._is_away = False
            logger.warning("Redis is back; %d seat news were dropped so far", self.dropped)


class RedisFeed:
    """Implements `subscriptions.feed.NewsFeed`: one connection (in a cluster, one a node)."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._take: Callable[[SeatChanges], None] = lambda _: None
        self._wanted: set[UUID] = set()
        self._anything_wanted = asyncio.Event()
        self._confirmations: dict[UUID, asyncio.Future[bool]] = {}
        #: A PubSub or ClusterPubSub while connected.
        self._pubsub: Any = None
        self._is_away = False
        self._outage_told = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to listen; connects when the first event is watched."""
        self._task = asyncio.create_task(self._listen_forever(), name="Listening to seat news")

    async def stop(self) -> None:
        """Listen no more."""
        if self._task is not None:
            await end(self._task)

    def receive(self, take: Callable[[SeatChanges], None]) -> None:
        """Hand every change heard from now on to `take`."""
        self._take = take

    async def watch(self, event_id: UUID) -> bool:
        """Listen to an event; True once confirmed, False while Redis is away."""
        self._wanted.add(event_id)
        self._anything_wanted.set()
        if self._is_away:
            return False
        confirmed = self._confirmations.get(event_id)
        if confirmed is None:
            confirmed = asyncio.get_running_loop().create_future()
            self._confirmations[event_id] = confirmed
        if self._pubsub is not None:
            with contextlib.suppress(*AWAY):  # The listener notices, and answers for all.
                await self._pubsub.ssubscribe(channel_of(event_id))
        return await asyncio.shield(confirmed)

    async def unwatch(self, event_id: UUID) -> None:
        """Listen to the event no longer."""
        self._wanted.discard(event_id)
        if self._pubsub is not None:
            with contextlib.suppress(*AWAY):  # A new connection will not ask for it again.
                await self._pubsub.sunsubscribe(channel_of(event_id))

    async def _listen_forever(self) -> None:
        loop = asyncio.get_running_loop()
        pause = RECONNECT_SECONDS_MIN
        while True:
            await self._anything_wanted.wait()
            began = loop.time()
            try:
                await self._listen()
            except AWAY as fault:
                if not self._outage_told:
                    self._outage_told = True
                    logger.warning("Redis is away, seat news are not heard: %r", fault)
            except Exception:
                logger.exception("Listening to seat news failed; it begins anew")
            self._note_away()
            await asyncio.sleep(pause)
            lasted = loop.time() - began > 2 * RECONNECT_SECONDS_MAX
            pause = RECONNECT_SECONDS_MIN if lasted else min(2 * pause, RECONNECT_SECONDS_MAX)

    async def _listen(self) -> None:
        """Connect, subscribe to everything wanted, and hear; ends only with the connection."""
        client = connect(self._url)
        try:
            pubsub = await open_pubsub(client)
            try:
                self._pubsub = pubsub
                self._is_away = False
                for event_id in tuple(self._wanted):
                    await pubsub.ssubscribe(channel_of(event_id))
                while True:
                    await self._hear(await next_message(pubsub, client))
            finally:
                self._pubsub = None
                await pubsub.aclose()
        finally:
            await client.aclose()

    async def _hear(self, message: dict[str, Any] | None) -> None:
        if message is None or (event_id := event_of(message["channel"])) is None:
            return
        if message["type"] == "ssubscribe":
            self._note_confirmed(event_id)
        elif message["type"] == "sunsubscribe" and event_id in self._wanted:
            # The slot moved to another node, or somebody wants it again already.
            await self._pubsub.ssubscribe(channel_of(event_id))
        elif message["type"] == "smessage":
            try:
                changes = decode(event_id, message["data"])
            except ValueError as fault:
                logger.warning("A message about event %s is passed over: %s", event_id, fault)
            else:
                self._take(changes)

    def _note_confirmed(self, event_id: UUID) -> None:
        if self._outage_told:
            self._outage_told = False
            logger.warning("Redis is back, seat news are heard again")
        if confirmed := self._confirmations.pop(event_id, None):
            confirmed.set_result(True)

    def _note_away(self) -> None:
        self._is_away = True
        for confirmed in self._confirmations.values():
            confirmed.set_result(False)
        self._confirmations.clear()


def connect(url: str) -> Client:
    """Make a client for redis://, rediss:// or redis+cluster://; nothing is sent yet."""
    options: dict[str, Any] = {
        "socket_timeout": TIMEOUT_SECONDS,
        "socket_connect_timeout": TIMEOUT_SECONDS,
        "socket_keepalive": True,
        "socket_keepalive_options": _keepalive(),
        "retry": Retry(NoBackoff(), 0),
    }
    scheme, _, rest = url.partition("://")
    if scheme.endswith("+cluster"):
        plain = f"{scheme.removesuffix('+cluster')}://{rest}"
        return RedisCluster.from_url(plain, **options)
    return Redis.from_url(url, **options)


async def publish(client: Client, batch: list[SeatChanges]) -> None:
    """Send all in one round trip (one a node in a cluster)."""
    pipeline: Any = (
        client.pipeline()
        if isinstance(client, RedisCluster)
        else client.pipeline(transaction=False)
    )
    for changes in batch:
        pipeline.execute_command("SPUBLISH", channel_of(changes.event_id), encode(changes))
    await pipeline.execute()


async def open_pubsub(client: Client) -> Any:
    """Connect for listening; raises when nobody answers."""
    if isinstance(client, RedisCluster):
        await client.initialize()
        return client.pubsub()
    pubsub: Any = client.pubsub()
    await pubsub.connect()
    return pubsub


async def next_message(pubsub: Any, client: Client) -> dict[str, Any] | None:
    """Wait for a message, however long: TCP keepalive finds out when nobody is there."""
    if not isinstance(client, RedisCluster):
        message: dict[str, Any] | None = await pubsub.get_message(timeout=None)
        return message
    message = await pubsub.get_sharded_message(timeout=CLUSTER_TURN_SECONDS)
    if message is None:
        await asyncio.sleep(CLUSTER_TURN_SECONDS)  # Without a subscription it returns at once.
    return message


def channel_of(event_id: UUID) -> str:
    """Name an event's channel; in a cluster its hash says which node carries it."""
    return f"{_CHANNEL}{event_id}"


def event_of(channel: bytes) -> UUID | None:
    """Read the event from a channel's name."""
    try:
        return UUID(channel.decode().removeprefix(_CHANNEL))
    except ValueError:
        return None


def encode(changes: SeatChanges) -> bytes:
    """Write a message (see the top of this module)."""
    count = len(changes.seat_indexes)
    as_of_ms = (changes.as_of - _EPOCH) // timedelta(milliseconds=1)
    header = _HEADER.pack(_FORMAT, changes.version, as_of_ms, count)
    return header + struct.pack(f"!{count}I", *changes.seat_indexes) + changes.states


def decode(event_id: UUID, message: bytes) -> SeatChanges:
    """Read a message; ValueError when it is none of ours."""
    if len(message) < _HEADER.size or message[0] != _FORMAT:
        raise ValueError("unknown format")
    _, version, as_of_ms, count = _HEADER.unpack_from(message)
    if len(message) != _HEADER.size + 5 * count:
        raise ValueError("wrong length")
    states_at = _HEADER.size + 4 * count
    try:
        as_of = _EPOCH + timedelta(milliseconds=as_of_ms)
    except OverflowError as fault:
        raise ValueError("no date") from fault
    indexes = struct.unpack_from(f"!{count}I", message, _HEADER.size)
    return SeatChanges(event_id, version, as_of, indexes, message[states_at:])


def _keepalive() -> dict[int, int]:
    """Ask the system to find out within some ten seconds that the other side is gone."""
    wishes = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 2, "TCP_KEEPCNT": 3}
    return {getattr(socket, name): n for name, n in wishes.items() if hasattr(socket, name)}
