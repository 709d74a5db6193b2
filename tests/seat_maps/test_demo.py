"""The demo's data, seeded for real: every count and every constraint holds."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from box_office.database import Database
from box_office.seating_plan import SeatingPlan, read_seating_plan
from demo.make_plans import PLANS, Json, arena, club, theatre, written
from demo.seed import Summary, seed
from onsale.embedded import Services


class Seeded:
    """One seeded database for all tests of this file: they only look."""

    def __init__(self, services: Services, template: str) -> None:
        self.url = make_url(services.database_url).set(database="seeded_demo")
        self._services, self._template = services, template
        self.summary = Summary()
        self.progress: list[str] = []

    async def make(self) -> None:
        await self._execute(f"CREATE DATABASE seeded_demo TEMPLATE {self._template}")
        database = await self.connect()
        self.summary = await seed(database, self.progress.append)
        await database.close()

    async def connect(self) -> Database:
        return await Database.connect(self.url.render_as_string(hide_password=False))

    async def drop(self) -> None:
        await self._execute("DROP DATABASE seeded_demo WITH (FORCE)")

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self._services.database_url)
        await connection.execute(statement)
        await connection.close()


@pytest.fixture(scope="module")
def seeded(services: Services, template: str) -> Iterator[Seeded]:
    seeded = Seeded(services, template)
    asyncio.run(seeded.make())
    yield seeded
    asyncio.run(seeded.drop())


@pytest.fixture
async def database(seeded: Seeded) -> AsyncIterator[Database]:
    database = await seeded.connect()
    yield database
    await database.close()


@pytest.fixture
def summary(seeded: Seeded) -> Summary:
    return seeded.summary


async def rows(database: Database, statement: str) -> list[dict[str, Any]]:
    async with database.engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(sa.text(statement))).mappings()]


async def test_the_demo_has_a_dozen_events_of_every_status_in_two_kinds_of_money(
    database: Database, summary: Summary
) -> None:
    events = await rows(
        database, "SELECT currency_code, event_status(events) AS status, type_key FROM events"
    )

    assert len(events) == summary.events >= 12
    assert {event["status"] for event in events} >= {
        *("ON_SALE", "SCHEDULED", "PAUSED", "ENDED", "CANCELLED"),
    }
    assert {event["currency_code"] for event in events} >= {"GBP", "EUR", "JPY"}
    assert len({event["type_key"] for event in events}) >= 6
    sold_out = await rows(
        database, "SELECT * FROM event_ledgers WHERE sold = seat_count AND available = 0"
    )
    assert len(sold_out) == 1


async def test_the_readmes_event_is_on_sale_under_its_slug_in_pounds(
    database: Database, summary: Summary
) -> None:
    found = await rows(
        database,
        "SELECT currency_code, event_status(events) AS status, version, available FROM events"
        " JOIN event_ledgers ON event_id = id"
        " WHERE slug = 'midsummer-night-at-the-lantern-theatre'",
    )

    assert summary.seats > 60_000
    assert found == [
        {"currency_code": "GBP", "status": "ON_SALE", "version": 0, "available": 1_083}
    ]


async def test_seeding_twice_changes_nothing(database: Database, summary: Summary) -> None:
    again = await seed(database)

    assert summary != Summary()
    assert again == Summary()


def test_seeding_says_how_far_it_is(seeded: Seeded) -> None:
    assert "Announcing Midsummer Night at the Lantern Theatre" in seeded.progress


async def test_the_ledgers_count_what_the_seats_say(database: Database) -> None:
    wrong = await rows(
        database,
        """
        SELECT ledger.event_id FROM event_ledgers AS ledger
          JOIN events ON events.id = ledger.event_id
          JOIN seat_maps ON seat_maps.id = events.seat_map_id
          LEFT JOIN LATERAL (
               SELECT count(*) AS seats, count(*) FILTER (WHERE state = 0) AS available,
                      count(*) FILTER (WHERE state = 1) AS held,
                      count(*) FILTER (WHERE state = 2) AS sold,
                      count(*) FILTER (WHERE state = 3) AS blocked
                 FROM event_seats WHERE event_id = ledger.event_id) AS counted ON true
         WHERE (ledger.seat_count, ledger.available, ledger.held, ledger.sold, ledger.blocked)
               IS DISTINCT FROM
               (counted.seats, counted.available, counted.held, counted.sold, counted.blocked)
            OR ledger.seat_count <> seat_maps.seat_count
        """,
    )

    assert wrong == []


async def test_the_change_log_has_every_version_and_leads_to_the_seats(database: Database) -> None:
    holes = await rows(
        database,
        """
        SELECT ledger.event_id FROM event_ledgers AS ledger
          LEFT JOIN seat_changes AS change ON change.event_id = ledger.event_id
         GROUP BY ledger.event_id, ledger.version
        HAVING count(change.version) <> ledger.version
            OR coalesce(max(change.version), 0) <> ledger.version
        """,
    )
    untrue = await rows(
        database,
        """
        SELECT seats.seat_index FROM seat_changes AS change
         CROSS JOIN unnest(change.seat_indexes, change.states) AS said (seat_index, state)
          JOIN event_seats AS seats
            ON seats.event_id = change.event_id AND seats.seat_index = said.seat_index
         WHERE seats.state <> said.state
        """,
    )

    assert (holes, untrue) == ([], [])


async def test_every_sold_seat_has_one_live_ticket_of_a_paid_order(database: Database) -> None:
    wrong = await rows(
        database,
        """
        SELECT seats.event_id, seats.seat_index FROM event_seats AS seats
          FULL JOIN (tickets JOIN orders ON orders.id = tickets.order_id
                     JOIN reservations ON reservations.id = orders.reservation_id)
            ON tickets.event_id = seats.event_id AND tickets.seat_index = seats.seat_index
         WHERE (seats.state = 2) IS DISTINCT FROM (tickets.status = 'VALID')
           AND (seats.state = 2 OR tickets.id IS NOT NULL)
            OR seats.state = 2 AND (
               seats.reservation_id <> reservations.id OR orders.status <> 'PAID'
               OR reservations.status <> 'PURCHASED'
               OR NOT seats.seat_index = ANY (reservations.seat_indexes))
        """,
    )

    assert wrong == []


async def test_orders_add_up_and_are_paid_for(database: Database) -> None:
    wrong = await rows(
        database,
        """
        SELECT orders.id FROM orders
          JOIN reservations ON reservations.id = orders.reservation_id
          LEFT JOIN payments ON payments.reservation_id = reservations.id
          LEFT JOIN allowances ON allowances.event_id = orders.event_id
                              AND allowances.buyer_id = orders.buyer_id
         WHERE orders.total_minor IS DISTINCT FROM (
               SELECT sum(price_minor) FROM tickets WHERE order_id = orders.id)
            OR orders.total_minor IS DISTINCT FROM payments.amount_minor
            OR payments.state <> 'CAPTURED'
            OR allowances.seats IS DISTINCT FROM cardinality(reservations.seat_indexes)
        """,
    )

    assert wrong == []


@pytest.mark.parametrize("draw", [theatre, arena, club])
def test_the_committed_plans_are_what_the_program_draws(draw: Callable[[], Json]) -> None:
    assert (PLANS / f"{draw.__name__}.json").read_text(encoding="utf-8") == written(draw())


@pytest.mark.parametrize("draw", [theatre, arena])
def test_no_seat_of_the_demo_stands_on_another(draw: Callable[[], Json]) -> None:
    plan = read_seating_plan(written(draw()).encode())
    assert isinstance(plan, SeatingPlan)
    assert plan.warnings == ()

    places = [(x, y) for x, y in zip(plan.xs, plan.ys, strict=True) if x is not None]
    tiles: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for x, y in places:
        assert y is not None
        tiles.setdefault((int(x // 40), int(y // 40)), []).append((x, y))
    for (column, line), near in tiles.items():
        around = [
            place
            for right in (-1, 0, 1)
            for down in (-1, 0, 1)
            for place in tiles.get((column + right, line + down), ())
        ]
        for place in near:
            assert sum(math.dist(place, other) < 20 for other in around) == 1
