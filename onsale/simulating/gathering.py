"""Asking for evidence: each buyer's books, and the map, when all is over."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from time import monotonic
from typing import Any

from onsale.simulating.api import Api
from onsale.simulating.audit import Evidence, diverged
from onsale.simulating.event import Event, availability_of
from onsale.simulating.record import Record, Shown, Span, read_order, read_reservation
from onsale.simulating.watcher import Watcher

ASKING_MAX = 20
#: Subscribers are promised every final state within 5 s of any single fault.
CATCH_UP_SECONDS_MAX = 10.0
LOOK_EVERY_SECONDS = 0.1


async def gather(
    api: Api, event: Event, records: Sequence[Record], advance: Callable[[], None]
) -> Evidence:
    """Ask for every buyer's books, then for the map; `advance` is told each buyer."""
    turns = asyncio.Semaphore(ASKING_MAX)

    async def look(record: Record) -> Shown:
        async with turns:
            shown = await _books_of(api, record.token) if record.token else Shown()
        advance()
        return shown

    shown = await asyncio.gather(*map(look, records))
    return Evidence(records, shown, await availability_of(api, event))


async def compare_maps(api: Api, event: Event, watchers: Sequence[Watcher]) -> list[str]:
    """Compare each subscriber's map with a fresh one at the same version, once it is there."""
    faults: list[str] = []
    waiting = list(watchers)
    deadline = monotonic() + CATCH_UP_SECONDS_MAX
    while waiting:
        fresh = await availability_of(api, event)
        for watcher in list(waiting):
            if (states := watcher.maps.get(fresh.version)) is not None:
                who = f"Subscriber {watcher.number}"
                faults += diverged(who, fresh.version, states, fresh.states)
                waiting.remove(watcher)
        if waiting and monotonic() > deadline:
            return faults + [_late(watcher, fresh.version) for watcher in waiting]
        await asyncio.sleep(LOOK_EVERY_SECONDS)
    return faults


def _late(watcher: Watcher, version: int) -> str:
    return (
        f"Subscriber {watcher.number} is at version {watcher.version} and the server at {version},"
        f" {CATCH_UP_SECONDS_MAX:.0f} s after the last buyer left."
    )


async def _books_of(api: Api, token: str) -> Shown:
    shown = Shown()
    async for node, told in _nodes(api, "reservations", token):
        shown.reservations[node["id"]] = read_reservation(node, told)
    async for node, _ in _nodes(api, "orders", token):
        shown.orders[node["id"]] = read_order(node)
    return shown


async def _nodes(api: Api, what: str, token: str) -> AsyncIterator[tuple[dict[str, Any], Span]]:
    """Turn all pages over."""
    after = None
    while True:
        answer = await api.call(what, token, after=after)
        page = answer.data["viewer"][what]
        for node in page["nodes"]:
            yield node, answer.told
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return
