"""GraphQL over server-sent events, for clients that a WebSocket cannot reach."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
from joserfc import jwt

from onsale.graphql import sse
from onsale.identity import ALGORITHM
from tests.given_time import eventually
from tests.transport.test_http import GRAPHQL_RESPONSE, JSON, code_of, post
from tests.transport.tiny import SECRET, TinyServer

STREAM = "text/event-stream"
COUNT = {"query": "subscription { numbers(to: 3) { value } }"}
FOREVER = {"query": "subscription { numbers(to: 1000000) { value } }"}
#: What urql sends with every query.
URQL = f"{GRAPHQL_RESPONSE}, application/graphql+json, {JSON}, text/event-stream, multipart/mixed"


def events_of(text: str) -> list[tuple[str, Any]]:
    """Read events as the HTML standard says, as far as it is used here; comments are left out."""
    events = []
    for block in text.split("\n\n"):
        fields = dict(line.split(":", 1) for line in block.splitlines() if line[0] != ":")
        if fields:
            data = fields["data"].strip()
            events.append((fields["event"].strip(), json.loads(data) if data else None))
    return events


@asynccontextmanager
async def streaming(
    client: httpx.AsyncClient, body: dict[str, Any] = FOREVER, **headers: str
) -> AsyncIterator[AsyncIterator[str]]:
    """Open a stream; gives its events as they come."""
    accept = {"accept": STREAM, **headers}
    async with client.stream("POST", "/graphql", json=body, headers=accept) as response:
        assert response.headers["content-type"] == f"{STREAM}; charset=utf-8"
        yield response.aiter_text()


async def test_a_subscription_is_streamed_to_its_end(client: httpx.AsyncClient) -> None:
    response = await post(client, COUNT, accept=STREAM)

    assert response.text.startswith(":\n\n")
    assert events_of(response.text) == [
        *(("next", {"data": {"numbers": {"value": n}}}) for n in range(3)),
        ("complete", None),
    ]
    assert response.headers["cache-control"] == "no-store"
    assert "\r" not in response.text


async def test_a_browser_streams_by_get(client: httpx.AsyncClient) -> None:
    response = await client.get("/graphql", params=COUNT, headers={"accept": STREAM})

    assert [name for name, _ in events_of(response.text)] == ["next"] * 3 + ["complete"]


async def test_queries_and_mutations_are_short_streams(client: httpx.AsyncClient) -> None:
    asked = await post(client, {"query": "{ hello }"}, accept=STREAM)
    done = await post(client, {"query": "mutation { startGuestSession }"}, accept=STREAM)

    [(kind, payload), end] = events_of(asked.text)
    assert (kind, payload["data"], end) == ("next", {"hello": "hello world"}, ("complete", None))
    assert events_of(done.text)[0][1]["data"]["startGuestSession"]
    assert "onsale_session" in done.headers["set-cookie"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { hello } query B { hello }", "OPERATION_RESOLUTION_FAILURE"),
        ("subscription($to: Int!) { numbers(to: $to) { value } }", "BAD_USER_INPUT"),
    ],
)
async def test_what_is_wrong_with_a_document_is_told_in_the_stream(
    client: httpx.AsyncClient, query: str, code: str
) -> None:
    response = await post(client, {"query": query}, accept=STREAM)

    [(kind, payload), end] = events_of(response.text)
    assert response.status_code == 200
    assert (kind, end) == ("next", ("complete", None))
    assert payload["errors"][0]["extensions"]["code"] == code
    assert "data" not in payload


async def test_what_is_wrong_with_a_request_is_json_with_a_status(
    client: httpx.AsyncClient,
) -> None:
    malformed = await post(client, [], accept=STREAM)
    forged = await post(client, COUNT, accept=STREAM, authorization="Bearer x")
    mutation = await client.get(
        "/graphql", params={"query": "mutation { finish }"}, headers={"accept": STREAM}
    )

    assert (malformed.status_code, code_of(malformed)) == (400, "BAD_REQUEST")
    assert (forged.status_code, code_of(forged)) == (401, "UNAUTHENTICATED")
    assert (mutation.status_code, code_of(mutation)) == (405, "TRANSPORT_NOT_SUPPORTED")


async def test_who_merely_lists_streams_gets_json_and_streams_only_what_json_cannot_hold(
    client: httpx.AsyncClient,
) -> None:
    query = await post(client, {"query": "{ hello }"}, accept=URQL)
    subscription = await post(client, COUNT, accept=URQL)
    unwilling = await post(client, COUNT, accept=f"{JSON}, {STREAM};q=0")

    assert query.headers["content-type"].startswith(GRAPHQL_RESPONSE)
    assert subscription.headers["content-type"].startswith(STREAM)
    assert (unwilling.status_code, code_of(unwilling)) == (400, "TRANSPORT_NOT_SUPPORTED")


async def test_a_fault_of_ours_ends_the_stream_and_tells_nothing(client: httpx.AsyncClient) -> None:
    response = await post(client, {"query": "subscription { boomLater }"}, accept=STREAM)

    first, fault, end = events_of(response.text)
    assert first == ("next", {"data": {"boomLater": 1}})
    assert fault[1]["errors"][0]["extensions"]["code"] == "INTERNAL_ERROR"
    assert end == ("complete", None)
    assert SECRET not in response.text


async def test_who_goes_away_ends_the_subscription(
    client: httpx.AsyncClient, server: TinyServer
) -> None:
    async with streaming(client) as events:
        await anext(events)
        await eventually(lambda: server.stage.listeners == 1)

    await eventually(lambda: server.stage.listeners == 0, seconds=1)


async def test_a_mutation_goes_on_when_its_listener_goes_away(
    client: httpx.AsyncClient, server: TinyServer
) -> None:
    with pytest.raises(httpx.ReadTimeout):
        await client.post(
            "/graphql", json={"query": "mutation { finish }"}, headers={"accept": STREAM},
            timeout=0.3,
        )  # fmt: skip
    server.stage.gate.set()

    await eventually(lambda: server.stage.finished == 1)


async def test_a_stream_ends_with_its_token_and_says_so(
    client: httpx.AsyncClient, server: TinyServer
) -> None:
    claims = {"sub": str(uuid4()), "guest": True, "iat": 0, "exp": int(time.time()) + 2}
    token = jwt.encode({"alg": ALGORITHM}, claims, server.tokens._key, algorithms=[ALGORITHM])

    async with streaming(client, authorization=f"Bearer {token}") as events:
        text = "".join([chunk async for chunk in events])

    *_, (kind, payload), end = events_of(text)
    assert (kind, end) == ("next", ("complete", None))
    assert payload["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_when_the_server_stops_streams_are_cut_without_an_end(
    client: httpx.AsyncClient, server: TinyServer
) -> None:
    async with streaming(client) as events:
        text = await anext(events)
        server.entrance.closing.set()
        began = time.monotonic()
        text += "".join([chunk async for chunk in events])

    assert time.monotonic() - began < 1
    assert "complete" not in text
    await eventually(lambda: server.stage.listeners == 0)


async def test_quiet_streams_are_kept_alive(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "PING_EVERY_SECONDS", 0.05)

    async with streaming(client, {"query": "subscription { numbers(to: 0) { value } }"}) as events:
        nothing = "".join([chunk async for chunk in events])
    async with streaming(client) as events, asyncio.timeout(5):
        text = ""
        while text.count(":\n\n") < 3:
            text += await anext(events)

    assert events_of(nothing) == [("complete", None)]
