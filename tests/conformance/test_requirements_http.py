"""R5 and R6: what the real server answers over HTTP, whatever is wished for and however."""

import json
from collections.abc import Iterator

import httpx
import pytest

from onsale.embedded import Services
from tests.conformance.house import House, own_house
from tests.conformance.wire import CLOSE, frame, raw_socket

JSON = "application/json"
GRAPHQL_RESPONSE = "application/graphql-response+json"
EVENT_STREAM = "text/event-stream"
#: What urql 6 sends with every query.
URQL = f"{GRAPHQL_RESPONSE}, application/graphql+json, {JSON}, {EVENT_STREAM}, multipart/mixed"
BODY_BYTES_MAX = 100_000
TWO_OPERATIONS = "query A { __typename } query B { __typename }"


@pytest.fixture(scope="module")
def house(
    services: Services, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    with own_house(services, template, tmp_path_factory.mktemp("house")) as house:
        yield house


def post(house: House, query: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(house.server.graphql_url, json={"query": query}, headers=named)


def code_of(response: httpx.Response) -> str:
    payload = response.json()
    assert "data" not in payload
    [error] = payload["errors"]
    return str(error["extensions"]["code"])


def kind_of(response: httpx.Response) -> str:
    return response.headers["content-type"].partition(";")[0]


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("*/*", JSON),
        (JSON, JSON),
        (GRAPHQL_RESPONSE, GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE}, {JSON}", GRAPHQL_RESPONSE),
        (f"{JSON}, {GRAPHQL_RESPONSE}", JSON),
        (f"{GRAPHQL_RESPONSE};q=0.4, {JSON};q=0.5", JSON),
        (f"{JSON};q=0.4, {GRAPHQL_RESPONSE};q=0.5", GRAPHQL_RESPONSE),
        (f"{JSON};q=0, {GRAPHQL_RESPONSE};q=0.1", GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE},{JSON};q=0.9", GRAPHQL_RESPONSE),
        ("application/*;q=0.5", JSON),
        (f"text/html, image/png;q=0.9, {GRAPHQL_RESPONSE};q=0.1", GRAPHQL_RESPONSE),
        (URQL, GRAPHQL_RESPONSE),
        (f"{JSON}, {EVENT_STREAM};q=0", JSON),
        (f"{JSON}, {EVENT_STREAM}", JSON),
        (f"{EVENT_STREAM};q=0.9, {JSON}", JSON),
        (f"{EVENT_STREAM}, {JSON}", EVENT_STREAM),
        (f"{JSON};q=0.9, {EVENT_STREAM}", EVENT_STREAM),
        (EVENT_STREAM, EVENT_STREAM),
    ],
)
def test_r5_accept_is_honoured_with_quality_and_order_and_streams_only_when_ranked_first(
    house: House, accept: str, expected: str
) -> None:
    answer = post(house, "{ __typename }", accept=accept)

    assert answer.status_code == 200
    assert kind_of(answer) == expected
    assert '"__typename":"Query"' in answer.text


@pytest.mark.parametrize(
    "accept", ["text/html", "application/xml, text/*", f"{JSON};q=0", "multipart/mixed"]
)
def test_r5_an_accept_that_takes_nothing_of_ours_is_a_406(house: House, accept: str) -> None:
    answer = post(house, "{ __typename }", accept=accept)

    assert (answer.status_code, kind_of(answer)) == (406, JSON)
    assert code_of(answer) == "BAD_REQUEST"


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/json; charset=utf-16",
        "",
    ],
)
def test_r5_a_wrong_content_type_is_a_415(house: House, content_type: str) -> None:
    answer = httpx.post(
        house.server.graphql_url,
        content='{"query": "{ __typename }"}',
        headers={"content-type": content_type},
    )

    assert (answer.status_code, kind_of(answer)) == (415, JSON)
    assert code_of(answer) == "BAD_REQUEST"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
def test_r5_a_405_says_which_methods_are_allowed(house: House, method: str) -> None:
    answer = httpx.request(method, house.server.graphql_url, json={"query": "{ __typename }"})

    assert (answer.status_code, kind_of(answer)) == (405, JSON)
    assert answer.headers["allow"] == "GET, POST"
    assert code_of(answer) == "BAD_REQUEST"


def test_r5_a_mutation_by_get_is_a_405_that_allows_post(house: House) -> None:
    mutation = {"query": "mutation { startGuestSession { token } }"}

    answer = httpx.get(house.server.graphql_url, params=mutation)

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert code_of(answer) == "TRANSPORT_NOT_SUPPORTED"


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize(("excess", "status"), [(0, 200), (1, 413)])
def test_r5_a_body_of_more_than_100_kilobytes_is_a_413(
    house: House, excess: int, status: int, *, is_chunked: bool
) -> None:
    body = b'{"query": "{ __typename }"}'.ljust(BODY_BYTES_MAX + excess)
    pieces = iter([body[:50_000], body[50_000:]])

    answer = httpx.post(
        house.server.graphql_url,
        content=pieces if is_chunked else body,
        headers={"content-type": JSON},
    )

    assert (answer.status_code, kind_of(answer)) == (status, JSON)
    assert status == 200 or code_of(answer) == "BAD_REQUEST"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_r6_of_several_operations_none_runs_unless_it_is_named(house: House, method: str) -> None:
    answers = [
        httpx.request(
            method,
            house.server.graphql_url,
            headers={"accept": GRAPHQL_RESPONSE},
            **{"params" if method == "GET" else "json": {"query": TWO_OPERATIONS, **named}},  # type: ignore[arg-type]
        )
        for named in ({}, {"operationName": ""}, {"operationName": "C"}, {"operationName": "B"})
    ]

    *refused, answered = answers
    assert [answer.status_code for answer in answers] == [400, 400, 400, 200]
    assert [code_of(answer) for answer in refused] == ["OPERATION_RESOLUTION_FAILURE"] * 3
    assert answered.json()["data"] == {"__typename": "Query"}


def test_r6_of_several_operations_none_runs_over_a_socket_unless_it_is_named(house: House) -> None:
    with raw_socket(house.server.port) as client:
        client.say({"type": "connection_init"})
        payload = {"query": TWO_OPERATIONS}
        client.say({"id": "1", "type": "subscribe", "payload": payload})
        client.say({"id": "2", "type": "subscribe", "payload": payload | {"operationName": "A"}})
        frames = client.frames()
        _, *answers = [next(frames).message for _ in range(4)]
        client.send(frame(CLOSE))

    [refused] = [answer for answer in answers if answer["id"] == "1"]
    assert refused["type"] == "error"
    assert refused["payload"][0]["extensions"]["code"] == "OPERATION_RESOLUTION_FAILURE"
    assert [answer["type"] for answer in answers if answer["id"] == "2"] == ["next", "complete"]


@pytest.mark.parametrize("accept", [JSON, GRAPHQL_RESPONSE, "*/*", f"{JSON}, {EVENT_STREAM};q=0"])
def test_r6_a_subscription_by_plain_json_is_refused_with_a_code(house: House, accept: str) -> None:
    query = "subscription ($e: ID!) { seatAvailability(eventId: $e) { __typename } }"
    asked = {"query": query, "variables": {"e": house.event_id}}
    headers = {"accept": accept}

    posted = httpx.post(house.server.graphql_url, json=asked, headers=headers)
    in_url = {"query": query, "variables": json.dumps(asked["variables"])}
    got = httpx.get(house.server.graphql_url, params=in_url, headers=headers)

    for answer in (posted, got):
        assert 400 <= answer.status_code < 500
        assert code_of(answer) == "TRANSPORT_NOT_SUPPORTED"
        assert "WebSocket" in answer.json()["errors"][0]["message"]
