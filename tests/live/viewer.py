"""A viewer's map: does with messages what a client must, and fails where a promise is broken."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from box_office.boards import BoardView
from box_office.live import LiveDelta, LiveMessage, LiveSeats, LiveSnapshot, LiveStale
from tests.given_time import eventually
from tests.live.hall import Hall


class Viewer:
    """Follows an event. Versions only rise, and each delta fits what was told before."""

    def __init__(self, hall: Hall) -> None:
        self.hall = hall
        self.version = -1
        self.states: list[int] = []
        self.available = -1
        self.sections: dict[object, int] = {}
        self.is_stale = False
        self.may_go_back = False
        self.told: list[LiveMessage] = []

    def take(self, message: LiveMessage) -> None:
        self.told.append(message)
        match message:
            case LiveSnapshot(view=view):
                assert self.may_go_back or view.version >= self.version
                self._take_all(view)
            case LiveDelta():
                self._take_delta(message)
            case LiveStale():
                assert not self.is_stale, "told twice that it is stale"
                assert message.version == self.version
        self.is_stale = isinstance(message, LiveStale)

    def _take_all(self, view: BoardView) -> None:
        self.version = view.version
        self.states = [view.state(index) for index in range(view.seat_count)]
        self.available = view.available
        self.sections = {section.section_id: section.available for section in view.sections}

    def _take_delta(self, delta: LiveDelta) -> None:
        assert delta.from_version == self.version, "a version was skipped or told twice"
        assert delta.version > self.version or self.is_stale or self.told[:-1] == []
        self.version, self.available = delta.version, delta.available
        for index, state in zip(delta.seat_indexes, delta.states, strict=True):
            self.states[index] = state
        self.sections |= {section.section_id: section.available for section in delta.sections}

    async def follow(self, live: LiveSeats, since_version: int | None = None) -> None:
        """Read every message until cancelled or sent away."""
        self.told = []
        messages = live.follow(self.hall.event_id, since_version)
        try:
            async for message in messages:
                self.take(message)
        finally:
            await messages.aclose()

    @asynccontextmanager
    async def following(
        self, live: LiveSeats, since_version: int | None = None
    ) -> AsyncIterator[None]:
        """Follow for as long as the block lasts; the first message has come when it begins."""
        task = asyncio.create_task(self.follow(live, since_version))
        try:
            await eventually(lambda: bool(self.told) or task.done())
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def sees_the_truth(self, seconds: float = 5) -> None:
        """Wait until the map equals the database, counts and all."""
        version, states = await self.hall.truth()
        await eventually(lambda: self.version >= version, seconds)
        assert (self.version, self.states) == (version, states)
        assert self.available == states.count(0)
        half = self.hall.seat_count // 2
        free = states[:half].count(0), states[half:].count(0)
        assert tuple(self.sections[key] for key in self.hall.section_ids) == free
