import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path

import httpx
import pytest

from box_office.database import Database
from tests.halls import Hall
from tests.races.checkers import (
    AT_REST,
    objections,
    the_provider_remembers_the_same_payments,
    whatever_has_lapsed_has_been_swept,
)
from tests.races.crowd import Race, choose_seed
from tests.races.doors import Door, HttpDoor
from tests.races.record import Action, Record
from tests.races.record_checkers import contradictions, every_acknowledged_sale_is_in_the_database
from tests.races.server_log import PostgresLog
from tests.servers import ServerProcess, running_servers

ATTEMPTS = 500
SWEPT_SECONDS_MAX = 10.0
CLIENT_SECONDS_MAX = 12.0
PROVIDERS_RECORD = "pretend-payments.sqlite3"


@pytest.fixture
def servers(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[list[ServerProcess]]:
    with running_servers(database_url, redis_url, tmp_path, 2) as servers:
        yield servers


@asynccontextmanager
async def doors_of(servers: Sequence[ServerProcess], hall: Hall) -> AsyncIterator[list[Door]]:
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=100)
    # A buyer is known by the token that is given, never by the cookie of whoever asked before.
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    async with httpx.AsyncClient(
        timeout=CLIENT_SECONDS_MAX, limits=limits, cookies=no_cookies
    ) as client:
        yield [HttpDoor(client, server.graphql_url, hall) for server in servers]


async def keep_changing_how_long_seats_are_held(hall: Hall) -> None:
    """One to three seconds, so that holds lapse at all times in all places."""
    seconds = 0
    while True:
        seconds = seconds % 3 + 1
        await hall.execute("UPDATE events SET reservation_seconds = $1", seconds)
        await asyncio.sleep(0.7)


async def swept(database: Database) -> None:
    """Wait until the servers' sweepers have ended whatever lapsed."""
    async with asyncio.timeout(SWEPT_SECONDS_MAX):
        while await objections(database, [whatever_has_lapsed_has_been_swept]):
            await asyncio.sleep(0.2)


async def audit(database: Database, record: Record, provider: Path) -> None:
    """Ask every checker there is."""
    assert contradictions(record) == {}
    assert await objections(database) == {}
    assert await every_acknowledged_sale_is_in_the_database(database, record) == []
    assert await the_provider_remembers_the_same_payments(database, provider) == []


async def test_of_five_thousand_attempts_before_two_servers_no_seat_is_sold_twice(
    database: Database,
    hall: Hall,
    servers: list[ServerProcess],
    tmp_path: Path,
    postgres_log: PostgresLog,
) -> None:
    changing = asyncio.create_task(keep_changing_how_long_seats_are_held(hall))
    async with doors_of(servers, hall) as doors:
        record = await Race(hall, doors, choose_seed(), ATTEMPTS).run()
    changing.cancel()
    await swept(database)

    print(json.dumps(record.counts(), indent=1), dict(postgres_log.errors()))  # noqa: T201
    await audit(database, record, tmp_path / PROVIDERS_RECORD)
    assert postgres_log.unexpected() == {}
    assert sum(told.answer.order is not None for told in record.of(Action.PURCHASE)) > 100
    assert AT_REST


async def test_a_killed_server_takes_no_acknowledged_answer_with_it(
    database: Database, hall: Hall, servers: list[ServerProcess], tmp_path: Path
) -> None:
    """Killed twice in the middle of the load; whoever got no answer repeats the call elsewhere."""
    async with doors_of(servers, hall) as doors:
        race = Race(hall, doors, choose_seed(), 1_500, doors_may_break=True)
        racing = asyncio.create_task(race.run())
        for victim in servers:
            await asyncio.sleep(1)
            await asyncio.to_thread(victim.kill)
            await asyncio.sleep(0.5)
            assert not racing.done(), "it was killed too late"
            await asyncio.to_thread(victim.start)
        record = await racing
    await swept(database)

    await audit(database, record, tmp_path / PROVIDERS_RECORD)
