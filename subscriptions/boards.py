"""All seat boards of this process: one per watched event, whoever and how many look at it."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from box_office.boards import BoardView
from box_office.changes import SeatChanges
from box_office.live import LiveMessage, UnknownEvent
from subscriptions.books import SeatBooks
from subscriptions.catching_up import CatchingUp
from subscriptions.feed import NewsFeed
from subscriptions.follower import Follower
from subscriptions.pace import Pace
from subscriptions.story import Story
from subscriptions.tasks import Tasks, every
from subscriptions.watch import EventWatch

logger = logging.getLogger(__name__)

#: Above it the event that was longest not looked at is forgotten. Followed ones are never.
WATCHED_EVENTS_MAX = 500
#: Changes kept for an event whose seats are just being read.
EARLY_CHANGES_MAX = 1_000


class Boards:
    """Shows every event's seats from memory, and tells followers what happens to them.

    An event is watched from the first look at it. Own commits are applied at once, those of others
    as the feed brings them; and once a second one query compares the versions of all watched events
    with the database, so that lost news, or no feed at all, costs a second and never a wrong map.
    """

    def __init__(
        self,
        books: SeatBooks,
        feed: NewsFeed,
        pace: Pace | None = None,
        watched_events_max: int = WATCHED_EVENTS_MAX,
    ) -> None:
        self._pace = pace or Pace()
        self._watched_events_max = watched_events_max
        self._books = books
        self._feed = feed
        self._catching_up = CatchingUp(books, self._pace)
        self._tasks = Tasks()
        self._watched: dict[UUID, EventWatch] = {}
        self._openings: dict[UUID, asyncio.Task[EventWatch | None]] = {}
        self._early: dict[UUID, deque[SeatChanges]] = {}
        self._filling: dict[UUID, asyncio.Task[None]] = {}
        #: A clock that stops while this process stands still (see `_listen_on`).
        self._listened = 0.0
        self._listened_at = 0.0
        self._is_answered = True
        self._stale_maps = 0

    async def start(self) -> None:
        """Begin to listen and to compare."""
        self._feed.receive(self.apply)
        self._listen_on()
        self._tasks.start(every(self._pace.look, self._look), "The look at the versions")
        self._tasks.start(every(self._pace.stale / 10, self._mind_silence), "Minding silence")
        self._tasks.start(every(self._pace.idle / 10, self._forget_idle), "Forgetting idle events")

    async def stop(self) -> None:
        """Send all followers away and end every task."""
        watched = list(self._watched.values())
        self._watched.clear()  # What is applied from now on begins no more tasks.
        for watch in watched:
            watch.close()
        await self._tasks.stop()
        for watch in watched:
            await self._feed.unwatch(watch.event_id)

    def seen(self, event_id: UUID) -> BoardView | None:
        """Show the seats of a watched event at once; None when it is not watched."""
        watch = self._watched.get(event_id)
        if watch is None:
            return None
        watch.use()
        return watch.board.view()

    async def view(self, event_id: UUID) -> BoardView | None:
        """Show the seats as they stand; None when there is no such public event."""
        watch = await self._watch(event_id)
        return watch.board.view() if watch is not None else None

    def apply(self, changes: SeatChanges) -> None:
        """Take in a committed change, our own or one in the news. Never raises."""
        watch = self._watched.get(changes.event_id)
        if watch is None:
            if (early := self._early.get(changes.event_id)) is not None:
                early.append(changes)
            return
        try:
            watch.take(changes)
        except Exception:
            logger.exception("A change of event %s is passed over", changes.event_id)
        self._mind_gap(watch)

    def free_seats(self, event_id: UUID, first: int, last: int, most: int) -> list[int]:
        """Propose up to `most` seats of first..last that look free; [] when not watched."""
        watch = self._watched.get(event_id)
        if watch is None:
            return []
        watch.use()
        return watch.board.free_seats(first, last, most)

    async def follow(
        self, event_id: UUID, since_version: int | None = None
    ) -> AsyncGenerator[LiveMessage]:
        """Tell what is missed since that version, then every change (see LiveSeats)."""
        watch = await self._watch(event_id)
        if watch is None:
            raise UnknownEvent(event_id)
        with watch.followed():
            if since_version is not None:
                await self._reach(watch, since_version)
            follower = Follower(watch, since_version)
            yield follower.first_message()  # Not kept here, however slowly it is read.
            while not watch.closed:
                moved = watch.moved
                if (message := follower.next_message()) is not None:
                    yield message
                else:
                    await moved.wait()

    async def story(self, event_id: UUID, listener: Callable[[], None]) -> Story:
        """Open an event's story for somebody who tells it to many (see LiveSeats)."""
        watch = await self._watch(event_id)
        if watch is None:
            raise UnknownEvent(event_id)
        return Story(watch, listener, self._reach)

    async def _reach(self, watch: EventWatch, since_version: int) -> None:
        """Make a delta from that version possible, if it can be; else a snapshot will do."""
        if watch.stale_since is not None or since_version < 0:
            return
        try:
            async with asyncio.timeout(self._pace.question):
                if since_version > watch.told.version:
                    await self._catching_up.reach_forward(watch, since_version)
                await self._catching_up.reach_back(watch, since_version)
        except Exception as fault:  # noqa: BLE001 - whatever it was, there is a snapshot to give.
            logger.warning("No delta of event %s: %r", watch.event_id, fault)
        await self._let_go_if_closed(watch)

    async def _watch(self, event_id: UUID) -> EventWatch | None:
        """Give the event's watch; the first who asks begins it, the others wait for that."""
        watch = self._watched.get(event_id)
        if watch is None:
            opening = self._openings.get(event_id)
            if opening is None:
                work = self._open(event_id)
                opening = self._tasks.start(work, f"Watching event {event_id}", awaited=True)
                self._openings[event_id] = opening
            watch = await asyncio.shield(opening)  # Who gives up must not stop the others' load.
        if watch is not None:
            watch.use()
        return watch

    async def _open(self, event_id: UUID) -> EventWatch | None:
        """Listen first, then read: what is committed in between is early news, and not lost."""
        early = self._early[event_id] = deque(maxlen=EARLY_CHANGES_MAX)
        try:
            await self._make_room()
            await self._listen(event_id)
            asked_at = self._listen_on()
            row = await self._catching_up.load(event_id)
            if row is None:
                return None
            watch = self._watched[event_id] = EventWatch(row, self._pace, asked_at)
        finally:
            if event_id not in self._watched:
                await self._feed.unwatch(event_id)
            del self._early[event_id]
            del self._openings[event_id]
        for changes in early:
            self.apply(changes)
        return watch

    async def _listen(self, event_id: UUID) -> None:
        try:
            async with asyncio.timeout(self._pace.confirm):
                await self._feed.watch(event_id)
        except TimeoutError:
            logger.warning("The feed does not confirm event %s; going on without", event_id)

    def _mind_gap(self, watch: EventWatch) -> None:
        if watch.is_behind:
            self._ask(watch, self._fill_gaps)

    def _ask(self, watch: EventWatch, work: Callable[[EventWatch], Awaitable[None]]) -> None:
        """Begin to ask the database about an event, unless that is being done."""
        event_id = watch.event_id
        if not watch.closed and event_id not in self._filling:
            self._filling[event_id] = self._tasks.start(
                self._ask_once(watch, work), f"Catching up with event {event_id}"
            )

    async def _ask_once(
        self, watch: EventWatch, work: Callable[[EventWatch], Awaitable[None]]
    ) -> None:
        try:
            await work(watch)
        finally:
            del self._filling[watch.event_id]

    async def _fill_gaps(self, watch: EventWatch) -> None:
        """Give what is missing a moment to come by itself, then fetch it."""
        while watch.is_behind and not watch.closed:
            version = watch.board.version
            await asyncio.sleep(self._pace.gap)
            if watch.board.version == version:
                await self._read(watch, self._catching_up.fill_gap)

    async def _start_over(self, watch: EventWatch) -> None:
        await self._read(watch, self._catching_up.start_over)

    async def _read(
        self, watch: EventWatch, question: Callable[[EventWatch], Awaitable[None]]
    ) -> None:
        """Ask the database about an event; if it does not answer, wait until asking again."""
        try:
            await question(watch)
        except Exception as fault:  # noqa: BLE001 - silence has many faces; all are minded alike.
            logger.warning("Event %s cannot be read: %r", watch.event_id, fault)
            await asyncio.sleep(self._pace.look)
        await self._let_go_if_closed(watch)

    async def _let_go_if_closed(self, watch: EventWatch) -> None:
        """Watch an event no more that is no longer there, whoever found out."""
        if watch.closed and self._watched.get(watch.event_id) is watch:
            del self._watched[watch.event_id]
            await self._feed.unwatch(watch.event_id)

    async def _look(self) -> None:
        """Compare the versions of all watched events with the database's, in one query."""
        asked_at = self._listen_on()
        heard = {event_id: watch.heard_version for event_id, watch in self._watched.items()}
        if not heard:
            return
        try:
            async with asyncio.timeout(self._pace.question):
                versions = await self._books.versions_of(list(heard))
        except Exception as fault:  # noqa: BLE001 - silence has many faces; all are minded alike.
            if self._is_answered:
                logger.warning("The database does not tell the versions: %r", fault)
            self._is_answered = False
            return
        self._is_answered = True
        for event_id, version in heard.items():
            if (watch := self._watched.get(event_id)) is not None:
                self._compare(watch, version, versions.get(event_id, -1), asked_at)

    def _compare(self, watch: EventWatch, heard: int, version: int, asked_at: float) -> None:
        """See to an event of which `heard` was known when the database was asked."""
        if version < heard:
            logger.warning("Event %s went back to version %d: restored?", watch.event_id, version)
            self._ask(watch, self._start_over)
            return
        watch.compare(version, asked_at)
        self._mind_gap(watch)
        self._mind_silence_of(watch)

    def _listen_on(self) -> float:
        """Give the seconds that this process has been listening.

        A process that stood still for a while did not listen for as long: that is no silence.
        """
        now = asyncio.get_running_loop().time()
        self._listened += min(now - self._listened_at, self._pace.stale / 5)
        self._listened_at = now
        return self._listened

    async def _mind_silence(self) -> None:
        """Tell the followers of an event when its map may be behind, or no more. Never silence."""
        self._listen_on()
        for watch in self._watched.values():
            self._mind_silence_of(watch)
        stale_maps = sum(watch.stale_since is not None for watch in self._watched.values())
        if stale_maps != self._stale_maps:
            logger.warning("%d of %d maps may be behind", stale_maps, len(self._watched))
            self._stale_maps = stale_maps

    def _mind_silence_of(self, watch: EventWatch) -> None:
        watch.note_known()
        unknown = self._listened - watch.known_at
        if watch.stale_since is None and unknown >= self._pace.stale:
            watch.go_stale(datetime.now(UTC) - timedelta(seconds=unknown))
        elif watch.stale_since is not None and unknown < self._pace.stale:
            watch.end_stale()

    async def _forget_idle(self) -> None:
        for watch in list(self._watched.values()):
            if watch.idle_seconds() >= self._pace.idle:
                await self._forget(watch)

    async def _make_room(self) -> None:
        """Before more are watched, forget those that were longest not looked at."""
        for watch in sorted(self._watched.values(), key=lambda watch: watch.last_used):
            if len(self._watched) + len(self._openings) <= self._watched_events_max:
                break
            if not watch.followers:
                await self._forget(watch)

    async def _forget(self, watch: EventWatch) -> None:
        """Watch the event no longer, unless somebody has come meanwhile."""
        last_used = watch.last_used
        await self._feed.unwatch(watch.event_id)
        if watch.followers or watch.last_used != last_used:
            await self._listen(watch.event_id)
        elif self._watched.get(watch.event_id) is watch:
            del self._watched[watch.event_id]
            watch.close()
