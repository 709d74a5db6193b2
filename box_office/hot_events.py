"""Events that everybody asks for at once: read a few times a second, however many ask."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from box_office.database import Database
from box_office.events import EventRow, events_by_ids, events_by_slugs

#: How old an event's row may be when it is shown. Seats are never this old: they have their board.
EVENT_MEMORY_SECONDS = 0.25
HOT_EVENTS_MAX = 1_000

K = TypeVar("K", bound=Hashable)


@dataclass(slots=True)
class _Memory:
    """An event as it was read; None when there was none."""

    row: EventRow | None
    read_at: float


class _Remembered(Generic[K]):
    """Events by one kind of key."""

    def __init__(
        self, read: Callable[[Database, Sequence[K]], Awaitable[dict[K, EventRow]]]
    ) -> None:
        self._read = read
        #: The longest unread first.
        self._memories: OrderedDict[K, _Memory] = OrderedDict()

    async def get(self, database: Database, keys: Sequence[K]) -> dict[K, EventRow | None]:
        """Give events as they were EVENT_MEMORY_SECONDS ago, or later."""
        now = time.monotonic()
        known = {key: self._memories[key] for key in keys if key in self._memories}
        old = [key for key in keys if key not in known or self._is_old(known[key], now)]
        read_before = {key: known[key].read_at for key in old if key in known}
        for key in read_before:
            known[key].read_at = now  # Whoever asks meanwhile need not read it too.
        if old:
            try:
                self._remember(old, await self._read(database, old), now)
            except BaseException:
                for key, read_at in read_before.items():
                    known[key].read_at = read_at  # It is as old as it was.
                raise
        return {key: self._memories[key].row for key in keys if key in self._memories}

    def fresh(self, key: K) -> EventRow | None:
        """Give an event that need not be read; None when it must be, or there is none."""
        memory = self._memories.get(key)
        if memory is None or self._is_old(memory, time.monotonic()):
            return None
        return memory.row

    def _is_old(self, memory: _Memory, now: float) -> bool:
        return now - memory.read_at >= EVENT_MEMORY_SECONDS

    def _remember(self, keys: Sequence[K], found: dict[K, EventRow], now: float) -> None:
        for key in keys:
            self._memories[key] = _Memory(found.get(key), now)
            self._memories.move_to_end(key)
        while len(self._memories) > HOT_EVENTS_MAX:
            self._memories.popitem(last=False)


class HotEvents:
    """One for each process; without it every operation reads its events itself."""

    def __init__(self) -> None:
        self._by_id = _Remembered[UUID](events_by_ids)
        self._by_slug = _Remembered[str](events_by_slugs)

    def fresh_by_id(self, event_id: UUID) -> EventRow | None:
        """Give a public event at once; None when it must be read, or there is none."""
        return self._by_id.fresh(event_id)

    def fresh_by_slug(self, slug: str) -> EventRow | None:
        """Give a public event at once; None when it must be read, or there is none."""
        return self._by_slug.fresh(slug)

    async def by_ids(self, database: Database, ids: Sequence[UUID]) -> dict[UUID, EventRow | None]:
        """Give public events by id."""
        return await self._by_id.get(database, ids)

    async def by_slugs(
        self, database: Database, slugs: Sequence[str]
    ) -> dict[str, EventRow | None]:
        """Give public events by the names in their addresses."""
        return await self._by_slug.get(database, slugs)
