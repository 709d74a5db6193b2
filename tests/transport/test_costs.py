"""What operations cost, by the real schema: fields, lists by the hundred, and no way around."""

from typing import Any

import httpx
import pytest
from graphql import get_introspection_query, parse

from onsale.graphql.allowances import COST_MAX
from onsale.graphql.costs import MUTATION_COST, costs_of
from onsale.graphql_schema import graphql_schema
from tests.transport.test_http import post
from tests.transport.test_websocket import opened
from tests.transport.tiny import TinyServer

SEAT = "index status row number id label: number n: row"
HALL = f'event(by: {{slug: "a"}}) {{ seats {{ {SEAT} }} }}'


def cost(text: str, name: str | None = None, **variables: Any) -> int:
    return costs_of(graphql_schema._schema, parse(text))[name].asked(variables)


def test_a_field_costs_one() -> None:
    assert cost('{ event(by: {slug: "a"}) { title status venue { name } } }') == 5


def test_a_list_of_twenty_thousand_seats_with_seven_fields_is_allowed_and_ten_of_them_are_not() -> (
    None
):
    one = cost("{ " + HALL + " }")
    ten = cost("{ " + " ".join(f"e{number}: {HALL}" for number in range(10)) + " }")

    assert one == 2 + 7 * 200 <= COST_MAX
    assert ten == 10 * one > COST_MAX


@pytest.mark.parametrize(
    ("asked", "variables", "events"),
    [
        ("events(first: 50)", {}, 50),
        ("events(last: 50)", {}, 50),
        ("events", {}, 20),
        ("events(first: null)", {}, 20),
        ("events(first: $n)", {"n": 70}, 70),
        ("events(first: $n)", {}, 30),
        ("events(first: $n)", {"n": None}, 20),
        ("events(first: $n)", {"n": -2207}, 20),
        ("events(first: $n)", {"n": "many"}, 20),
        ("events(first: 1)", {}, 1),
    ],
)
def test_a_page_multiplies_what_is_on_it(
    asked: str, variables: dict[str, Any], events: int
) -> None:
    text = "query A($n: Int = 30) { " + asked + " { nodes { seats { index } } } }"

    assert cost(text, "A", **variables) == 1 + 1 + 1 + events * 200


def test_lists_within_lists_multiply() -> None:
    text = "{ events(first: 100) { nodes { performers { name } } } }"

    assert cost(text) == 1 + 1 + 1 + 100


def test_fragments_cost_what_they_stand_for() -> None:
    plain = "{ events(first: 100) { nodes { performers { name } } edges { node { title } } } }"
    in_fragments = """
        { events(first: 100) { ...Page } }
        fragment Page on EventConnection { nodes { ...Names } edges { node { ... { title } } } }
        fragment Names on Event { performers { ... on Performer { name } } }
    """

    assert cost(in_fragments) == cost(plain)


def test_fragments_that_double_each_other_are_told_at_once_and_cost_what_they_are() -> None:
    doubling = " ".join(
        f"fragment F{number} on Event {{ ...F{number + 1} ...F{number + 1} }}"
        for number in range(28)
    )
    text = '{ event(by: {slug: "a"}) { ...F0 } } fragment F28 on Event { title } ' + doubling

    assert cost(text) == 1 + 2**28


def test_a_mutation_costs_more_than_its_fields() -> None:
    written = cost("mutation { startGuestSession { token } }")
    in_fragment = cost("mutation { ...F } fragment F on Mutation { startGuestSession { token } }")

    assert written == in_fragment == 1 + MUTATION_COST


def test_introspection_is_allowed() -> None:
    assert cost(get_introspection_query(), "IntrospectionQuery") < COST_MAX / 10


def test_each_operation_of_a_document_has_its_own_cost() -> None:
    text = "query A { " + HALL + ' } query B { event(by: {slug: "a"}) { title } }'

    assert (cost(text, "A"), cost(text, "B")) == (1402, 2)


async def test_every_answer_says_what_it_cost(client: httpx.AsyncClient) -> None:
    one = await post(client, {"query": "{ hello }"})
    failed = await post(client, {"query": "{ hello needsBuyer }"})

    assert one.json()["extensions"] == {"cost": {"asked": 1, "allowed": COST_MAX}}
    assert failed.json()["extensions"] == {"cost": {"asked": 2, "allowed": COST_MAX}}


async def test_what_costs_too_much_is_not_begun(server: TinyServer) -> None:
    doubling = " ".join(
        f"fragment F{n} on Mutation {{ ...F{n + 1} ...F{n + 1} }}" for n in range(20)
    )
    text = "mutation { ...F0 } fragment F20 on Mutation { finish } " + doubling
    server.stage.gate.set()

    async with httpx.AsyncClient(base_url=server.url) as client, opened(server) as socket:
        answer = (await post(client, {"query": text})).json()
        await socket.initialise()
        await socket.subscribe("a", text)
        message = await socket.receive()

    [error] = answer["errors"]
    assert error["extensions"]["code"] == "DOCUMENT_TOO_COMPLEX"
    assert error["extensions"]["cost"] == answer["extensions"]["cost"]
    assert answer["extensions"]["cost"]["asked"] > 2**20
    assert "data" not in answer
    assert message == {"id": "a", "type": "error", "payload": [error]}
    assert server.stage.finished == 0
