import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path

import httpx
import pytest

from box_office.database import Database
from tests.halls import Hall
from tests.races.checkers import (
    objections,
    the_provider_remembers_the_same_payments,
)
from tests.races.conftest import SEATS_PER_BUYER_MAX
from tests.races.crowd import Race, choose_seed
from tests.races.doors import Door, HttpDoor
from tests.races.record import Action, Record
from tests.races.record_checkers import (
    contradictions,
    every_acknowledged_sale_is_in_the_database,
    every_request_was_answered,
)
from tests.races.server_log import PostgresLog
from tests.servers import ServerProcess, running_servers

ATTEMPTS = 5_000
KILLED_ATTEMPTS = 1_000
LIFE_SECONDS_MAX = 3
SWEPT_SECONDS_MAX = 15
CLIENT_SECONDS_MAX = 12.0
CONNECTION_POOLS = 32
PROVIDERS_RECORD = "pretend-payments.sqlite3"
STILL_HELD = "SELECT 1 FROM reservations WHERE status = 'OPEN' AND expires_at <= now() + $1"


@pytest.fixture
def servers(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[list[ServerProcess]]:
    with running_servers(database_url, redis_url, tmp_path, 2) as servers:
        yield servers


@asynccontextmanager
async def doors_of(servers: Sequence[ServerProcess], hall: Hall) -> AsyncIterator[list[Door]]:
    """Open doors with many small pools of connections: a large one costs httpx 9 ms a call."""
    # Let go of idle connections before the servers do (5 s), or a request may meet a closing one.
    limits = httpx.Limits(max_keepalive_connections=8, keepalive_expiry=2)
    context = ssl.create_default_context()
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                httpx.AsyncClient(
                    timeout=CLIENT_SECONDS_MAX,
                    limits=limits,
                    verify=context,
                    # A buyer is known by the token that is given, never by somebody's cookie.
                    cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                )
            )
            for _ in range(CONNECTION_POOLS)
        ]
        yield [HttpDoor(clients, server.graphql_url, hall) for server in servers]


async def keep_changing_how_long_seats_are_held(hall: Hall) -> None:
    """One to three seconds, so that holds lapse at all times in all places."""
    seconds = 0
    while True:
        seconds = seconds % LIFE_SECONDS_MAX + 1
        await hall.execute("UPDATE events SET reservation_seconds = $1", seconds)
        await asyncio.sleep(0.7)


async def swept(hall: Hall) -> None:
    """Wait until every short reservation has lapsed and the servers' sweepers have ended it."""
    for _ in range(SWEPT_SECONDS_MAX):
        if not await hall.fetch(STILL_HELD, timedelta(seconds=LIFE_SECONDS_MAX)):
            return
        await asyncio.sleep(1)
    raise AssertionError("lapsed reservations were not swept")


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
    await swept(hall)

    print(json.dumps(record.counts(), indent=1), dict(postgres_log.errors()))  # noqa: T201
    await audit(database, record, tmp_path / PROVIDERS_RECORD)
    assert postgres_log.unexpected() == {}
    assert sum(told.answer.order is not None for told in record.of(Action.PURCHASE)) > 100


async def test_a_killed_server_takes_no_acknowledged_answer_with_it(
    database: Database, hall: Hall, servers: list[ServerProcess], tmp_path: Path
) -> None:
    """Killed twice in the middle of the load; whoever got no answer repeats the call elsewhere."""
    async with doors_of(servers, hall) as doors:
        race = Race(hall, doors, choose_seed(), KILLED_ATTEMPTS, doors_may_break=True)
        racing = asyncio.create_task(race.run())
        for victim in servers:
            await asyncio.sleep(1)
            await asyncio.to_thread(victim.kill)
            await asyncio.sleep(0.5)
            assert not racing.done(), "it was killed too late"
            await asyncio.to_thread(victim.start)
        record = await racing
    await swept(hall)

    assert race.broken_off > 0
    await audit(database, record, tmp_path / PROVIDERS_RECORD)


async def test_twelve_tabs_of_one_buyer_at_two_servers_get_no_more_than_one_buyer_may(
    database: Database, hall: Hall, servers: list[ServerProcess], tmp_path: Path
) -> None:
    """What a tab was shown, another may have changed: judged by the books, and by the answers."""
    async with doors_of(servers, hall) as doors:
        buyer = await doors[0].new_buyer()
        assert buyer is not None
        race = Race(hall, doors, choose_seed(), 300, clients=12, buyer=buyer)
        record = await race.run()
    await swept(hall)

    assert every_request_was_answered(record) == []
    assert await objections(database) == {}
    assert await every_acknowledged_sale_is_in_the_database(database, record) == []
    provider = tmp_path / PROVIDERS_RECORD
    assert await the_provider_remembers_the_same_payments(database, provider) == []
    assert await hall.allowance(buyer.id) <= SEATS_PER_BUYER_MAX
    outcomes = record.counts()
    assert any("SEAT_LIMIT_EXCEEDED" in outcome for outcome in outcomes), outcomes
