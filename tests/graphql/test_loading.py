"""However long a list is, it costs the same number of statements."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import sqlalchemy as sa

from box_office.database import Database
from box_office.hot_events import HotEvents
from box_office.price_levels import SeatPrices
from schema.events import Event
from schema.seats import Seating
from schema.soon import Soon, here, then
from tests.graphql.conftest import Api
from tests.graphql.programme import SEAT_COUNT, Programme
from tests.graphql.test_buyers import PURCHASE, reserve

EVERYTHING = """
{ events(first: 100) { totalCount nodes {
  title type { name } performers { name } venue { name capacity } priceLevels { name }
  seatMap { layoutUrl sections { name outline { x } } }
  seatPriceLevels
  availability { version states sections { section { name } priceFrom { amount } } }
  seats { id event { title } section { name } priceLevel { name } status }
} } }
"""
MINE = """
{ viewer {
  reservations(first: 100) { totalCount nodes {
    event { title venue { name } } seats { index priceLevel { name } } total { amount }
    order { code tickets { code } } } }
  orders(first: 100) { nodes {
    event { title } tickets { code seat { row section { name } } price { amount } } } }
} }
"""


@contextmanager
def counting(database: Database) -> Iterator[list[str]]:
    """Collect every statement of the sessions."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    sa.event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        sa.event.remove(database.engine.sync_engine, "before_cursor_execute", note)


async def cost(api: Api, document: str) -> list[str]:
    """Ask once so that boards and published maps are in memory, as they are for what is hot."""
    await api.ask(document)
    with counting(api.context.box_office.database) as statements:
        await api.ask(document)
    # The boards' look at the versions, once a second, belongs to nobody's operation.
    return [s for s in statements if "event_ledgers" not in s or "FROM events" in s]


async def test_many_events_cost_as_many_statements_as_one(api: Api, programme: Programme) -> None:
    await programme.event("0", performers=("Anna",))
    of_one = await cost(api, EVERYTHING)

    for number in range(1, 6):
        house = await programme.house(f"House {number}")
        await programme.event(f"{number}", house, performers=("Anna", "Ben"))

    assert len(await cost(api, EVERYTHING)) == len(of_one)
    assert len(of_one) <= 9


async def test_many_reservations_and_orders_cost_as_many_statements_as_one(
    api: Api, programme: Programme
) -> None:
    buyer = api.as_buyer()

    async def buy(title: str) -> None:
        event = await programme.event(title)
        reservation = (await reserve(buyer, event.id, 0, 1, 2))["reservation"]
        await buyer.ask(PURCHASE.replace('"1"', f'"{title}"'), id=reservation["id"])

    await buy("0")
    of_one = await cost(buyer, MINE)
    for number in range(1, 5):
        await buy(f"{number}")

    assert len(await cost(buyer, MINE)) == len(of_one)


async def test_seats_and_availability_of_a_hot_event_cost_only_finding_the_event(
    api: Api, programme: Programme
) -> None:
    event = await programme.event()
    document = """{ event(by: {slug: "%s"}) {
      availability { states sections { available priceFrom { amount } section { name } } }
      seats { status price { amount } section { name } } seatPriceLevels } }"""

    statements = await cost(api, document.replace("%s", event.slug))

    assert len(statements) == 1


async def test_a_list_is_counted_only_when_asked(api: Api, programme: Programme) -> None:
    await programme.event()

    assert len(await cost(api, "{ events { nodes { title } } }")) == 1
    assert len(await cost(api, "{ events { totalCount } }")) == 2


async def test_what_is_in_memory_is_answered_without_waiting(
    api: Api, programme: Programme
) -> None:
    event = await programme.event()
    context = replace(api.context.for_operation(), hot_events=HotEvents())
    seats = await here(Seating.of(context, await here(Event.sure(context, event.id))))
    assert seats.view.seat_count == SEAT_COUNT

    nothing_to_wait_for = Seating.of(
        context.for_operation(), cast("Event", Event.sure(context.for_operation(), event.id))
    )

    assert isinstance(nothing_to_wait_for, Seating)
    assert isinstance(context.prices_of_public(event.id), SeatPrices)


async def test_what_comes_later_is_used_when_it_is_here() -> None:
    def later(number: int) -> Soon[int]:
        return here(number)

    assert then(1, lambda number: number + 1) == 2
    assert await here(then(later(1), lambda number: number + 1)) == 2
    assert await here(then(1, lambda number: later(number + 1))) == 2
    assert await here(then(later(1), lambda number: later(number + 1))) == 2
