"""Buyers who reserve and pay for as long as a test lets them, whatever breaks meanwhile."""

import asyncio
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import ceil, inf
from uuid import UUID

from tests.halls import Hall
from tests.races.doors import Buyer, Door, HttpDoor
from tests.races.pools import connection_pools
from tests.races.record import Action, Answer, Held, Record, Sold, Told
from tests.servers import ServerProcess

#: How many want a seat that somebody has had before them.
ENVIOUS = 0.15
REPEAT_AFTER_SECONDS = 0.2
#: When it is over, whoever got no answer goes on asking for so long.
SETTLE_SECONDS_MAX = 30.0
CONNECTION_POOLS = 16


@dataclass
class Sales:
    """A crowd before several doors, and all that it was told."""

    hall: Hall
    doors: Sequence[Door]
    #: Between two reservations of one buyer.
    pause_seconds: float = 0.0
    #: What becomes of a reservation, and how often.
    habits: dict[str, float] = field(default_factory=lambda: {"pay": 5, "cancel": 3, "keep": 2})
    record: Record = field(default_factory=Record)
    over_at: float = inf

    def __post_init__(self) -> None:
        seats = list(range(self.hall.numbered))
        random.Random(7).shuffle(seats)
        self._free = deque(seats)
        #: What somebody has, or has given back.
        self._asked_for: list[int] = []

    async def trade(self, number: int) -> None:
        """Be one buyer after the other, and make up one's mind anew each time."""
        dice = random.Random(number)
        while time.monotonic() < self.over_at:
            if (buyer := await dice.choice(self.doors).new_buyer()) is None:
                await asyncio.sleep(REPEAT_AFTER_SECONDS)
                continue
            [habit] = dice.choices(list(self.habits), list(self.habits.values()))
            await self._visit(dice, buyer, habit)
            await asyncio.sleep(self.pause_seconds * dice.uniform(0.5, 1.5))

    async def _visit(self, dice: random.Random, buyer: Buyer, habit: str) -> None:
        seats = self._choose(dice)
        held = await self._hold(dice, buyer, seats)
        if held is not None and habit in {"pay", "pay and return"}:
            sold = await self.pay(dice, buyer, held)
            if sold is not None and habit == "pay and return":
                await self.give_back(dice, buyer, sold)
        elif held is None or (habit == "cancel" and await self.cancel(dice, buyer, held)):
            self._free.extendleft(seats)

    async def hold(self, dice: random.Random, buyer: Buyer) -> Held:
        """Reserve some seats, whichever are to be had."""
        while (held := await self._hold(dice, buyer, self._choose(dice))) is None:
            pass
        return held

    async def _hold(self, dice: random.Random, buyer: Buyer, seats: list[int]) -> Held | None:
        async def reserve(door: Door) -> Answer:
            return await door.reserve(buyer, seats, 0)

        return (await self.settle(dice, Action.RESERVE, buyer, None, reserve)).reservation

    def _choose(self, dice: random.Random) -> list[int]:
        """Two seats; now and then one of them is somebody else's, most likely."""
        seats = [self._free.pop(), self._free.pop()]
        if self._asked_for and dice.random() < ENVIOUS:
            self._free.appendleft(seats.pop())
            seats.append(dice.choice(self._asked_for))
        self._asked_for += seats
        return sorted(set(seats))

    async def cancel(self, dice: random.Random, buyer: Buyer, held: Held) -> bool:
        """Give a reservation back, and tell whether that was granted."""

        async def cancel(door: Door) -> Answer:
            return await door.cancel(buyer, held.id)

        answer = await self.settle(dice, Action.CANCEL, buyer, held.id, cancel)
        return answer.reservation is not None

    async def pay(self, dice: random.Random, buyer: Buyer, held: Held) -> Sold | None:
        """Pay with a sound card."""
        key = f"{dice.getrandbits(64):x}"

        async def pay(door: Door) -> Answer:
            return await door.purchase(buyer, held.id, "pretend_ok", key)

        return (await self.settle(dice, Action.PURCHASE, buyer, held.id, pay)).order

    async def give_back(self, dice: random.Random, buyer: Buyer, sold: Sold) -> None:
        """Cancel an order."""
        key = f"{dice.getrandbits(64):x}"

        async def cancel(door: Door) -> Answer:
            return await door.cancel_order(buyer, sold.id, key)

        await self.settle(dice, Action.CANCEL_ORDER, buyer, sold.id, cancel)

    async def settle(
        self,
        dice: random.Random,
        action: Action,
        buyer: Buyer,
        about: UUID | None,
        ask: Callable[[Door], Awaitable[Answer]],
    ) -> Answer:
        """Ask; and repeat exactly that, at any door, while nobody can say what came of it."""
        asked_since = inf
        while True:
            sent_at = time.time()
            answer = await ask(dice.choice(self.doors))
            token = "pretend_ok" if action is Action.PURCHASE else None
            asked = (action, buyer.id, about, token, sent_at, time.time())
            self.record.told.append(Told(*asked, answer, asked_since))
            if answer.settles_it or time.monotonic() > self.over_at + SETTLE_SECONDS_MAX:
                return answer
            asked_since = min(asked_since, sent_at)
            await asyncio.sleep(REPEAT_AFTER_SECONDS)

    def done(self, *actions: Action, since: float = 0.0) -> list[Told]:
        """Give what was asked since then and granted."""
        return [
            told
            for told in self.record.of(*actions)
            if told.sent_at >= since
            and (told.answer.order is not None or told.answer.reservation is not None)
            and not told.answer.refusals
        ]


@asynccontextmanager
async def selling(sales: Sales, buyers: int = 16) -> AsyncIterator[None]:
    """Sell for as long as the block lasts; after it everybody knows what came of their requests."""
    async with asyncio.TaskGroup() as group:
        for number in range(buyers):
            group.create_task(sales.trade(number))
        yield
        sales.over_at = time.monotonic()


@asynccontextmanager
async def doors_of(servers: Sequence[ServerProcess], hall: Hall) -> AsyncIterator[list[Door]]:
    """Open a door to each server."""
    async with connection_pools(CONNECTION_POOLS) as clients:
        yield [HttpDoor(clients, server.graphql_url, hall) for server in servers]


def percentile(seconds: Sequence[float], percent: float) -> float:
    """Give the value that so many percent do not exceed."""
    assert seconds, "nothing was measured"
    return sorted(seconds)[ceil(len(seconds) * percent / 100) - 1]
