"""How much one buyer, and one address, may ask in a minute, counted in cost.

All servers count together, in Redis, by the library `limits`. Asking it for every operation would
cost more than many operations do, so a server takes a slice of what somebody may still have, and
gives it out by itself. The first hundredth of a minute's budget it lends without asking, and has it
counted with the first slice: when everybody comes in the same second, nobody is asked about whoever
only buys tickets. While Redis is away each server counts alone.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network
from math import ceil
from typing import Any, NamedTuple

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisClusterStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from starlette.types import Scope

from onsale.graphql.allowances import ADDRESS_COST_PER_MINUTE, BUYER_COST_PER_MINUTE
from onsale.metrics import count_rate_limited
from onsale.redis_news import AWAY, CLUSTER, TIMEOUT_SECONDS, Outage

#: What a document costs that is refused: reading it takes some milliseconds at most.
REFUSED_COST = 10
#: Redis is asked about twenty times for all that somebody may ask in a minute.
SLICES = 20
#: What a server lends whom it does not know yet is so small a part of their budget.
LOANS = 100
#: Of how many buyers, or addresses, a server remembers what they have left.
REMEMBERED_MAX = 100_000
SECONDS_WITHOUT_REDIS = 5.0
#: To Redis: everybody comes in the same second, and each would open one.
CONNECTIONS_MAX = 20
WINDOW_SECONDS = 60
#: An IPv6 customer has a whole network of addresses; this much of them says whose it is.
IPV6_CUSTOMER_BITS = 64


class TooMuchAsked(Exception):  # noqa: N818 - named for what happened.
    """A budget is used up; there is more in so many whole seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = ceil(seconds)
        super().__init__(
            f"You have asked for more than one may in a minute. Come again in {self.seconds} s."
        )


#: A buyer's id as a number, which is found sooner than as a UUID, or an address.
Key = int | str


class Asker(NamedTuple):
    """Whose budget an operation is taken from."""

    #: The number of the buyer's id.
    buyer: int | None
    #: None: a program on this very machine, or one that reaches us by a Unix socket.
    address: str | None


def address_of(scope: Scope) -> str | None:
    """Tell where a request comes from; uvicorn has looked behind the proxies that are configured.

    This machine itself is nobody's address: it may be a proxy that nobody configured, and then
    everybody would share one budget.
    """
    client = scope.get("client")
    return _customer(client[0]) if client else None


@lru_cache(maxsize=10_000)
def _customer(host: str) -> str | None:
    try:
        address = ip_address(host)
    except ValueError:
        return None
    if address.version == 6:  # noqa: PLR2004 - the version of the protocol.
        if address.ipv4_mapped is None:
            network = ip_network((address, IPV6_CUSTOMER_BITS), strict=False)
            return None if address.is_loopback else str(network)
        address = address.ipv4_mapped
    return None if address.is_loopback else str(address)


class Counts:
    """What was given out, counted by all servers together as long as there is a Redis."""

    def __init__(self) -> None:
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared: SlidingWindowCounterRateLimiter | None = None
        self._connections = asyncio.Semaphore(CONNECTIONS_MAX)
        self._alone_until = 0.0
        self._outage = Outage("each server limits by itself", lambda: "limits are shared again")

    @asynccontextmanager
    async def shared(self, redis_url: str, house: str) -> AsyncIterator[None]:
        """Count together with this house's other servers."""
        storage = _storage(redis_url, house)
        self._shared = SlidingWindowCounterRateLimiter(storage)
        try:
            yield
        finally:
            self._shared = None
            bridge: Any = storage.bridge
            await bridge.storage.aclose()

    async def take(self, item: RateLimitItem, key: str, cost: int) -> float | None:
        """Take so much of a budget; if there is not enough, say in how many seconds there may be.

        The seconds are at least one: nobody shall try again at once.
        """
        async with self._connections:
            if self._shared is not None and time.monotonic() >= self._alone_until:
                try:
                    waits = await _take(self._shared, item, key, cost)
                except AWAY as fault:
                    self._alone_until = time.monotonic() + SECONDS_WITHOUT_REDIS
                    self._outage.begin(self, fault)
                else:
                    self._outage.end(self)
                    return waits
        return await _take(self._own, item, key, cost)


async def _take(
    counts: SlidingWindowCounterRateLimiter, item: RateLimitItem, key: str, cost: int
) -> float | None:
    if await counts.hit(item, key, cost=cost):
        return None
    window = await counts.get_window_stats(item, key)
    return min(max(window.reset_time - time.time(), 1.0), WINDOW_SECONDS)


def _storage(url: str, house: str) -> RedisStorage:
    """Count in the same Redis that carries the seat news; nobody waits long for either."""
    scheme, _, rest = url.partition("://")
    kind = RedisClusterStorage if scheme.endswith(CLUSTER) else RedisStorage
    options: dict[str, Any] = {
        "socket_timeout": TIMEOUT_SECONDS,
        "socket_connect_timeout": TIMEOUT_SECONDS,
        "retry": Retry(NoBackoff(), 0),
    }
    return kind(
        f"async+{'redis+unix' if scheme == 'unix' else scheme}://{rest}",
        implementation="redispy",
        key_prefix=f"onsale:{house}:limits",
        **options,
    )


@dataclass(slots=True)
class Slice:
    """What a server may still give somebody without asking, and until when."""

    left: int
    until: float
    #: What of it was lent, and is still to be counted.
    owed: int = 0


class Budget:
    """What each of a kind, buyers or addresses, may ask in a minute."""

    def __init__(self, kind: str, cost_per_minute: int, counts: Counts) -> None:
        self._kind = kind
        self._item = RateLimitItemPerMinute(cost_per_minute, namespace=kind)
        self._counts = counts
        self._slices: OrderedDict[Key, Slice] = OrderedDict()
        #: Who has nothing left, and until when that holds.
        self._spent: dict[Key, float] = {}
        #: For whom a slice is being asked for.
        self._asking: dict[Key, asyncio.Future[None]] = {}

    def check(self, key: Key) -> None:
        """Raise TooMuchAsked if it is known that there is nothing left."""
        until = self._spent.get(key)
        if until is None:
            return
        seconds = until - time.monotonic()
        if seconds > 0:
            raise self._too_much(seconds)
        del self._spent[key]

    def slice_for(self, key: Key, cost: int) -> Slice | None:
        """Give the slice that is here, if it is large enough; who has none is lent a small one."""
        own, now = self._slices.get(key), time.monotonic()
        if own is None or own.until <= now:
            return self._lend(key, cost, now)
        return own if own.left >= cost else None

    def _lend(self, key: Key, cost: int, now: float) -> Slice | None:
        """Give somebody a little to begin with, unless that is known to be too much."""
        loan = self._item.amount // LOANS
        if cost > loan or key in self._asking or self._spent.get(key, now) > now:
            return None
        own = Slice(loan, now + WINDOW_SECONDS, owed=loan)
        self._remember(key, own)
        return own

    def spend(self, key: Key, cost: int) -> bool:
        """Take a cost from the slice that is here; False if it is too small, and still there."""
        own = self.slice_for(key, cost)
        if own is None:
            return False
        own.left -= cost
        return True

    async def renew(self, key: Key, cost: int) -> None:
        """Take a cost that the slice here is too small for. Raises TooMuchAsked.

        All come in the same second, perhaps from one address: one of them asks, the others wait
        for what it brings, or each would take a slice and the whole budget would be gone.
        """
        while (asking := self._asking.get(key)) is not None:
            await asyncio.wait((asking,))
            if self.spend(key, cost):
                return
            self.check(key)
        asking = self._asking[key] = asyncio.get_running_loop().create_future()
        try:
            await self._take_slice(key, cost)
        finally:
            del self._asking[key]
            asking.set_result(None)

    async def _take_slice(self, key: Key, cost: int) -> None:
        """Take more than the cost; towards the end of the budget only that, and what was lent.

        The slice stays where it is meanwhile: who goes away before the answer, or is refused, owes
        what they owed and is lent nothing more.
        """
        now, seconds = time.monotonic(), 0.0
        own = self._slices.get(key)
        if own is None or own.until <= now:
            own = Slice(0, now + WINDOW_SECONDS)
            self._remember(key, own)
        owed, needed = own.owed, max(cost - own.left, 0)
        for taken in dict.fromkeys((max(needed, self._item.amount // SLICES), needed)):
            waits = await self._counts.take(self._item, str(key), owed + taken)
            if waits is None:
                # Below zero if others have spent from it meanwhile: the next one makes up for it.
                own.left += taken - cost
                own.owed -= owed
                own.until = now + WINDOW_SECONDS
                self._remember(key, own)  # Among so many others it may have been forgotten.
                return
            seconds = waits
        if len(self._spent) >= REMEMBERED_MAX:
            self._spent.clear()  # They will be told again, by the counts.
        self._spent[key] = now + seconds
        raise self._too_much(seconds)

    def _remember(self, key: Key, own: Slice) -> None:
        self._slices[key] = own
        self._slices.move_to_end(key)
        if len(self._slices) > REMEMBERED_MAX:
            self._slices.popitem(last=False)

    def _too_much(self, seconds: float) -> TooMuchAsked:
        count_rate_limited(self._kind)
        return TooMuchAsked(seconds)


class RateLimits:
    """Everybody's budgets. A budget of 0 a minute means that there is no limit."""

    def __init__(
        self,
        *,
        per_buyer: int = BUYER_COST_PER_MINUTE,
        per_address: int = ADDRESS_COST_PER_MINUTE,
    ) -> None:
        self.counts = Counts()
        self._buyers = Budget("buyer", per_buyer, self.counts) if per_buyer else None
        self._addresses = Budget("address", per_address, self.counts) if per_address else None

    def check(self, asker: Asker) -> None:
        """Turn away who is known to have nothing left, before any work. Raises TooMuchAsked."""
        for budget, key in ((self._addresses, asker.address), (self._buyers, asker.buyer)):
            if budget is not None and key is not None:
                budget.check(key)

    def spend(self, asker: Asker, cost: int) -> bool:
        """Take the cost of an operation if it is here already; otherwise take nothing."""
        slices = []
        for budget, key in ((self._addresses, asker.address), (self._buyers, asker.buyer)):
            if budget is not None and key is not None:
                own = budget.slice_for(key, cost)
                if own is None:
                    return False
                slices.append(own)
        for own in slices:
            own.left -= cost
        return True

    async def take(self, asker: Asker, cost: int) -> None:
        """Take the cost of an operation from the budgets of the asker. Raises TooMuchAsked."""
        for budget, key in ((self._addresses, asker.address), (self._buyers, asker.buyer)):
            if budget is not None and key is not None and not budget.spend(key, cost):
                await budget.renew(key, cost)
