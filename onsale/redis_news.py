"""Seat news over Redis 7 or Valkey: sharded pub/sub, one channel an event.

Advice, never truth: what is lost here the boards find in the database within a second. So nothing
waits long, nothing is tried twice, and a sale never notices that Redis is away.

A message, in network byte order: format (1 byte, now 1), version (8), as_of in milliseconds since
1970 (8), number of seats n (4), n seat indexes (4 each), n states (1 each). The channel names the
house (see `channels_of`) and the event.

What is here speaks to one Redis. A cluster is several of them: see `onsale.redis_cluster`.
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
from redis.asyncio.client import PubSub
from redis.asyncio.connection import parse_url
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
#: What the scheme of a cluster's URL ends with.
CLUSTER = "+cluster"
DROPPED, DROPPED_SO_FAR = "seat news are dropped", "{} seat news were dropped so far"
UNHEARD, HEARD_AGAIN = "seat news are not heard", "seat news are heard again"

_FORMAT = 1
_HEADER = struct.Struct("!BQqI")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: What going away looks like; anything else is a fault of ours.
AWAY = (RedisError, OSError, TimeoutError)


class Outage:
    """Says once that Redis is away, and once that it is back: all of its nodes that were away."""

    def __init__(self, meanwhile: str, afterwards: Callable[[], str]) -> None:
        self._meanwhile = meanwhile
        self._afterwards = afterwards
        self._away: set[object] = set()

    def begin(self, who: object, fault: BaseException) -> None:
        """Note that somebody has no Redis, perhaps again."""
        if not self._away:
            logger.warning("Redis is away, %s: %r", self._meanwhile, fault)
        self._away.add(who)

    def end(self, who: object) -> None:
        """Note that it has one, or needs none any more."""
        if who in self._away:
            self._away.remove(who)
            if not self._away:
                logger.warning("Redis is back, %s", self._afterwards())


class RedisNews:
    """Implements `box_office.news.SeatNews`: sends in the background, drops what it cannot send."""

    def __init__(
        self, url: str, house: str, outbox_max: int = OUTBOX_MAX, outage: Outage | None = None
    ) -> None:
        self._url = url
        self._channels = channels_of(url, house)
        self._outbox: deque[SeatChanges] = deque(maxlen=outbox_max)
        self._waiting = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._outage = outage or Outage(DROPPED, lambda: DROPPED_SO_FAR.format(self.dropped))
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
        async with connect(self._url) as client:
            while True:
                await self._waiting.wait()
                self._waiting.clear()
                while self._outbox:
                    size = min(len(self._outbox), PIPELINE_MAX)
                    await self._send(client, [self._outbox.popleft() for _ in range(size)])

    async def _send(self, client: Redis, batch: list[SeatChanges]) -> None:
        """Send all in one round trip."""
        pipeline = client.pipeline(transaction=False)
        for changes in batch:
            pipeline.spublish(f"{self._channels}{changes.event_id}", encode(changes))
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await pipeline.execute()
        except AWAY as fault:
            self._lose(len(batch), fault)
        except Exception:
            logger.exception("Seat news could not be sent")
            self.dropped += len(batch)
        else:
            self._outage.end(self)

    def _lose(self, messages: int, fault: BaseException) -> None:
        """Drop what waits, too: news of a second ago is worth nothing."""
        self.dropped += messages + len(self._outbox)
        self._outbox.clear()
        self._outage.begin(self, fault)


class RedisFeed:
    """Implements `subscriptions.feed.NewsFeed`, over one connection."""

    def __init__(self, url: str, house: str, outage: Outage | None = None) -> None:
        self._url = url
        self._channels = channels_of(url, house)
        self._take: Callable[[SeatChanges], None] = lambda _: None
        self._wanted: set[UUID] = set()
        self._anything_wanted = asyncio.Event()
        self._confirmations: dict[UUID, asyncio.Future[bool]] = {}
        #: While connected.
        self._pubsub: PubSub | None = None
        self._is_away = False
        self._outage = outage or Outage(UNHEARD, lambda: HEARD_AGAIN)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to listen; connects when the first event is watched."""
        self._task = asyncio.create_task(self._listen_forever(), name="Listening to seat news")

    async def stop(self) -> None:
        """Listen no more."""
        if self._task is not None:
            await end(self._task)
        self._note_away()  # Nobody waits for a confirmation that will never come.

    def receive(self, take: Callable[[SeatChanges], None]) -> None:
        """Hand every change heard from now on to `take`."""
        self._take = take

    async def watch(self, event_id: UUID) -> bool:
        """Listen to an event; True once confirmed, False while Redis is away."""
        return await asyncio.shield(await self.want(event_id))

    async def want(self, event_id: UUID) -> asyncio.Future[bool]:
        """Begin to listen to an event; what is given answers as `watch` does."""
        self._wanted.add(event_id)
        self._anything_wanted.set()
        confirmed = self._confirmations.get(event_id)
        if confirmed is None:
            confirmed = asyncio.get_running_loop().create_future()
            if self._is_away:
                confirmed.set_result(False)
                return confirmed
            self._confirmations[event_id] = confirmed
        await self._subscribe(event_id)
        return confirmed

    async def unwatch(self, event_id: UUID) -> None:
        """Listen to the event no longer."""
        self._wanted.discard(event_id)
        if confirmed := self._confirmations.pop(event_id, None):
            confirmed.set_result(False)
        if self._pubsub is not None:
            with contextlib.suppress(*AWAY):  # A new connection will not ask for it again.
                await self._pubsub.sunsubscribe(self._channel_of(event_id))

    def _channel_of(self, event_id: UUID) -> str:
        return f"{self._channels}{event_id}"

    async def _subscribe(self, event_id: UUID) -> None:
        if self._pubsub is not None:
            with contextlib.suppress(*AWAY):  # The listener notices, and answers for all.
                await self._pubsub.ssubscribe(self._channel_of(event_id))

    async def _listen_forever(self) -> None:
        loop = asyncio.get_running_loop()
        pause = RECONNECT_SECONDS_MIN
        while True:
            await self._anything_wanted.wait()
            began = loop.time()
            try:
                await self._listen()
            except AWAY as fault:
                self._outage.begin(self, fault)
            except Exception:
                logger.exception("Listening to seat news failed; it begins anew")
            self._note_away()
            await asyncio.sleep(pause)
            lasted = loop.time() - began > 2 * RECONNECT_SECONDS_MAX
            pause = RECONNECT_SECONDS_MIN if lasted else min(2 * pause, RECONNECT_SECONDS_MAX)

    async def _listen(self) -> None:
        """Connect, subscribe to everything wanted, and hear; ends only with the connection.

        It waits for a message however long: TCP keepalive finds out when nobody is there.
        """
        async with connect(self._url) as client, client.pubsub() as pubsub:
            await pubsub.connect()
            try:
                self._pubsub = pubsub
                self._is_away = False
                if not self._wanted:
                    self._outage.end(self)  # Otherwise the first confirmation does.
                for event_id in tuple(self._wanted):
                    await pubsub.ssubscribe(self._channel_of(event_id))
                while True:
                    await self._hear(await pubsub.get_message(timeout=None))
            finally:
                self._pubsub = None

    async def _hear(self, message: dict[str, Any] | None) -> None:
        if message is None or (event_id := event_of(message["channel"])) is None:
            return
        if message["type"] == "ssubscribe":
            self._note_confirmed(event_id)
        elif message["type"] == "sunsubscribe" and event_id in self._wanted:
            # Somebody wants it again already; or the channel moved to another node of a cluster,
            # and this one will say so.
            await self._subscribe(event_id)
        elif message["type"] == "smessage":
            try:
                changes = decode(event_id, message["data"])
            except ValueError as fault:
                logger.warning("A message about event %s is passed over: %s", event_id, fault)
            else:
                self._take(changes)

    def _note_confirmed(self, event_id: UUID) -> None:
        self._outage.end(self)
        if confirmed := self._confirmations.pop(event_id, None):
            confirmed.set_result(True)

    def _note_away(self) -> None:
        self._is_away = True
        for confirmed in self._confirmations.values():
            confirmed.set_result(False)
        self._confirmations.clear()


def connect(url: str, patience_seconds: float = TIMEOUT_SECONDS) -> Redis:
    """Make a client of the Redis at this URL, of a cluster's first node; nothing is sent yet."""
    url = url.replace(f"{CLUSTER}://", "://", 1)
    options: dict[str, Any] = {} if url.startswith("unix:") else _keepalive()
    return Redis.from_url(
        url,
        socket_timeout=patience_seconds,
        socket_connect_timeout=patience_seconds,
        retry=Retry(NoBackoff(), 0),
        **options,
    )


def channels_of(url: str, house: str) -> str:
    """Give what a house's channels begin with; the event's id follows.

    To a Redis all channels are one crowd, whatever database's number is in the URL. So the number
    is in the name, for those whose houses cannot tell themselves apart (see `house_of`).
    """
    number = parse_url(url.replace(f"{CLUSTER}://", "://", 1)).get("db", 0)
    return f"onsale:seats:{number}:{house}:"


def event_of(channel: bytes) -> UUID | None:
    """Read the event from a channel's name."""
    try:
        return UUID(channel.decode().rpartition(":")[2])
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


def _keepalive() -> dict[str, Any]:
    """Ask the system to find out within some ten seconds that the other side is gone."""
    wishes = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 2, "TCP_KEEPCNT": 3}
    known = {getattr(socket, name): n for name, n in wishes.items() if hasattr(socket, name)}
    return {"socket_keepalive": True, "socket_keepalive_options": known}
