"""One world from one seed: the books, some servers, a writer, subscribers, and bad weather."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from random import Random
from uuid import UUID

from box_office.changes import SeatChanges
from box_office.live import LiveSeats
from subscriptions.boards import WATCHED_EVENTS_MAX, Boards
from subscriptions.pace import Pace
from tests.live.simulation import virtual_time
from tests.live.simulation.books import Ledger, UnreliableBooks
from tests.live.simulation.limits import small_limits
from tests.live.simulation.news import UnreliableFeed
from tests.live.simulation.subscriber import LATE_SECONDS_MAX, Subscriber
from tests.live.simulation.tally import Event, Fault, Tally
from tests.live.simulation.weather import RECOVERY_SECONDS_MAX, Trouble, Weather

SMALL_LIMITS = 0.3
EVENTS = (UUID(int=0x0197A000_0000), UUID(int=0x0197A001_0000))
#: How often every promise is looked at, besides at every message.
CHECK_SECONDS = 0.25
#: From a commit until the server tells others of it.
TELL_SECONDS = (0.0, 0.01)
LAST_CHANGES = 5
CROWD = 10


class ErrorLoggedError(AssertionError):
    """Production met something that it holds for a fault of its own."""


@dataclass(slots=True)
class Server:
    """The live side of one process."""

    number: int
    feed: UnreliableFeed
    boards: Boards


class World:
    """Everything in it draws from the same dice, in an order that the virtual clock decides."""

    def __init__(self, dice: Random, tally: Tally) -> None:
        self.dice = dice
        self.tally = tally
        count = dice.randint(1, 3)
        self.weather = Weather.drawn(dice, count)
        log_rows_max = dice.choice((4, 30, 1_000))
        self._ledgers = {
            event_id: Ledger(event_id, dice.randint(2, 30), log_rows_max)
            for event_id in EVENTS[: dice.choice((1, 1, 2))]
        }
        self._pace = Pace(idle=dice.choice((Pace().idle, 1.5)))
        self._watched_events_max = dice.choice((WATCHED_EVENTS_MAX, 1))
        self._servers = [self._make_server(number) for number in range(count)]
        self._subscribers = [
            Subscriber(self, dice.choice(list(self._ledgers.values())))
            for _ in range(dice.choice((2, 3, 4, CROWD)))
        ]
        self._loop = asyncio.get_running_loop()

    def any_live_seats(self) -> LiveSeats:
        """Give the live side of one of the servers."""
        return self.dice.choice(self._servers).boards

    async def run(self) -> None:
        """Let everything happen, until all is well or a promise is broken."""
        for server in self._servers:
            await server.boards.start()
        works = (self._write(), self._do_harm(), self._mind_promises())
        lives = (subscriber.live() for subscriber in self._subscribers)
        tasks = [asyncio.create_task(work) for work in (self._come_right(), *works, *lives)]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await self._end(tasks)

    async def _end(self, tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for server in self._servers:
            await server.boards.stop()

    async def _come_right(self) -> None:
        """Once nothing goes wrong any more every map is right in time, and stays so."""
        self.tally[Event.WITHOUT_FAULTS] += not self.weather.troubles
        await asyncio.sleep(self.weather.clears_up_at + RECOVERY_SECONDS_MAX)
        self._check_all_equal()
        for _ in range(LAST_CHANGES):
            self._commit()
            await asyncio.sleep(self.dice.uniform(0.0, 0.05))
        await asyncio.sleep(LATE_SECONDS_MAX)
        self._check_all_equal()

    def _check_all_equal(self) -> None:
        for subscriber in self._subscribers:
            subscriber.check_equal()

    async def _mind_promises(self) -> None:
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            for subscriber in self._subscribers:
                subscriber.check_promises(self._loop.time())

    async def _write(self) -> None:
        """Commit in bursts and single changes until the weather clears up."""
        per_second = self.dice.choice((1, 5, 20))
        while self._loop.time() < self.weather.clears_up_at:
            burst = self.dice.choice((1, 1, 1, self.dice.randint(2, 12)))
            for _ in range(burst):
                self._commit()
            await asyncio.sleep(self.dice.expovariate(per_second / burst))
        await asyncio.Event().wait()

    def _commit(self) -> None:
        """Change some seats through a server that has the database."""
        now = self._loop.time()
        server = self.dice.choice(self._servers)
        if not self.weather.may_commit(now) or self._has_no_books(server, now):
            return
        ledger = self.dice.choice(list(self._ledgers.values()))
        count = self.dice.randint(1, min(4, len(ledger.seats)))
        seats = self.dice.sample(range(len(ledger.seats)), count)
        changes = ledger.commit({seat: self.dice.randrange(4) for seat in seats}, now)
        self.tally[Event.CHANGE] += 1
        if self.dice.random() < self.weather.strength(Fault.UNTOLD, server.number, now):
            self.tally[Fault.UNTOLD] += 1
            return
        self._loop.call_later(self.dice.uniform(*TELL_SECONDS), self._tell, server, changes)

    def _has_no_books(self, server: Server, now: float) -> bool:
        absent = (Fault.BOOKS_AWAY, Fault.BOOKS_HANGING, Fault.VERSION_BACK, Fault.VERSION_AHEAD)
        return any(self.weather.strength(fault, server.number, now) for fault in absent)

    def _tell(self, server: Server, changes: SeatChanges) -> None:
        """Do as a window does after its commit: the own board first, then the others."""
        server.boards.apply(changes)
        for other in self._servers:
            other.feed.hear(changes)

    async def _do_harm(self) -> None:
        """What happens to the books at a moment, or to a server; the rest only is so."""
        for trouble in self.weather.troubles:
            await asyncio.sleep(trouble.begins - self._loop.time())
            match trouble.fault:
                case Fault.FEED_CUT:
                    self._cut_feeds(trouble)
                case Fault.SERVER_RESTARTED:
                    await self._restart(self.dice.choice(self._servers))
                case Fault.LOG_FORGOTTEN:
                    self._forget_logs(trouble.strength)
                case Fault.VERSION_BACK | Fault.VERSION_AHEAD:
                    self._loop.call_at(trouble.ends - 0.1, self._restore, trouble)
        await asyncio.Event().wait()

    def _cut_feeds(self, trouble: Trouble) -> None:
        for server in self._servers:
            if trouble.server in {None, server.number}:
                server.feed.cut()
                self._loop.call_at(trouble.ends - 2.0, server.feed.mend)

    def _forget_logs(self, share: float) -> None:
        for ledger in self._ledgers.values():
            before = len(ledger.log)
            ledger.forget_log(ledger.version - int((1 - share) * before))
            self.tally[Fault.LOG_FORGOTTEN] += len(ledger.log) < before

    def _restore(self, trouble: Trouble) -> None:
        moved_on = trouble.fault is Fault.VERSION_AHEAD
        for ledger in self._ledgers.values():
            versions = list(ledger.past)
            back_to = versions[-1 - min(self.dice.choice((0, 1, 3, 20)), len(versions) - 1)]
            self.tally[trouble.fault] += moved_on or back_to < ledger.version
            ledger.restore(back_to, self._loop.time(), moved_on=moved_on)

    async def _restart(self, server: Server) -> None:
        """Its followers are sent away; what comes back knows nothing."""
        self.tally[Fault.SERVER_RESTARTED] += 1
        old = server.boards
        fresh = self._make_server(server.number)
        server.feed, server.boards = fresh.feed, fresh.boards
        await server.boards.start()
        await old.stop()

    def _make_server(self, number: int) -> Server:
        feed = UnreliableFeed(number, self.weather, self.dice, self.tally)
        books = UnreliableBooks(self._ledgers, number, self.weather, self.dice, self.tally)
        return Server(number, feed, Boards(books, feed, self._pace, self._watched_events_max))


@dataclass(frozen=True, slots=True)
class Played:
    """What happened in a world, and the seconds it believes it took."""

    tally: Tally
    seconds: float


def simulate(seed: int) -> Played:
    """Play one world to its end. Raises DivergedError when a promise is broken."""
    dice, tally = Random(seed), Tally()
    has_small_limits = dice.random() < SMALL_LIMITS
    tally[Event.SMALL_LIMITS] += has_small_limits
    with small_limits() if has_small_limits else nullcontext(), no_error_is_logged():
        return Played(tally, virtual_time.run(_play(dice, tally)))


async def _play(dice: Random, tally: Tally) -> float:
    world = World(dice, tally)
    try:
        await world.run()
    except Exception as fault:
        fault.add_note("\n".join(map(str, world.weather.troubles)))
        raise
    return asyncio.get_running_loop().time()


@contextmanager
def no_error_is_logged() -> Iterator[None]:
    """What production logs as an error is a fault; its warnings of bad weather are not."""
    logger, listener = logging.getLogger("subscriptions"), _Listener(logging.ERROR)
    level = logger.level
    logger.addHandler(listener)
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(listener)
    if listener.heard:
        raise ErrorLoggedError(listener.heard[0])


class _Listener(logging.Handler):
    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(self.format(record))
