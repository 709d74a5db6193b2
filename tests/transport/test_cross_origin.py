"""Pages of other origins: every kind of answer says what Starlette's own middleware would say."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware

from onsale.front import Front
from onsale.graphql.cross_origin import ORIGIN_BYTES_MAX, CrossOrigin, cors_middleware
from onsale.graphql.http import GraphQLOverHTTP
from onsale.graphql.http_requests import REQUEST_BYTES_MAX
from onsale.graphql.rate_limits import RateLimits
from onsale.graphql.websocket import GraphQLOverWebSocket
from onsale.no_http import JsonRefusals
from tests.servers import serving
from tests.transport.tiny import tiny_server

PAGE, OTHER, EVIL = "https://tickets.example", "http://localhost:5173", "https://evil.example"
ALLOWED = (PAGE, OTHER)
JSON = "application/json"
SPENT = {"x-forwarded-for": "203.0.113.7"}

#: Each kind of answer: what is sent, and the status.
Asked = tuple[dict[str, Any], int]
ANSWERS: dict[str, Asked] = {
    "by post": ({"json": {"query": "{ hello }"}}, 200),
    "after waiting": ({"json": {"query": "{ slow(seconds: 0.01) }"}}, 200),
    "by get": ({"method": "GET", "params": {"query": "{ hello }"}}, 200),
    "a new session": ({"json": {"query": "mutation { startGuestSession }"}}, 200),
    "of a wrong document": (
        {"json": {"query": "{"}, "headers": {"accept": "application/graphql-response+json"}},
        400,
    ),
    "of no json": ({"content": b"{", "headers": {"content-type": JSON}}, 400),
    "of a bad token": (
        {"json": {"query": "{ hello }"}, "headers": {"authorization": "Bearer x"}},
        401,
    ),
    "of a bad cookie": (
        {"json": {"query": "{ hello }"}, "headers": {"cookie": "onsale_session=x"}},
        401,
    ),
    "of another method": ({"method": "PUT"}, 405),
    "of options that are no preflight": ({"method": "OPTIONS"}, 405),
    "of nothing of ours": ({"json": {"query": "{ hello }"}, "headers": {"accept": "a/b"}}, 406),
    "of too much": ({"content": b" " * (REQUEST_BYTES_MAX + 1)}, 415),
    "of too long a body": (
        {"content": b" " * (REQUEST_BYTES_MAX + 1), "headers": {"content-type": JSON}},
        413,
    ),
    "of a fault": ({"json": {"query": "{ boom }"}}, 200),
    "of too many": ({"json": {"query": "{ hello }"}, "headers": SPENT}, 429),
    "as a short stream": (
        {"json": {"query": "{ hello }"}, "headers": {"accept": "text/event-stream"}},
        200,
    ),
    "as a stream": (
        {
            "json": {"query": "subscription { numbers { value } }"},
            "headers": {"accept": "text/event-stream"},
        },
        200,
    ),
}
#: Beyond these, an origin is looked at each time anew.
LONG = f"https://{'x' * ORIGIN_BYTES_MAX}.example"
ORDINARY_ORIGINS = (None, PAGE, EVIL)
ODD_ORIGINS = (OTHER, "null", "", PAGE.upper(), f"{PAGE}/", LONG)
EVERYTHING = [
    *((origin, kind) for origin in ORDINARY_ORIGINS for kind in ANSWERS),
    *((origin, "by post") for origin in ODD_ORIGINS),
]
PREFLIGHTS: list[dict[str, str]] = [
    {"access-control-request-method": "POST"},
    {"access-control-request-method": "PUT"},
    {
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type, authorization, x-request-id",
    },
    {"access-control-request-method": "POST", "access-control-request-headers": "x-foreign"},
]


@asynccontextmanager
async def ours_and_starlettes() -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
    """Serve the same by the short way, and behind Starlette's middleware by uvicorn's protocol."""
    limits = RateLimits(per_address=1)
    async with tiny_server(rate_limits=limits) as server:
        wrapped = [Middleware(cors_middleware, allowed_origins=ALLOWED)]
        sockets, cross_origin = GraphQLOverWebSocket(server.entrance), CrossOrigin(ALLOWED)
        ours = Front(Starlette(middleware=wrapped), sockets, server.entrance, cross_origin)
        starlettes = cors_middleware(GraphQLOverHTTP(server.entrance), ALLOWED)
        async with (
            serving(ours) as url,
            serving(starlettes, JsonRefusals) as other_url,
            httpx.AsyncClient(base_url=url) as client,
            httpx.AsyncClient(base_url=other_url) as other_client,
        ):
            await client.post("/graphql", json={"query": "{ hello }"}, headers=SPENT)
            yield client, other_client


def told_to_pages(response: httpx.Response) -> list[tuple[str, str]]:
    """Give what browsers go by."""
    return sorted(
        (name, value)
        for name, value in response.headers.multi_items()
        if name == "vary" or name.startswith("access-control-")
    )


async def test_every_kind_of_answer_to_every_origin_is_starlettes() -> None:
    async with ours_and_starlettes() as (ours, starlettes):
        for origin, kind in EVERYTHING:
            asked, status = ANSWERS[kind]
            headers = asked.get("headers", {}) | ({} if origin is None else {"origin": origin})
            sent = {"method": "POST", "url": "/graphql", **asked, "headers": headers}
            answer = await ours.request(**sent)
            theirs = await starlettes.request(**sent)
            ours.cookies.clear()
            starlettes.cookies.clear()

            assert answer.status_code == theirs.status_code == status, kind
            assert told_to_pages(answer) == told_to_pages(theirs), (kind, origin)
            allowed = answer.headers.get("access-control-allow-origin")
            assert allowed == (origin if origin in ALLOWED else None), (kind, origin)


async def test_preflights_are_answered_by_starlette() -> None:
    async with ours_and_starlettes() as (ours, starlettes):
        for origin in (PAGE, EVIL):
            for headers in PREFLIGHTS:
                asked = headers | {"origin": origin}
                answer = await ours.options("/graphql", headers=asked)
                theirs = await starlettes.options("/graphql", headers=asked)

                assert (answer.status_code, answer.text) == (theirs.status_code, theirs.text)
                assert told_to_pages(answer) == told_to_pages(theirs)


async def test_without_allowed_origins_nothing_is_told_to_any_page() -> None:
    async with tiny_server() as server, httpx.AsyncClient() as client:
        answer = await client.post(
            server.graphql_url, json={"query": "{ hello }"}, headers={"origin": PAGE}
        )

    assert answer.status_code == 200
    assert told_to_pages(answer) == []
