"""A subscriber is told what the database says, in the words of the API."""

from collections.abc import AsyncGenerator
from typing import Any

from graphql import ExecutionResult

from onsale.graphql_schema import graphql_schema
from schema.ids import NodeKind, encode_id
from tests.graphql.conftest import Api
from tests.graphql.programme import Programme
from tests.graphql.test_buyers import reserve

FOLLOW = """
subscription ($id: ID!, $since: Int) { seatAvailability(eventId: $id, sinceVersion: $since) {
  __typename
  ... on AvailabilitySnapshot { availability { version available states
    sections { section { name } available } } }
  ... on AvailabilityDelta { fromVersion version available changes { index status }
    sections { section { name } total available priceFrom { amount } } }
} }
"""


async def follow(api: Api, **variables: Any) -> AsyncGenerator[dict[str, Any]]:
    stream = await graphql_schema.subscribe(
        FOLLOW, variable_values=variables, context_value=api.context.for_operation()
    )
    assert not isinstance(stream, ExecutionResult)
    async for result in stream:
        assert result.errors is None
        assert result.data is not None
        yield result.data["seatAvailability"]


async def test_a_follower_gets_a_snapshot_and_then_what_changes(
    api: Api, programme: Programme
) -> None:
    event = await programme.event()
    messages = follow(api, id=encode_id(NodeKind.EVENT, event.id))

    snapshot = await anext(messages)
    await reserve(api.as_buyer(), event.id, 0, 1, 2)
    delta = await anext(messages)
    await messages.aclose()

    assert snapshot["availability"]["version"] == 0
    assert snapshot["availability"]["available"] == 10
    assert delta == {
        "__typename": "AvailabilityDelta",
        "fromVersion": 0,
        "version": 1,
        "available": 7,
        "changes": [{"index": index, "status": "HELD"} for index in range(3)],
        "sections": [
            {
                "section": {"name": "Stalls"},
                "total": 6,
                "available": 3,
                "priceFrom": {"amount": "20.00"},
            }
        ],
    }


async def test_a_follower_who_comes_back_gets_what_was_missed(
    api: Api, programme: Programme
) -> None:
    event = await programme.event()
    await reserve(api.as_buyer(), event.id, 4)
    messages = follow(api, id=encode_id(NodeKind.EVENT, event.id), since=0)

    delta = await anext(messages)
    await messages.aclose()

    assert delta["__typename"] == "AvailabilityDelta"
    assert delta["changes"] == [{"index": 4, "status": "HELD"}]
