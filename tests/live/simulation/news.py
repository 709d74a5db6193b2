"""News between servers that are lost, repeated and reordered, over connections that break."""

import asyncio
import contextlib
from collections.abc import Callable
from random import Random
from uuid import UUID

from box_office.changes import SeatChanges
from tests.live.simulation.tally import Fault, Tally
from tests.live.simulation.weather import NEWS_DELAY_SECONDS_MAX, Weather

NEWS_SECONDS = (0.0005, 0.02)
CONFIRMATION_SECONDS = (0.0005, 0.01)
LATE_CONFIRMATION_SECONDS = (0.2, 4.0)
RECONNECT_SECONDS = (0.1, 2.0)


class UnreliableFeed:
    """Implements `NewsFeed` for one server as RedisFeed does: one connection, confirmations."""

    def __init__(self, server: int, weather: Weather, dice: Random, tally: Tally) -> None:
        self._server = server
        self._weather = weather
        self._dice = dice
        self._tally = tally
        self._loop = asyncio.get_running_loop()
        self._take: Callable[[SeatChanges], None] = lambda _: None
        self._wanted: dict[UUID, None] = {}
        self._subscribed: dict[UUID, None] = {}
        self._confirmations: dict[UUID, asyncio.Future[bool]] = {}
        self._connection = 0
        self._is_away = False
        self._heard: dict[UUID, int] = {}

    def receive(self, take: Callable[[SeatChanges], None]) -> None:
        """Hand every change heard from now on to `take`."""
        self._take = take

    async def watch(self, event_id: UUID) -> bool:
        """Subscribe; True once confirmed, False while the connection is broken."""
        self._wanted[event_id] = None
        if self._is_away:
            return False
        if (confirmed := self._confirmations.get(event_id)) is None:
            confirmed = self._confirmations[event_id] = self._loop.create_future()
        self._subscribe(event_id)
        return await asyncio.shield(confirmed)

    async def unwatch(self, event_id: UUID) -> None:
        """Subscribe no longer."""
        self._wanted.pop(event_id, None)
        await asyncio.sleep(self._dice.uniform(*CONFIRMATION_SECONDS))
        if event_id not in self._wanted:
            self._subscribed.pop(event_id, None)

    def cut(self) -> None:
        """Break the connection: whatever is on its way is lost, and nothing confirmed."""
        self._tally[Fault.FEED_CUT] += 1
        self._is_away = True
        self._connection += 1
        self._subscribed.clear()
        for confirmed in self._confirmations.values():
            confirmed.set_result(False)
        self._confirmations.clear()

    def mend(self) -> None:
        """Connect again, soon, and subscribe to everything wanted."""
        delay = self._dice.uniform(*RECONNECT_SECONDS)
        self._loop.call_later(delay, self._reconnect, self._connection)

    def hear(self, changes: SeatChanges) -> None:
        """Something was published: it arrives or not, some time, once or more often."""
        if changes.event_id not in self._subscribed:
            return
        if self._happens(Fault.NEWS_LOST):
            self._tally[Fault.NEWS_LOST] += 1
            return
        self._send(changes)
        if self._happens(Fault.NEWS_REPEATED):
            self._tally[Fault.NEWS_REPEATED] += 1
            self._send(changes)

    def _send(self, changes: SeatChanges) -> None:
        delay = self._dice.uniform(*NEWS_SECONDS)
        if self._happens(Fault.NEWS_REORDERED):
            delay = self._dice.uniform(0.0, NEWS_DELAY_SECONDS_MAX)
        self._loop.call_later(delay, self._arrive, self._connection, changes)

    def _arrive(self, connection: int, changes: SeatChanges) -> None:
        if connection != self._connection:
            return
        highest = self._heard.get(changes.event_id, 0)
        self._tally[Fault.NEWS_REORDERED] += changes.version < highest
        self._heard[changes.event_id] = max(highest, changes.version)
        self._take(changes)

    def _subscribe(self, event_id: UUID) -> None:
        seconds = CONFIRMATION_SECONDS
        if self._happens(Fault.CONFIRMATION_LATE):
            self._tally[Fault.CONFIRMATION_LATE] += 1
            seconds = LATE_CONFIRMATION_SECONDS
        delay = self._dice.uniform(*seconds)
        self._loop.call_later(delay, self._confirm, self._connection, event_id)

    def _confirm(self, connection: int, event_id: UUID) -> None:
        if connection != self._connection:
            return
        if event_id in self._wanted:
            self._subscribed[event_id] = None
        with contextlib.suppress(KeyError):
            self._confirmations.pop(event_id).set_result(True)

    def _reconnect(self, connection: int) -> None:
        if connection != self._connection:  # It was cut again meanwhile.
            return
        self._is_away = False
        for event_id in self._wanted:
            self._subscribe(event_id)

    def _happens(self, fault: Fault) -> bool:
        return self._dice.random() < self._weather.strength(fault, self._server, self._loop.time())
