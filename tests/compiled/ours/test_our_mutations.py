"""What buyers do, once by graphql-core and once by plans, each in a house of its own."""

from collections.abc import AsyncIterator, Callable

from graphql import GraphQLSchema, parse

from box_office.database import Database
from onsale.embedded import Services
from tests.compiled.engines import Ask, ByPlan, Engine, Share, by_graphql_core
from tests.compiled.judge import Told, told
from tests.compiled.ours.asking import SCHEMA, passing
from tests.compiled.ours.world import UNKNOWN_ID, World, open_world
from tests.conftest import own_database
from tests.graphql.test_reserving_and_buying import (
    CANCEL,
    CANCEL_ORDER,
    PURCHASE,
    RELEASE,
    RESERVE,
)

SESSION = "mutation { startGuestSession { token viewer { id isGuest } expiresAt } }"
TWICE = """mutation ($event: ID!) {
  first: reserveSeats(input: { eventId: $event, seatIndexes: [2] }) {
    reservation { seats { index } }
  }
  gone: reserveSeats(input: { eventId: "x" }) { errors { __typename ... on UserError { code } } }
  second: reserveSeats(input: { eventId: $event, seatIndexes: [2, 4] }) {
    reservation { seats { index } event { availability { held available } } }
  }
}"""


async def test_what_buyers_do_is_answered_as_by_graphql_core(
    services: Services, template: str
) -> None:
    by_core = await played_by(services, template, by_graphql_core)
    by_plan = await played_by(services, template, ByPlan)
    again = await played_by(services, template, by_graphql_core)

    assert by_core == again, "the test itself depends on something that passes"
    assert by_plan == by_core


async def test_what_buyers_do_runs_compiled(world: World) -> None:
    plans = ByPlan(SCHEMA)

    answers = [answer async for answer in played(world, plans)]

    assert all(not answer.errors for answer in answers)
    assert plans.handed_on == Share(0)


async def played_by(
    services: Services, template: str, make: Callable[[GraphQLSchema], Engine]
) -> list[Told]:
    """Play all scenes in a new house."""
    async with own_database(services, template) as url:
        database = await Database.connect(url)
        async with open_world(database) as world:
            answers = [answer async for answer in played(world, make(SCHEMA))]
        await database.close()
    return answers


async def played(world: World, engine: Engine) -> AsyncIterator[Told]:
    """Reserve, release, buy and cancel; and be refused in most of the ways that there are."""
    event, _, closed, draft = world.ids[:4]
    key = {"idempotencyKey": "key 1", "email": "ada@example.org", "paymentToken": "pretend_ok"}
    for document, asked in (
        (RESERVE, {"eventId": event, "seatIndexes": [1], "seatIds": [world.ids[8]]}),
        (RESERVE, {"eventId": event, "seatIndexes": [1, 5, 99]}),
        (RESERVE, {"eventId": closed, "seatIndexes": [0]}),
        (RESERVE, {"eventId": draft, "seatIndexes": [0]}),
        (RESERVE, {"eventId": UNKNOWN_ID}),
        (RELEASE, {"reservationId": world.ids[5], "seatIndexes": [1, 7]}),
        (PURCHASE, {"reservationId": world.ids[5], **key, "paymentToken": "pretend_declined"}),
        (PURCHASE, {"reservationId": world.ids[5], **key, "idempotencyKey": "key 2"}),
        (PURCHASE, {"reservationId": world.ids[5], **key, "idempotencyKey": "key 2"}),
        (PURCHASE, {"reservationId": UNKNOWN_ID, **key}),
        (CANCEL, {"reservationId": world.ids[5]}),
        (CANCEL_ORDER, {"orderId": world.ids[7], "idempotencyKey": "key 3"}),
        (CANCEL_ORDER, {"orderId": world.ids[7], "idempotencyKey": "key 4"}),
    ):
        answer = await told(world.surroundings(), Ask(parse(document), {"input": asked}), engine)
        yield passing(answer)
    yield passing(await told(world.surroundings(), Ask(parse(TWICE), {"event": event}), engine))
    yield passing(await told(world.surroundings(), Ask(parse(SESSION)), engine))
