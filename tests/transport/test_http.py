import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from onsale.graphql.http_requests import REQUEST_BYTES_MAX
from tests.transport.tiny import (
    LINGERS_SECONDS,
    MUTATION_ANSWER_SECONDS,
    QUERY_TIMEOUT_SECONDS,
    SECRET,
    TinyServer,
)

JSON = "application/json"
GRAPHQL_RESPONSE = "application/graphql-response+json"
HELLO = {"query": "{ hello }"}


async def post(client: httpx.AsyncClient, body: Any = HELLO, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post("/graphql", json=body, headers=named)


def code_of(response: httpx.Response) -> str:
    [error] = response.json()["errors"]
    assert error["message"]
    code: str = error["extensions"]["code"]
    return code


async def test_a_query_is_answered_by_post_and_by_get(client: httpx.AsyncClient) -> None:
    posted = await post(
        client, {"query": "query($n: String!) { hello(name: $n) }", "variables": {"n": "Ann"}}
    )
    got = await client.get(
        "/graphql",
        params={
            "query": "query($n: String!) { hello(name: $n) }",
            "variables": '{"n": "Ann"}',
            "operationName": "",
            "extensions": "",
        },
    )

    assert posted.json()["data"] == got.json()["data"] == {"hello": "hello Ann"}
    assert posted.headers["content-type"] == "application/json; charset=utf-8"
    assert posted.headers["x-request-id"] != got.headers["x-request-id"]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b'"x"', b"5", b"null", b"true", b"[]", b"[1]", b"[null]",
        b'[{"query":"{ hello }"}]', b'{"query":', b"\xff\xfe{}", b'{"query":"\xff"}',
        b'{"query":"{ hello }","variables":NaN}', b'{"query":"\\ud800"}',
        b"[" * 50_000, b'{"query":' + b"[" * 50_000, b"{}", b'{"query":null}', b'{"query":5}',
        b'{"query":["{ hello }"]}', b'{"query":""}', b'{"query":" "}',
        b'{"query":"{ hello }","variables":"x"}', b'{"query":"{ hello }","variables":[1]}',
        b'{"query":"{ hello }","operationName":5}', b'{"query":"{ hello }","operationName":{}}',
        b'{"query":"{ hello }","extensions":7}', b'{"query":"{ hello(name: \\"\\\\u0000\\") }"}',
        b'{"query":"query($n:String!){hello(name:$n)}","variables":{"n":"a\\u0000"}}',
        b'{"query":"{ hello(name: \\"\\u005cu0000\\") }"}',
        b'{"query":"{ hello(name: \\"\\\\u{0}\\") }"}', b'{"query":"{ hello }\\u0000"}',
        b'{"query":"{ hello }","variables":{"\\u0000":' + b"[" * 900 + b"]" * 900 + b"}}",
    ],
)  # fmt: skip
async def test_a_malformed_body_is_a_400_that_says_why(
    client: httpx.AsyncClient, body: bytes
) -> None:
    response = await client.post("/graphql", content=body, headers={"content-type": JSON})

    assert response.status_code == 400
    assert code_of(response) == "BAD_REQUEST"
    assert response.headers["content-type"].startswith(JSON)


async def test_variables_nested_too_deeply_are_an_error_and_no_crash(
    client: httpx.AsyncClient,
) -> None:
    deep = json.loads("[" * 900 + "]" * 900)

    response = await post(
        client,
        {"query": "query($n: String!) { hello(name: $n) }", "variables": {"n": deep}},
        accept=GRAPHQL_RESPONSE,
    )

    assert response.status_code == 400
    assert code_of(response) == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    ("size", "status"),
    [(REQUEST_BYTES_MAX - 1, 200), (REQUEST_BYTES_MAX, 200), (REQUEST_BYTES_MAX + 1, 413)],
)
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_may_have_a_hundred_thousand_bytes_and_not_one_more(
    client: httpx.AsyncClient, size: int, status: int, *, chunked: bool
) -> None:
    body = b'{"query": "{ hello }"}'.ljust(size)

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, size, 10_000):
            yield body[start : start + 10_000]

    response = await client.post(
        "/graphql", content=chunks() if chunked else body, headers={"content-type": JSON}
    )

    assert response.status_code == status
    assert (status == 200) == ("data" in response.json())


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
     "application/graphql", "application/json; charset=latin-1", "application/jsonx"],
)  # fmt: skip
async def test_anything_but_json_is_refused(client: httpx.AsyncClient, content_type: str) -> None:
    response = await client.post(
        "/graphql", content=b'{"query":"{ hello }"}', headers={"content-type": content_type}
    )

    assert response.status_code == 415
    assert code_of(response) == "BAD_REQUEST"


async def test_json_may_say_that_it_is_utf_8(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/graphql", content=b'{"query":"{ hello }"}',
        headers={"content-type": 'Application/JSON; charset="UTF-8"'},
    )  # fmt: skip

    assert response.json()["data"] == {"hello": "hello world"}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_are_told_which_ones_work(
    client: httpx.AsyncClient, method: str
) -> None:
    response = await client.request(method, "/graphql", json=HELLO)

    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"
    assert code_of(response) == "BAD_REQUEST"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (GRAPHQL_RESPONSE, GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE}, {JSON}", GRAPHQL_RESPONSE),
        (f"{JSON}, {GRAPHQL_RESPONSE}", JSON),
        (f"{GRAPHQL_RESPONSE};q=0.5, {JSON}", JSON),
        (f"{JSON};q=0, {GRAPHQL_RESPONSE};q=0.1", GRAPHQL_RESPONSE),
        (f"multipart/mixed, {GRAPHQL_RESPONSE};charset=utf-8", GRAPHQL_RESPONSE),
        (f"{JSON}, text/event-stream, multipart/mixed", JSON),
        (f"text/event-stream;q=0.9, {GRAPHQL_RESPONSE}", GRAPHQL_RESPONSE),
        (f"text/event-stream;q=0, {JSON};q=0.1", JSON),
        (f"text/event-stream, {JSON}", "text/event-stream"),
        ("text/html, application/xhtml+xml, */*;q=0.8", JSON),
    ],
)
async def test_the_client_gets_the_media_type_it_likes_best(
    client: httpx.AsyncClient, accept: str, media_type: str
) -> None:
    response = await post(client, accept=accept)

    assert response.headers["content-type"] == f"{media_type}; charset=utf-8"


@pytest.mark.parametrize("accept", ["text/html", "image/png, text/*", f"{JSON};q=0", "x;;q=nan,"])
async def test_a_client_that_takes_no_json_is_refused(
    client: httpx.AsyncClient, accept: str
) -> None:
    response = await post(client, accept=accept)

    assert response.status_code == 406
    assert code_of(response) == "BAD_REQUEST"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ hello", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { hello } query B { hello }", "OPERATION_RESOLUTION_FAILURE"),
        ("fragment F on Query { hello }", "GRAPHQL_VALIDATION_FAILED"),
        ("query($n: String!) { hello(name: $n) }", "BAD_USER_INPUT"),
    ],
)
async def test_what_is_wrong_before_it_runs_has_no_data_and_a_status_by_media_type(
    client: httpx.AsyncClient, query: str, code: str
) -> None:
    newer = await post(client, {"query": query}, accept=GRAPHQL_RESPONSE)
    older = await post(client, {"query": query}, accept=JSON)

    assert (newer.status_code, older.status_code) == (400, 200)
    assert "data" not in newer.json() | older.json()
    assert code_of(newer) == code_of(older) == code


async def test_operation_name_chooses_among_several(client: httpx.AsyncClient) -> None:
    query = "query A { hello } query B { number { value } }"

    chosen = await post(client, {"query": query, "operationName": "B"})
    unknown = await post(client, {"query": query, "operationName": "C"})

    assert chosen.json()["data"] == {"number": {"value": 0}}
    assert code_of(unknown) == "OPERATION_RESOLUTION_FAILURE"


async def test_get_changes_nothing(client: httpx.AsyncClient, server: TinyServer) -> None:
    server.stage.gate.set()

    response = await client.get("/graphql", params={"query": "mutation { finish }"})

    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert code_of(response) == "TRANSPORT_NOT_SUPPORTED"
    assert server.stage.finished == 0


async def test_a_subscription_over_http_is_sent_to_the_socket(client: httpx.AsyncClient) -> None:
    response = await post(client, {"query": "subscription { numbers { value } }"})

    assert response.status_code == 400
    assert code_of(response) == "TRANSPORT_NOT_SUPPORTED"


async def test_an_unexpected_fault_is_masked_and_carries_the_request_id(
    client: httpx.AsyncClient,
) -> None:
    response = await post(client, {"query": "{ boom hello }"}, x_request_id="abc-123")

    [error] = response.json()["errors"]
    assert response.json()["data"] == {"boom": None, "hello": "hello world"}
    assert error["path"] == ["boom"]
    assert error["extensions"] == {"code": "INTERNAL_ERROR", "requestId": "abc-123"}
    assert "abc-123" in error["message"]
    assert response.headers["x-request-id"] == "abc-123"
    assert SECRET not in response.text


async def test_an_error_on_purpose_keeps_its_code_and_words(client: httpx.AsyncClient) -> None:
    response = await post(client, {"query": "{ needsBuyer }"})

    [error] = response.json()["errors"]
    assert response.status_code == 200
    assert error["extensions"] == {"code": "UNAUTHENTICATED"}
    assert "startGuestSession" in error["message"]


async def test_a_request_id_that_is_none_is_replaced(client: httpx.AsyncClient) -> None:
    response = await post(client, x_request_id='"><script>')

    assert response.headers["x-request-id"].isalnum()


async def test_a_query_that_takes_too_long_is_given_up(
    client: httpx.AsyncClient, server: TinyServer
) -> None:
    response = await post(client, {"query": "{ slow }"})

    assert response.status_code == 503
    assert code_of(response) == "TIMEOUT"
    assert server.stage.given_up == 1


async def test_a_query_that_is_given_up_is_not_waited_for_to_clean_up(
    client: httpx.AsyncClient,
) -> None:
    async with asyncio.timeout(LINGERS_SECONDS):
        response = await post(client, {"query": "{ lingering }"})

    assert code_of(response) == "TIMEOUT"


async def test_a_query_whose_client_has_gone_is_given_up(
    client: httpx.AsyncClient, server: TinyServer
) -> None:
    with pytest.raises(httpx.ReadTimeout):
        await client.post("/graphql", json={"query": "{ slow }"}, timeout=0.3)
    await asyncio.sleep(0.3)

    assert server.stage.given_up == 1


async def test_a_mutation_whose_client_has_gone_is_finished_and_not_cut_by_time(
    client: httpx.AsyncClient, server: TinyServer
) -> None:
    with pytest.raises(httpx.ReadTimeout):
        await client.post("/graphql", json={"query": "mutation { finish }"}, timeout=1.3)
    assert QUERY_TIMEOUT_SECONDS < 1.3 < MUTATION_ANSWER_SECONDS
    server.stage.gate.set()
    await server.operations.finish()

    assert server.stage.finished == 1


async def test_who_waits_too_long_for_a_mutation_is_answered_and_it_goes_on(
    client: httpx.AsyncClient, server: TinyServer
) -> None:
    response = await client.post("/graphql", json={"query": "mutation { finish }"}, timeout=4)

    assert response.status_code == 503
    assert code_of(response) == "TIMEOUT"
    assert "Repeat exactly this call" in response.text
    server.stage.gate.set()
    await server.operations.finish()
    assert server.stage.finished == 1
