"""Queries that are known by their bodies: answered anew for everybody, and paid for by each."""

from uuid import uuid4

import httpx
import orjson
import pytest

from onsale.graphql.answers import Answer
from onsale.graphql.http_requests import HttpRequest
from onsale.graphql.known_queries import BODY_BYTES_MAX, QUERIES_MAX, KnownQueries
from onsale.graphql.operations import Operation
from onsale.graphql.rate_limits import RateLimits
from onsale.graphql.requests import OperationRequest
from schema.context import Buyer
from tests.transport.test_http import code_of, post
from tests.transport.tiny import TinyServer, tiny_server

WHO = {"query": "query Known { who number { value } }"}
ADDRESS = {"x_forwarded_for": "203.0.113.9"}


async def test_each_asker_of_a_known_query_gets_an_answer_of_their_own(
    server: TinyServer, client: httpx.AsyncClient
) -> None:
    ann, bob = Buyer(uuid4(), is_guest=True), Buyer(uuid4(), is_guest=True)
    for n, buyer in enumerate((ann, bob, ann)):
        server.stage.number = n
        token = server.tokens.issue(buyer).token
        answer = (await post(client, WHO, authorization=f"Bearer {token}")).json()["data"]

        assert answer == {"who": str(buyer.id), "number": {"value": n}}
    assert (await post(client, WHO)).json()["data"]["who"] is None


async def test_a_query_is_read_once_for_all_who_ask_it(
    server: TinyServer, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str | None] = []
    operations, really = server.operations, server.operations.read

    def noting(request: OperationRequest, request_id: str) -> Operation | Answer:
        read.append(request.query)
        return really(request, request_id)

    monkeypatch.setattr(operations, "read", noting)
    for query in ("{ hello }", "{ hello }", "{ who }", "{ hello }"):
        assert "errors" not in (await post(client, {"query": query})).json()

    assert read == ["{ hello }", "{ who }"]


async def test_variables_are_part_of_the_question(client: httpx.AsyncClient) -> None:
    query = "query($n: String!) { hello(name: $n) }"
    for name in ("Ann", "Bob", "Ann"):
        answer = await post(client, {"query": query, "variables": {"n": name}})

        assert answer.json()["data"] == {"hello": f"hello {name}"}


async def test_a_mutation_is_done_as_often_as_it_is_asked(
    server: TinyServer, client: httpx.AsyncClient
) -> None:
    server.stage.gate.set()
    for _ in range(3):
        assert "errors" not in (await post(client, {"query": "mutation { finish }"})).json()

    assert server.stage.finished == 3


async def test_a_known_query_costs_as_much_as_before() -> None:
    async with (
        tiny_server(rate_limits=RateLimits(per_address=100)) as server,
        httpx.AsyncClient(base_url=server.url) as client,
    ):
        answers = [await post(client, WHO, **ADDRESS) for _ in range(101)]

    statuses = [answer.status_code for answer in answers]
    cost = answers[0].json()["extensions"]["cost"]["asked"]
    assert cost == 3
    assert statuses.index(429) == 100 // cost
    assert code_of(answers[100 // cost]) == "TOO_MANY_REQUESTS"


async def test_what_is_wrong_stays_wrong(client: httpx.AsyncClient) -> None:
    for _ in range(3):
        assert code_of(await post(client, {"query": "{ nonsense }"})) == "GRAPHQL_VALIDATION_FAILED"


async def test_the_body_of_a_get_is_no_question(client: httpx.AsyncClient) -> None:
    await post(client, WHO)
    answer = await client.request(
        "GET", "/graphql", params={"query": "{ hello }"}, content=orjson.dumps(WHO)
    )

    assert answer.json()["data"] == {"hello": "hello world"}


@pytest.mark.parametrize(
    ("query", "method", "is_known"),
    [
        ("{ hello }", "POST", True),
        ("mutation { finish }", "POST", False),
        ("{ hello }", "GET", False),
        ("{ hello }" + " " * BODY_BYTES_MAX, "POST", False),
    ],
)
async def test_only_short_queries_that_are_posted_are_kept(
    server: TinyServer, query: str, method: str, is_known: bool
) -> None:
    queries, request = KnownQueries(), request_of({"query": query}, method)
    queries.learn(request, operation(server, query))

    assert (queries.of(request) is not None) is is_known


async def test_the_oldest_makes_room(server: TinyServer) -> None:
    queries = KnownQueries()
    requests = [request_of({"query": "{ hello }", "n": n}) for n in range(QUERIES_MAX + 1)]
    for request in requests:
        queries.learn(request, operation(server, "{ hello }"))

    assert [queries.of(request) is None for request in requests].index(False) == 1
    assert len(queries._queries) == QUERIES_MAX


def request_of(body: object, method: str = "POST") -> HttpRequest:
    request = HttpRequest({"type": "http", "method": method, "headers": []})
    request.body = bytearray(orjson.dumps(body))
    return request


def operation(server: TinyServer, query: str) -> Operation:
    read = server.operations.read(OperationRequest(query), "1")
    assert isinstance(read, Operation)
    return read
