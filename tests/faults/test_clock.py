"""The database's clock leaps by two hours, back and ahead, in the middle of a sale."""

import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from box_office.database import Database
from schema.ids import NodeKind, key_of
from tests.conftest import broken_rules
from tests.crashes.scenes import Buyer
from tests.faults.conftest import new_books
from tests.faults.judging import (
    faults,
    lost_cancellations,
    lost_reservations,
    neither_expired_nor_sold,
    unanswered,
)
from tests.faults.machine import OwnPostgres, OwnValkey
from tests.faults.preloaded import Preload
from tests.faults.report import report
from tests.faults.sales import Sales, doors_of, selling
from tests.faults.screens import all_show_the_truth, watching
from tests.given_time import eventually
from tests.halls import Hall, open_hall
from tests.payments.pretending import Pretending, pretending
from tests.races.checkers import objections, the_provider_remembers_the_same_payments
from tests.races.record import Action
from tests.races.record_checkers import (
    every_acknowledged_sale_is_in_the_database,
    only_what_was_held_was_sold,
)
from tests.servers import ServerProcess, running_servers

TWO_HOURS = 7_200.0
OFF_BY_SECONDS_MAX = 5.0
BUYERS = 8
SOLD_MIN = 10
#: Until what has lapsed in one leap is free again.
SWEPT_SECONDS_MAX = 5.0
RIGHT_SECONDS_MAX = 5.0
#: Until money that the bank has let go after the leap has its tickets, or is let go, too.
SETTLED_SECONDS_MAX = 30.0


@pytest.fixture(scope="module")
def clock(postgres: OwnPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Preload]:
    """PostgreSQL with a clock that can be moved while it runs."""
    preload = Preload("moved_clock", tmp_path_factory.mktemp("clock"))
    postgres.stop()
    postgres.start(preload)
    yield preload
    postgres.stop()
    postgres.start()


@pytest.fixture(scope="module")
def moved_books_url(clock: Preload, postgres: OwnPostgres) -> str:
    """Books of these tests alone, for what is written in the future stays there."""
    clock.tell(0)
    return new_books(postgres)


@pytest.fixture
async def database_url(moved_books_url: str, clock: Preload) -> AsyncIterator[str]:
    yield moved_books_url
    assert await broken_rules(moved_books_url) == {}, "the leap left books that do not agree"
    clock.tell(0)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pretending]:
    with pretending(tmp_path_factory.mktemp("bank")) as bank:
        yield bank


@pytest.fixture(scope="module")
def servers(
    moved_books_url: str,
    valkey: OwnValkey,
    bank: Pretending,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[list[ServerProcess]]:
    settings = {"ONSALE_PAYMENTS_URL": bank.url, "ONSALE_PAYMENTS_KEY": bank.key}
    folder = tmp_path_factory.mktemp("servers")
    with running_servers(moved_books_url, valkey.url, folder, 1, **settings) as servers:
        yield servers


async def test_when_the_clock_goes_back_holds_last_longer_and_nothing_else_happens(
    clock: Preload, hall: Hall, database: Database, servers: list[ServerProcess], bank: Pretending
) -> None:
    async with doors_of(servers, hall) as doors, watching(hall, servers) as screens:
        sales, waiting = Sales(hall, doors), await at_the_bank(hall, servers)
        async with selling(sales, BUYERS):
            await under_way(sales)
            leapt_at = await leap(clock, database, -TWO_HOURS)
            await bank.approve(waiting.told["client secret"])
            await under_way(sales)
            swept = await a_short_hold_lapses(database, servers)
        right = await all_show_the_truth(hall, screens, RIGHT_SECONDS_MAX)
    settled = await settled_as(hall, waiting, "CAPTURED")

    report("Clock -2 h", sales.record, swept=swept, settled=settled, right=right)
    assert sales.done(Action.PURCHASE, since=leapt_at)
    assert await lost_reservations(database, sales.record) == []
    await nothing_is_lost(sales, database, bank)


async def test_when_the_clock_goes_ahead_what_was_held_is_free_and_no_money_is_lost(
    clock: Preload, hall: Hall, database: Database, servers: list[ServerProcess], bank: Pretending
) -> None:
    async with doors_of(servers, hall) as doors, watching(hall, servers) as screens:
        sales = Sales(hall, doors)
        quick, gone = await at_the_bank(hall, servers), await at_the_bank(hall, servers)
        async with selling(sales, BUYERS):
            await under_way(sales)
            kept = [
                told.answer.reservation.id
                for told in sales.done(Action.RESERVE)
                if told.answer.reservation
            ]
            leapt_at = await leap(clock, database, TWO_HOURS)
            in_time = await bank.approve_in_time(quick.told["client secret"])
            swept = await all_lapsed(database, kept)
            await under_way(sales)
        right = await all_show_the_truth(hall, screens, RIGHT_SECONDS_MAX)
    # A yes that came in time may still be let go with what lapsed; a late one never buys.
    settled = await settled_as(hall, quick, "VOIDED", *(["CAPTURED"] if in_time else []))
    given_up = await settled_as(hall, gone, "VOIDED")

    figures = {"swept": swept, "settled": settled, "given up": given_up, "right": right}
    report("Clock +2 h", sales.record, **figures)
    assert sales.done(Action.PURCHASE, since=leapt_at)
    assert await lost_reservations(database, sales.record, since=leapt_at) == []
    await nothing_is_lost(sales, database, bank)


async def leap(clock: Preload, database: Database, seconds: float) -> float:
    """Move the clock, and see that it has moved; gives when."""
    clock.tell(seconds)
    async with database.pool.acquire() as connection:
        now = await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
    leapt_at = time.time()
    assert abs(now - leapt_at - seconds) < OFF_BY_SECONDS_MAX, "the clock has not moved"
    return leapt_at


async def at_the_bank(hall: Hall, servers: list[ServerProcess]) -> Buyer:
    """A buyer who has begun to pay, and whom the bank waits for."""
    buyer = Buyer(hall, servers[0].graphql_url)
    await buyer.arrive()
    free = await hall.fetch(
        "SELECT max(seat_index) AS seat FROM event_seats WHERE event_id = $1"
        " AND state = 0 AND seat_index < $2",
        hall.event_id,
        hall.numbered,
    )
    buyer.told["reservation"] = await buyer.reserve(free[0]["seat"])
    [action] = (await buyer.purchase(buyer.told["reservation"], "pretend_action_required"))[
        "errors"
    ]
    buyer.told["client secret"] = action["clientSecret"]
    return buyer


async def under_way(sales: Sales) -> None:
    """Wait for some more sales."""
    sold = len(sales.done(Action.PURCHASE))
    await eventually(lambda: len(sales.done(Action.PURCHASE)) >= sold + SOLD_MIN, 30)


async def a_short_hold_lapses(database: Database, servers: list[ServerProcess]) -> float:
    """Reserve for a second; gives how long it was until the seats were free again."""
    async with open_hall(database, standing=1, reservation_seconds=1) as hall:
        buyer = Buyer(hall, servers[0].graphql_url)
        await buyer.arrive()
        await buyer.reserve(0, 1)
        began = time.monotonic()

        async def is_free() -> bool:
            return set(await hall.states()) == {0}

        await eventually(is_free, 1 + SWEPT_SECONDS_MAX)
    return time.monotonic() - began


async def all_lapsed(database: Database, reservations: list[Any]) -> float:
    """Wait until none of these is open any more; gives how long it took."""
    began = time.monotonic()

    async def have() -> bool:
        async with database.pool.acquire() as connection:
            return not await connection.fetchval(
                "SELECT count(*) FROM reservations WHERE status = 'OPEN' AND id = ANY($1)",
                reservations,
            )

    await eventually(have, SWEPT_SECONDS_MAX)
    return time.monotonic() - began


async def settled_as(hall: Hall, buyer: Buyer, *states: str) -> float:
    """Wait until the buyer's payment has come to such an end; gives how long that took."""
    began = time.monotonic()
    reservation = key_of(buyer.told["reservation"], NodeKind.RESERVATION)
    statement = "SELECT state FROM payments WHERE reservation_id = $1"

    async def has() -> bool:
        return (await hall.fetch(statement, reservation))[0]["state"] in states

    await eventually(has, SETTLED_SECONDS_MAX)
    return time.monotonic() - began


async def nothing_is_lost(sales: Sales, database: Database, bank: Pretending) -> None:
    """Ask everybody: those who bought, the books, and the bank."""
    assert unanswered(sales.record) == []
    assert faults(sales.record) == []
    assert await lost_cancellations(database, sales.record) == []
    assert await every_acknowledged_sale_is_in_the_database(database, sales.record) == []
    assert await neither_expired_nor_sold(database) == []
    assert only_what_was_held_was_sold(sales.record) == []

    async def at_rest() -> bool:
        return await objections(database) == {}

    await eventually(at_rest, SETTLED_SECONDS_MAX)
    assert await the_provider_remembers_the_same_payments(database, bank.record) == []
