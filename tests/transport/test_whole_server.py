"""The server as it is run, over real PostgreSQL and Redis, and what it serves beside GraphQL."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from sqlalchemy.engine import make_url
from starlette.applications import Starlette

from box_office.database import Database
from onsale.embedded import Services
from onsale.health import health_routes
from schema.ids import NodeKind, encode_id
from tests.halls import Hall, open_hall
from tests.servers import ServerProcess, running_servers, serving

PAGE = "https://tickets.example"
EVIL = "https://evil.example"
LAYOUT = json.dumps({"x": list(range(1000))}).encode()


@pytest.fixture
def servers(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[list[ServerProcess]]:
    settings = {"ONSALE_ALLOWED_ORIGINS": PAGE}
    with running_servers(database_url, redis_url, tmp_path, 2, **settings) as servers:
        yield servers


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[ServerProcess]:
    """One alone, without Redis."""
    with running_servers(database_url, None, tmp_path) as servers:
        yield servers[0]


@pytest.fixture
async def hall(database: Database) -> AsyncIterator[Hall]:
    async with open_hall(database) as hall:
        yield hall


def ask(server: ServerProcess, query: str, **headers: str) -> Any:
    response = httpx.post(server.graphql_url, json={"query": query}, headers=headers)
    assert response.status_code == 200, response.text
    return response.json()


async def layout_url(server: ServerProcess, hall: Hall) -> str:
    """Give the hall's seat map a layout, and ask the API for the URL of its file."""
    await hall.execute(
        "UPDATE seat_maps SET layout = $2, layout_hash = 'fedcba9876543210' FROM events"
        " WHERE events.seat_map_id = seat_maps.id AND events.id = $1",
        hall.event_id,
        LAYOUT,
    )
    document = "query ($id: ID!) { event(by: { id: $id }) { seatMap { layoutUrl } } }"
    asked = {"query": document, "variables": {"id": encode_id(NodeKind.EVENT, hall.event_id)}}
    answer = await asyncio.to_thread(httpx.post, server.url + "/graphql", json=asked)
    return str(answer.json()["data"]["event"]["seatMap"]["layoutUrl"])


async def test_a_server_shows_the_way_sells_and_survives_its_own_death(
    servers: list[ServerProcess], hall: Hall
) -> None:
    one, two = servers
    said = await asyncio.to_thread(_look_around, one)
    assert said["/"].json()["graphql"] == "/graphql"
    assert said["/healthz"].json() == {"status": "ok"}
    assert said["/readyz"].json() == {"status": "ready"}
    assert said["/nowhere"].status_code == 404
    assert "/graphql" in said["/nowhere"].json()["errors"][0]["message"]

    started = await asyncio.to_thread(
        ask, one, "mutation { startGuestSession { token viewer { id isGuest } } }"
    )
    session = started["data"]["startGuestSession"]
    authorization = f"Bearer {session['token']}"
    one.kill()
    await asyncio.to_thread(one.start)
    for server in servers:
        known = await asyncio.to_thread(
            ask, server, "{ viewer { id isGuest } }", authorization=authorization
        )
        assert known["data"] == {"viewer": session["viewer"]}

    for path in ("/readyz", await layout_url(one, hall)):
        allowed = await asyncio.to_thread(httpx.get, two.url + path, headers={"origin": PAGE})
        assert allowed.headers["access-control-allow-origin"] == PAGE
        foreign = await asyncio.to_thread(httpx.get, two.url + path, headers={"origin": EVIL})
        assert "access-control-allow-origin" not in foreign.headers
    for server in servers:
        server.stop()
    logged = one.log.read_text() + two.log.read_text()
    assert session["token"] not in logged
    assert "Traceback" not in logged


def _look_around(server: ServerProcess) -> dict[str, httpx.Response]:
    return {path: httpx.get(server.url + path) for path in ("/", "/healthz", "/readyz", "/nowhere")}


async def test_layouts_are_files_that_never_change(server: ServerProcess, hall: Hall) -> None:
    url = server.url + await layout_url(server, hall)

    async def get(method: str = "GET", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await asyncio.to_thread(httpx.request, method, url, headers=named)

    files = {
        "gzip": await get(accept_encoding="gzip"),
        "br": await until_brotli(get),
        "": await get(accept_encoding="gzip;q=0"),
    }

    assert len({file.headers["etag"] for file in files.values()}) == 3
    assert int(files["gzip"].headers["content-length"]) == len(gzip.compress(LAYOUT, mtime=0))
    for coding, file in files.items():
        assert file.content == LAYOUT
        assert file.headers.get("content-encoding", "") == coding
        head = await get("HEAD", accept_encoding=coding or "identity")
        had = [
            await get(accept_encoding=coding, if_none_match=tags % file.headers["etag"])
            for tags in ("%s", 'W/"other", W/%s')
        ]
        for again in (head, *had):
            assert again.content == b""
            assert again.headers["etag"] == file.headers["etag"]
            assert again.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert again.headers["vary"] == "Accept-Encoding"
        assert [again.status_code for again in (head, *had)] == [200, 304, 304]
        assert head.headers["content-length"] == file.headers["content-length"]
    # Who has it packed in a way that is not the best any more still has it.
    had = [await get(accept_encoding="br, gzip", if_none_match=files["gzip"].headers["etag"])]
    assert had[0].status_code == 304
    assert (await get(accept_encoding="*;q=0")).status_code == 406

    for name in (f"{uuid4()}-fedcba9876543210", "x", "-", f"{UUID(int=0)}", "..%2f..", "%00-%00"):
        unknown = await asyncio.to_thread(httpx.get, f"{server.url}/layouts/{name}.json")
        assert unknown.status_code == 404
        assert unknown.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


async def until_brotli(get: Callable[..., Awaitable[httpx.Response]]) -> httpx.Response:
    """Ask until the best way to pack is ready."""
    async with asyncio.timeout(10):
        while (file := await get(accept_encoding="gzip, br")).headers["content-encoding"] != "br":
            assert file.headers["content-encoding"] == "gzip"
            await asyncio.sleep(0.05)
    return file


async def test_a_server_over_an_empty_database_says_what_to_do(empty_database_url: str) -> None:
    database = await Database.connect(empty_database_url)
    app = Starlette(routes=health_routes(lambda: database))

    async with serving(app) as url, httpx.AsyncClient(base_url=url) as client:
        healthy = await client.get("/healthz")
        ready = await client.get("/readyz")
    await database.close()

    assert healthy.status_code == 200
    assert ready.status_code == 503
    assert "migrate" in ready.json()["action"]


@pytest.mark.untrue_books(reason="Nobody is let in any more, not even an audit.")
async def test_a_server_without_its_database_is_up_and_not_ready(
    services: Services, database_url: str
) -> None:
    database = await Database.connect(database_url)
    app = Starlette(routes=health_routes(lambda: database))

    async with serving(app) as url, httpx.AsyncClient(base_url=url) as client:
        assert (await client.get("/readyz")).status_code == 200
        await shut(services, database_url)
        ready = await client.get("/readyz")
        healthy = await client.get("/healthz")
    await database.close()

    assert healthy.status_code == 200
    assert ready.status_code == 503
    assert "DATABASE_URL" in ready.json()["action"]


async def shut(services: Services, database_url: str) -> None:
    """Cut every connection to a database, and let nobody in again."""
    name = make_url(database_url).database
    admin = await asyncpg.connect(services.database_url)
    await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
    )
    await admin.close()


BUY = """mutation Buy($reservation: ID!, $token: String!, $key: String!) {
  purchaseReservation(input: {reservationId: $reservation, email: "ann@example.com",
                              paymentToken: $token, idempotencyKey: $key}) {
    order { id status }
    errors { __typename ... on PaymentDeclined { retryable } }
  }
}"""


async def test_a_buyer_pays_with_the_pretending_provider_and_gets_the_money_back(
    server: ServerProcess, hall: Hall
) -> None:
    async with httpx.AsyncClient() as client:

        async def do(query: str, **variables: Any) -> Any:
            body = {"query": query, "variables": variables}
            answer = (await client.post(server.graphql_url, json=body)).json()
            assert "errors" not in answer, answer
            [payload] = answer["data"].values()
            return payload

        await do("mutation { startGuestSession { token } }")  # From here on the cookie says who.
        made = await do(
            "mutation($event: ID!) { reserveSeats(input: {eventId: $event, seatIndexes: [1, 2]})"
            " { reservation { id } errors { __typename } } }",
            event=encode_id(NodeKind.EVENT, hall.event_id),
        )
        reservation = made["reservation"]["id"]
        declined = await do(BUY, reservation=reservation, token="pretend_declined", key="1")
        bought = await do(BUY, reservation=reservation, token="pretend_ok", key="2")
        again = await do(BUY, reservation=reservation, token="pretend_ok", key="2")
        returned = await do(
            'mutation($order: ID!) { cancelOrder(input: {orderId: $order, idempotencyKey: "3"})'
            " { order { status } errors { __typename } } }",
            order=bought["order"]["id"],
        )

    assert declined["errors"] == [{"__typename": "PaymentDeclined", "retryable": True}]
    assert bought["order"]["status"] == "PAID"
    assert again == bought
    assert returned == {"order": {"status": "REFUNDED"}, "errors": []}
    server.stop()
    assert "ann@example.com" not in server.log.read_text()
