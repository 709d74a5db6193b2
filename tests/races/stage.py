"""What a race over HTTP is run on: two servers, one payment provider beside them, and a crowd."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from onsale.door import WEBHOOKS_PATH
from tests.halls import Hall
from tests.payments.pretending import Pretending
from tests.races.doors import HttpBank, HttpDoor
from tests.races.pools import connection_pools
from tests.servers import ServerProcess, running_servers

CONNECTION_POOLS = 32
#: Reservations are made for one second, two, three, and one again.
LIFE_SECONDS_MAX = 3
LIFE_CHANGES_EVERY_SECONDS = 0.7


@dataclass(frozen=True, slots=True)
class Stage:
    """Two servers over one database, and the provider they share."""

    servers: list[ServerProcess]
    provider: Pretending


@contextmanager
def set_stage(
    database_url: str, redis_url: str | None, folder: Path, *, slow_seconds: float
) -> Iterator[Stage]:
    """Start them all. The provider tells both servers of whatever happens to a payment."""
    provider = Pretending(folder, slow_seconds=slow_seconds)
    with running_servers(
        database_url,
        redis_url,
        folder,
        2,
        ONSALE_PAYMENTS_URL=provider.url,
        ONSALE_PAYMENTS_KEY=provider.key,
        ONSALE_KEEP_SEAT_CHANGES="P1D",  # A long race is judged by its whole log.
    ) as servers:
        provider.notify = tuple(f"{server.url}{WEBHOOKS_PATH}" for server in servers)
        provider.start()
        try:
            yield Stage(servers, provider)
        finally:
            provider.kill()


@dataclass(frozen=True, slots=True)
class Entrances:
    """How clients reach the servers and the bank."""

    doors: list[HttpDoor]
    bank: HttpBank


@asynccontextmanager
async def entrances(stage: Stage, hall: Hall) -> AsyncIterator[Entrances]:
    """Open them; and keep changing how long seats are held, so that holds lapse at all times."""
    async with connection_pools(CONNECTION_POOLS) as clients:
        doors = [HttpDoor(clients, server.graphql_url, hall) for server in stage.servers]
        changing = asyncio.create_task(keep_changing_how_long_seats_are_held(hall))
        yield Entrances(doors, HttpBank(clients[0], stage.provider.url))
        changing.cancel()
        with suppress(asyncio.CancelledError):
            await changing


async def keep_changing_how_long_seats_are_held(hall: Hall) -> None:
    """One to three seconds."""
    seconds = 0
    while True:
        seconds = seconds % LIFE_SECONDS_MAX + 1
        await hall.execute("UPDATE events SET reservation_seconds = $1", seconds)
        await asyncio.sleep(LIFE_CHANGES_EVERY_SECONDS)
