"""The door for webhooks: what is let in is kept and followed, and nothing else is."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from box_office.database import Database
from box_office.providers import ChargeState, Hint, ProviderUnreachable, Standing
from box_office.purchases import PurchaseRequest, purchase_reservation
from box_office.restoring import step_over
from onsale.webhooks import HINT_BYTES_MAX, webhook_routes
from tests.halls import Hall, PretendProvider, open_hall
from tests.rules.test_reconciling import at_rest, order_status
from tests.servers import serving
from tests.transport.conftest import ReadLog

PATH = "/webhooks/payments"


class Signing(PretendProvider):
    """Believes whoever says that it is the provider."""

    is_silent = False

    async def look_up(self, payment_id: UUID) -> Standing:
        if self.is_silent:
            raise ProviderUnreachable
        return await super().look_up(payment_id)

    def read_hint(self, headers: Mapping[str, str], body: bytes) -> Hint | None:
        if headers.get("webhook-signature") != "true":
            return None
        told = json.loads(body)
        return Hint(told["id"], UUID(told["payment_id"]))


@pytest.fixture
def provider() -> Signing:
    return Signing()


@pytest.fixture
async def hall(database: Database, provider: Signing) -> AsyncIterator[Hall]:
    async with open_hall(database, provider=provider) as hall:
        yield hall


@pytest.fixture
async def door(hall: Hall) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=webhook_routes(lambda: hall.box_office))
    async with serving(app) as url, httpx.AsyncClient(base_url=url) as client:
        yield client


def hint(payment_id: UUID) -> bytes:
    return json.dumps({"id": "evt_1", "payment_id": str(payment_id)}).encode()


async def kept(hall: Hall) -> int:
    return len(await hall.fetch("SELECT 1 FROM payment_hints"))


async def test_a_webhook_makes_us_ask_the_provider_however_often_it_comes(
    hall: Hall, provider: Signing, door: httpx.AsyncClient
) -> None:
    reservation = await hall.held(1)
    request = PurchaseRequest(
        reservation.buyer_id, reservation.id, "ada@example.org", "pretend_action_required", "key"
    )
    await purchase_reservation(hall.box_office, request)
    [payment_id] = provider.charges
    provider.move(f"pretend-{payment_id}", ChargeState.AUTHORISED)

    for _ in range(3):
        answer = await door.post(
            PATH, content=hint(payment_id), headers={"webhook-signature": "true"}
        )
        assert answer.status_code == httpx.codes.NO_CONTENT
    await at_rest(hall)

    assert await order_status(hall) == "PAID"
    assert await kept(hall) == 1


async def test_what_the_provider_has_not_signed_is_refused_and_forgotten(
    hall: Hall, door: httpx.AsyncClient
) -> None:
    answer = await door.post(PATH, content=hint(uuid4()))

    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert "not signed" in answer.json()["errors"][0]["message"]
    assert await kept(hall) == 0


async def test_a_hint_is_read_up_to_its_limit_and_no_further(
    hall: Hall, door: httpx.AsyncClient
) -> None:
    sizes = {HINT_BYTES_MAX - 1: 400, HINT_BYTES_MAX: 400, HINT_BYTES_MAX + 1: 413}

    answers = {size: (await door.post(PATH, content=b"x" * size)).status_code for size in sizes}

    assert answers == sizes
    assert await kept(hall) == 0


async def test_a_webhook_that_cannot_be_followed_yet_is_to_be_sent_again(
    hall: Hall, provider: Signing, door: httpx.AsyncClient
) -> None:
    payment_id = uuid4()
    await step_over(hall.box_office.database)
    provider.is_silent = True

    answer = await door.post(PATH, content=hint(payment_id), headers={"webhook-signature": "true"})

    assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert await kept(hall) == 0


async def test_only_post_is_a_webhook(door: httpx.AsyncClient) -> None:
    assert (await door.get(PATH)).status_code == httpx.codes.METHOD_NOT_ALLOWED


async def test_whoever_breaks_off_a_body_writes_nothing_into_our_log(
    hall: Hall, read_log: ReadLog
) -> None:
    app = Starlette(routes=webhook_routes(lambda: hall.box_office))
    is_over = asyncio.Event()

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        finally:
            if scope["type"] == "http":
                is_over.set()

    async with serving(watched) as url, asyncio.timeout(10):
        _, line = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        line.write(f"POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{{".encode())
        await line.drain()
        line.close()
        await is_over.wait()

    assert [said for said in read_log() if said["level"] != "info"] == []
    assert await kept(hall) == 0
