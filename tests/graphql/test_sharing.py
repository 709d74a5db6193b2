"""What is told to many at once: which operations, what their viewers see, and what they do not."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import orjson
import pytest
import strawberry
from graphql import GraphQLObjectType, build_schema, get_operation_ast, parse

from onsale.graphql.answers import Answer
from onsale.graphql.broadcast import Subscriber, Told
from onsale.graphql.broadcasts import Broadcasts
from onsale.graphql.operation_log import Listener
from onsale.graphql.operations import Operation, Operations
from onsale.graphql.requests import OperationRequest
from onsale.graphql.served_schema import ServedSchema
from onsale.graphql.sharing import Shared, Sharing
from onsale.graphql_schema import graphql_schema
from schema.context import Buyer, Context
from schema.ids import NodeKind, encode_id
from schema.sharing import SAME_FOR_ALL, is_same_for_all
from tests.given_time import eventually
from tests.graphql.conftest import Api
from tests.graphql.programme import Programme
from tests.graphql.test_buyers import reserve
from tests.graphql.test_live_messages import FOLLOW

SCHEMA = graphql_schema.plans().schema


def is_shared(document: str, schema: Any = SCHEMA) -> bool:
    tree = parse(document)
    operation = get_operation_ast(tree)
    assert operation is not None
    return is_same_for_all(schema, tree, operation)


def test_every_field_that_is_named_exists_and_asks_nothing_back() -> None:
    for name, fields in SAME_FOR_ALL.items():
        kind = SCHEMA.type_map[name]
        assert isinstance(kind, GraphQLObjectType)
        for field in fields:
            assert field in kind.fields
            assert name == "Subscription" or not kind.fields[field].args


@pytest.mark.parametrize(
    ("fields", "shared"),
    [
        ("__typename", True),
        ("... on AvailabilityDelta { version changes { index status } }", True),
        (
            "... on AvailabilitySnapshot { availability { sections { priceFrom { amount } } } }",
            True,
        ),
        ("...Fragment", True),
        ("... on AvailabilityStale { mine }", False),
        ("... on AvailabilitySnapshot { availability { viewer { name } } }", False),
        ("...Mine", False),
        ("... on Dated { since }", False),
    ],
)
def test_a_field_that_is_not_named_makes_an_execution_of_its_own(
    fields: str, *, shared: bool
) -> None:
    """As it would be if somebody added fields, and thought of nothing else."""
    schema = build_schema(
        """
        type Query { ok: Boolean }
        type Subscription { seatAvailability: Message other: Message }
        union Message = AvailabilityDelta | AvailabilitySnapshot | AvailabilityStale
        interface Dated { since: String }
        type AvailabilityDelta { version: Int changes: [SeatChange] }
        type SeatChange { index: Int status: String }
        type AvailabilitySnapshot { availability: Availability }
        type Availability { sections: [SectionAvailability] viewer: Viewer }
        type SectionAvailability { priceFrom: Money }
        type Money { amount: String }
        type Viewer { name: String }
        type AvailabilityStale implements Dated { since: String mine: Boolean }
        """
    )
    fragments = """
        fragment Fragment on AvailabilityStale { since }
        fragment Mine on AvailabilityStale { mine }
    """
    if "...Mine" not in fields:
        fragments = fragments.replace("{ mine }", "{ since }")

    assert is_shared(f"subscription {{ seatAvailability {{ {fields} }} }} {fragments}", schema) is (
        shared
    )
    assert not is_shared("subscription { other { __typename } }", schema)


RESUMING = "seatAvailability(eventId: $e, sinceVersion: $s) { __typename }"
WATCH = "subscription W($e: ID!, $s: Int) { seatAvailability(eventId: $e, sinceVersion: $s) %s }"


def look(document: str, **variables: Any) -> Shared | None:
    return Sharing(graphql_schema).look(read(document, variables))


def read(document: str, variables: dict[str, Any]) -> Operation:
    operation = Operations(graphql_schema).read(OperationRequest(document, variables), "request-1")
    assert not isinstance(operation, Answer), operation
    return operation


def test_the_same_is_asked_for_wherever_one_begins() -> None:
    document = WATCH % "{ __typename }"
    asked = [
        look(document, e="1", s=5),
        look(document, e="1", s=None),
        look(document, e="1"),
        look(document, e="1", unknown=uuid4().hex),
    ]

    assert len({one.key for one in asked if one is not None}) == 1
    assert [one and one.since_version for one in asked] == [5, None, None, None]


def test_another_event_or_another_selection_is_another_thing() -> None:
    asked = [
        look(WATCH % "{ __typename }", e="1"),
        look(WATCH % "{ __typename }", e="2"),
        look(WATCH % "{ ... on AvailabilityStale { since } }", e="1"),
    ]

    assert len({one.key for one in asked if one is not None}) == 3


@pytest.mark.parametrize("since", ["5", 5.0, True, 2**31, -(2**31) - 1, [5], {}])
def test_what_is_wrong_with_a_variable_is_left_to_an_execution(since: Any) -> None:
    assert look(WATCH % "{ __typename }", e="1", s=since) is None


@pytest.mark.parametrize(
    "document",
    [
        f"subscription($e: ID!, $s: Int!) {{ {RESUMING} }}",
        f"subscription($e: ID!, $s: Int) {{ ...F }} fragment F on Subscription {{ {RESUMING} }}",
        f"subscription($e: ID!, $s: Int, $b: Boolean!) {{ {RESUMING} @include(if: $b) }}",
        "query($e: ID!) { event(by: { id: $e }) { title } }",
    ],
)
def test_what_is_written_in_an_unusual_way_is_executed_for_itself(document: str) -> None:
    tree = graphql_schema.documents.read(document)
    if not tree.errors:
        assert look(document, e="1", s=1) is None


@pytest.mark.parametrize(
    ("document", "since"),
    [
        (f"subscription($e: ID!) {{ {RESUMING.replace('$s', '7')} }}", 7),
        (f"subscription($e: ID!, $s: Int = 8) {{ {RESUMING} }}", 8),
        (f"subscription($e: ID!) {{ {RESUMING.replace('$s', 'null')} }}", None),
    ],
)
def test_where_to_begin_may_be_written_into_the_document(document: str, since: int | None) -> None:
    shared = look(document, e="1")

    assert shared is not None
    assert shared.since_version == since


class Screen(Subscriber):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__(Listener("Watch", "test", "request-1"))
        self.told: list[Told] = []

    @property
    def is_taking(self) -> bool:
        return True

    @property
    def answers(self) -> list[Any]:
        return [orjson.loads(told.payload) for told in self.told]

    def tell(self, told: Told) -> None:
        self.told.append(told)

    def end(self) -> None:
        """Nothing more comes."""


class Server:
    """Broadcasts over the boards of a test's own API, and a list of what was executed for them."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.contexts: list[Context] = []
        self.broadcasts = Broadcasts(graphql_schema, self._context)

    def _context(self, request_id: str) -> Context:
        context = replace(self.api.context, buyer=None, request_id=request_id)
        self.contexts.append(context)
        return context

    async def watch(self, document: str, **variables: Any) -> Screen | None:
        screen = Screen()
        shared = self.broadcasts.look(read(document, variables))
        assert shared is not None
        is_in = self.broadcasts.enter_at_once(shared, screen) or await self.broadcasts.enter(
            shared, screen
        )
        return screen if is_in else None


@asynccontextmanager
async def watching(
    api: Api, programme: Programme, viewers: int
) -> AsyncIterator[tuple[Server, Any, list[Screen]]]:
    event, server, screens = await programme.event(), Server(api), []
    for _ in range(viewers):
        screen = await server.watch(FOLLOW, id=encode_id(NodeKind.EVENT, event.id))
        assert screen is not None
        screens.append(screen)
    await eventually(lambda: all(screen.told for screen in screens))
    yield server, event, screens
    for screen in screens:
        screen.leave()
    assert len(server.broadcasts) == 0


async def test_everybody_is_told_what_an_execution_of_its_own_tells(
    api: Api, programme: Programme
) -> None:
    async with watching(api, programme, 20) as (server, event, screens):
        own = await graphql_schema.subscribe(
            FOLLOW,
            variable_values={"id": encode_id(NodeKind.EVENT, event.id)},
            context_value=api.context.for_operation(),
        )
        answers = [{"data": (await anext(own)).data}]
        for seat in range(3):
            await reserve(api.as_buyer(), event.id, seat)
            answers.append({"data": (await anext(own)).data})
        await own.aclose()
        await eventually(lambda: all(len(screen.told) == 4 for screen in screens))

        assert all(screen.answers == orjson.loads(orjson.dumps(answers)) for screen in screens)
        assert len(server.contexts) == 1 + 4, "one to find the story, one for each message"


async def test_what_is_executed_for_all_is_executed_for_nobody_in_particular(
    api: Api, programme: Programme
) -> None:
    buyer = api.as_buyer(Buyer(id=uuid4(), is_guest=True))
    async with watching(buyer, programme, 2) as (server, event, screens):
        await reserve(buyer, event.id, 1)
        await eventually(lambda: all(len(screen.told) == 2 for screen in screens))

    assert {context.buyer for context in server.contexts} == {None}
    identities = [context.request_id for context in server.contexts]
    assert len(set(identities)) == len(identities), "each execution has an id of its own"


@pytest.mark.parametrize("event_id", ["", "nonsense", "unknown"])
async def test_what_is_wrong_with_the_event_is_left_to_an_execution(
    api: Api, event_id: str
) -> None:
    server = Server(api)
    known = encode_id(NodeKind.EVENT, uuid4()) if event_id == "unknown" else event_id

    assert await server.watch(FOLLOW, id=known) is None
    assert len(server.broadcasts) == 0


async def test_a_fault_in_what_is_told_to_all_is_told_by_its_id_alone(
    api: Api, programme: Programme
) -> None:
    async with watching(api, programme, 2) as (server, event, screens):
        server.broadcasts._make_context = _broken
        await reserve(api.as_buyer(), event.id, 1)
        await eventually(lambda: all(len(screen.told) == 2 for screen in screens))

        assert all(screen.told[1].is_refusal for screen in screens)
        assert "hunter2" not in screens[0].told[1].payload.decode()


def _broken(_request_id: str) -> Context:
    raise RuntimeError("hunter2")


async def test_the_events_of_a_long_subscription_leave_nothing_behind() -> None:
    """graphql-core keeps what it collected of an event for as long as anybody listens."""

    class Surroundings:
        def for_operation(self) -> "Surroundings":
            return self

    @strawberry.type
    class Thing:
        value: int

    @strawberry.type
    class Query:
        ok: bool = True

    @strawberry.type
    class Subscription:
        @strawberry.subscription
        async def things(self) -> AsyncIterator[Thing]:
            for value in range(200):
                yield Thing(value=value)

    schema = ServedSchema(Query, subscription=Subscription)
    stream = await schema.subscribe(
        "subscription { things { value } }", context_value=Surroundings()
    )
    counts = [_collected() async for result in stream if _value(result) in {20, 199}]

    assert counts[1] - counts[0] < 20


def _value(result: Any) -> int:
    return int(result.data["things"]["value"])


def _collected() -> int:
    """Count the selections that graphql-core remembers having collected."""
    return sum(type(thing).__name__ == "CollectedFields" for thing in gc.get_objects())
