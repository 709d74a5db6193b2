"""R4: schemathesis asks the real server everything that its schema allows, and what it does not.

Each query and mutation, so many examples of each (FUZZ_EXAMPLES), with ids from the answers before.
Subscriptions, which schemathesis does not know, are made by the library it stands on, as if they
were queries.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import schemathesis
import schemathesis.graphql
from graphql import (
    ArgumentNode,
    DocumentNode,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    StringValueNode,
    Visitor,
    print_ast,
    visit,
)
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_graphql import strategies as graphql_strategies
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema
from schemathesis.specs.graphql.schemas import GraphQLSchema as FuzzedSchema

from onsale.embedded import Services
from tests.conformance.fuzzing import (
    EXAMPLES,
    SEED,
    Answer,
    check_answer,
    check_errors,
    check_payload,
    fuzzed,
)
from tests.conformance.house import House, demo_house
from tests.conformance.settling import unburdened
from tests.conformance.wire import CLOSE, frame, raw_socket

EVENT_ID = "eventId"


@pytest.fixture(scope="module")
def house(
    services: Services, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    with demo_house(services, template, tmp_path_factory.mktemp("fuzzed")) as house:
        yield house


@pytest.fixture(scope="module")
def schema(house: House) -> FuzzedSchema:
    """What schemathesis knows of the server: all that introspection tells."""
    # No connection is kept, so that one that is still open afterwards is a fault of the server.
    headers = {"authorization": f"Bearer {house.server.token()}", "connection": "close"}
    config = SchemathesisConfig.from_dict(
        {
            "seed": SEED,
            "headers": headers,
            "generation": {"max-examples": EXAMPLES, "deterministic": False, "database": "none"},
            "checks": {
                # It takes every code that Apollo does not have for a fault; ours know better.
                "not_a_server_error": {"enabled": False},
                # What it makes of arguments that mean something is often rightly refused.
                "positive_data_acceptance": {"enabled": False},
            },
        }
    )
    return schemathesis.graphql.from_url(house.server.graphql_url, config=config)


@schemathesis.check
def r4(_context: Any, response: Any, _case: Any) -> None:
    """Hold each answer to R4."""
    content_type = response.headers.get("content-type", [""])[0]
    check_answer(Answer(response.status_code, content_type, response.content))


def test_r4_nothing_that_the_schema_allows_or_forbids_breaks_the_server(
    house: House, schema: FuzzedSchema
) -> None:
    tried: dict[str, int] = {}
    with unburdened(house.server):
        for event in from_schema(schema).execute():
            assert not isinstance(event, events.NonFatalError | events.FatalError), event
            if isinstance(event, events.ScenarioFinished):
                assert event.status is Status.SUCCESS, failures_of(event)
                tried[event.recorder.label] = len(event.recorder.interactions)

    types = (schema.client_schema.query_type, schema.client_schema.mutation_type)
    assert tried.keys() == {f"{kind}.{field}" for kind in types if kind for field in kind.fields}
    assert min(tried.values()) >= EXAMPLES, tried


def failures_of(event: events.ScenarioFinished) -> str:
    """Say what was sent and what is wrong with the answer."""
    recorder = event.recorder
    return "\n\n".join(
        f"{recorder.cases[name].value.as_curl_command()}\n{check.failure_info.failure}"
        for name, checks in recorder.checks.items()
        for check in checks
        if check.failure_info is not None
    )


def test_r4_no_subscription_breaks_the_server(house: House, schema: FuzzedSchema) -> None:
    @fuzzed(times=3)
    @given(document=subscriptions(schema.client_schema), is_known=st.booleans())
    def subscribe(document: DocumentNode, is_known: bool) -> None:
        changed = visit(document, Subscribing(house.event_id if is_known else None))
        payload = {"query": print_ast(changed)}
        with raw_socket(house.server.port) as client:
            client.say({"type": "connection_init"})
            client.say({"id": "1", "type": "subscribe", "payload": payload})
            acknowledged, answer = next(frames := client.frames()), next(frames)
            assert acknowledged.message == {"type": "connection_ack"}
            check_first(answer.message)
            client.send(frame(CLOSE, b"\x03\xe8"))

    with unburdened(house.server):
        subscribe()


def subscriptions(schema: GraphQLSchema) -> st.SearchStrategy[DocumentNode]:
    """Make queries of a schema in which the subscriptions are the queries."""
    assert schema.subscription_type is not None
    turned = GraphQLSchema(query=schema.subscription_type, types=list(schema.type_map.values()))
    return graphql_strategies.queries(turned, print_ast=lambda document: document)


class Subscribing(Visitor):
    """Makes subscriptions of the queries again, and asks for an event that there is."""

    def __init__(self, event_id: str | None) -> None:
        super().__init__()
        self._event_id = event_id

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> Any:
        return replace(node, operation=OperationType.SUBSCRIPTION)

    def enter_argument(self, node: ArgumentNode, *_: Any) -> Any:
        if self._event_id is None or node.name.value != EVENT_ID:
            return None
        return replace(node, value=StringValueNode(value=self._event_id))


def check_first(message: Any) -> None:
    """Hold the first message of a subscription to R4."""
    assert message["id"] == "1", message
    if message["type"] == "error":
        check_errors(message["payload"])
    else:
        check_payload(message["payload"])
