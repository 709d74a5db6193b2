"""How much may be asked: by a buyer and by an address, over HTTP and sockets, with Redis or not."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from limits import RateLimitItem
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from onsale.graphql import rate_limits
from onsale.graphql.connections import Connections
from onsale.graphql.rate_limits import (
    CONNECTIONS_MAX,
    LOANS,
    REFUSED_COST,
    Asker,
    Counts,
    RateLimits,
    TooMuchAsked,
    address_of,
)
from onsale.graphql.websocket import PROTOCOL
from onsale.metrics import RATE_LIMITED
from schema.context import Buyer
from tests.live.breakable import OwnValkey
from tests.transport.test_http import code_of, post
from tests.transport.test_websocket import opened
from tests.transport.tiny import tiny_server

SOMEWHERE, ELSEWHERE = "203.0.113.7", "203.0.113.8"
SUBPROTOCOLS = [Subprotocol(PROTOCOL)]


def at(address: str) -> dict[str, str]:
    return {"x-forwarded-for": address}


async def spend(limits: RateLimits, asker: Asker, cost: int = 10) -> int:
    """Ask until it is too much; gives what could be spent."""
    spent = 0
    while True:
        try:
            await limits.take(asker, cost)
        except TooMuchAsked:
            return spent
        spent += cost


async def test_a_buyer_may_spend_the_budget_of_a_minute_to_the_last_bit_and_no_more() -> None:
    limits = RateLimits(per_buyer=1_000)

    spent = await spend(limits, Asker(uuid4().int, None))

    assert spent == 1_000


@pytest.mark.parametrize("cost", [1, 7, 49, 51, 700])
async def test_whatever_an_operation_costs_nothing_is_spent_beyond_the_budget(cost: int) -> None:
    limits = RateLimits(per_buyer=1_000)

    spent = await spend(limits, Asker(uuid4().int, None), cost)

    assert 1_000 - cost < spent <= 1_000


@pytest.mark.parametrize("with_redis", [False, True])
async def test_a_crowd_that_comes_from_one_address_at_once_shares_its_budget(
    redis_url: str, *, with_redis: bool
) -> None:
    limits = RateLimits(per_address=20_000)
    crowd = [limits.take(Asker(None, SOMEWHERE), 10) for _ in range(2_100)]

    async with AsyncExitStack() as stack:
        if with_redis:
            await stack.enter_async_context(limits.counts.shared(redis_url, uuid4().hex))
        answers = await asyncio.gather(*crowd, return_exceptions=True)

    assert [answer is None for answer in answers].count(True) == 2_000
    assert sum(isinstance(answer, TooMuchAsked) for answer in answers) == 100


async def test_each_has_an_own_budget_and_buyers_of_one_address_share_its_one() -> None:
    limits = RateLimits(per_buyer=500, per_address=1_000)

    spent = [await spend(limits, Asker(uuid4().int, SOMEWHERE)) for _ in range(3)]
    elsewhere = await spend(limits, Asker(uuid4().int, ELSEWHERE))

    assert spent[:2] == [500, pytest.approx(500, abs=50)]
    assert spent[2] == 0
    assert elsewhere == 500


async def test_without_a_limit_and_from_this_machine_itself_anything_may_be_asked() -> None:
    limits = RateLimits(per_buyer=0, per_address=100)

    for _ in range(100):
        await limits.take(Asker(uuid4().int, None), 5_000)
    for _ in range(10):
        await limits.take(Asker(uuid4().int, SOMEWHERE), 10)
    with pytest.raises(TooMuchAsked):
        await limits.take(Asker(uuid4().int, SOMEWHERE), 10)


async def test_what_was_refused_says_when_to_come_again_and_is_counted() -> None:
    limits = RateLimits(per_buyer=100)
    asker = Asker(uuid4().int, None)
    before = RATE_LIMITED.labels("buyer")._value.get()
    await spend(limits, asker)

    with pytest.raises(TooMuchAsked) as refusal:
        limits.check(asker)

    assert 1 <= refusal.value.seconds <= 60
    assert RATE_LIMITED.labels("buyer")._value.get() == before + 2


async def test_two_servers_count_together_in_redis(redis_url: str) -> None:
    asker, house = Asker(uuid4().int, None), uuid4().hex
    one, other = RateLimits(per_buyer=1_000), RateLimits(per_buyer=1_000)

    async with one.counts.shared(redis_url, house), other.counts.shared(redis_url, house):
        await one.take(asker, 10)
        await other.take(asker, 10)
        spent = 20 + await spend(one, asker) + await spend(other, asker)

    assert spent == 1_000 + 1_000 // LOANS  # What the other lent before it had to ask.


async def test_houses_on_one_redis_do_not_share_budgets(redis_url: str) -> None:
    asker = Asker(uuid4().int, None)
    one, other = RateLimits(per_buyer=1_000), RateLimits(per_buyer=1_000)

    async with one.counts.shared(redis_url, "one"), other.counts.shared(redis_url, "other"):
        spent = [await spend(one, asker), await spend(other, asker)]

    assert spent == [1_000, 1_000]


@pytest.mark.parametrize("way", ["url", "socket_url"])
async def test_while_redis_is_away_each_server_counts_alone_and_says_so_once(
    tmp_path: Path, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    valkey = OwnValkey(tmp_path)
    valkey.start()
    limits, asker = RateLimits(per_buyer=1_000), Asker(uuid4().int, None)
    async with limits.counts.shared(getattr(valkey, way), "house"):
        await limits.take(asker, 50)
        valkey.kill()
        began = time.monotonic()

        spent = await spend(limits, asker)

    assert spent == 1_000  # What this server gives out by itself.
    assert time.monotonic() - began < 3
    assert [r.message for r in caplog.records if "each server limits by itself" in r.message]
    assert len(caplog.records) == 1


async def test_a_crowd_of_new_buyers_opens_few_connections_to_redis(tmp_path: Path) -> None:
    valkey = OwnValkey(tmp_path)
    valkey.start()
    limits = RateLimits()
    try:
        async with limits.counts.shared(valkey.url, "house"):
            await asyncio.gather(*(limits.take(Asker(n, None), 400) for n in range(2_000)))
            clients = valkey.ask("INFO", "clients")["connected_clients"]
    finally:
        valkey.kill()

    assert clients <= CONNECTIONS_MAX + 1


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What the counts were asked for."""
    costs: list[int] = []
    take = Counts.take

    async def noted(self: Counts, item: RateLimitItem, key: str, cost: int) -> float | None:
        costs.append(cost)
        return await take(self, item, key, cost)

    monkeypatch.setattr(Counts, "take", noted)
    return costs


async def test_redis_is_asked_once_for_many_operations(redis_url: str, asked: list[int]) -> None:
    limits, asker = RateLimits(per_buyer=30_000), Asker(uuid4().int, None)

    async with limits.counts.shared(redis_url, uuid4().hex):
        for _ in range(100):
            await limits.take(asker, 15)

    assert asked == [300 + 1_500]  # What was lent, and a slice.


async def test_nobody_is_asked_about_whoever_only_buys_tickets(asked: list[int]) -> None:
    limits = RateLimits(per_buyer=30_000)

    at_once = [limits.spend(Asker(buyer, None), 15) for buyer in range(100) for _ in range(20)]

    assert all(at_once)
    assert not limits.spend(Asker(7, None), 15)
    assert asked == []


async def test_who_goes_away_before_the_answer_is_lent_nothing_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits, asker = RateLimits(per_buyer=30_000), Asker(uuid4().int, None)
    while limits.spend(asker, 15):
        pass

    async def never(*_: object) -> float | None:
        await asyncio.Event().wait()
        return None

    monkeypatch.setattr(Counts, "take", never)
    for _ in range(5):
        asking = asyncio.create_task(limits.take(asker, 15))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert not limits.spend(asker, 15)


async def test_who_asked_last_is_forgotten_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "REMEMBERED_MAX", 2)
    limits = RateLimits(per_buyer=1_000)
    await limits.take(Asker(1, None), 10)  # Lent.
    await limits.take(Asker(2, None), 10)
    await limits.take(Asker(1, None), 20)  # A slice, of which forty are left.

    await limits.take(Asker(3, None), 10)

    assert limits.spend(Asker(1, None), 30)


async def test_who_is_refused_still_owes_what_was_lent(asked: list[int]) -> None:
    limits, asker = RateLimits(per_buyer=1_000), Asker(uuid4().int, None)
    await limits.take(asker, 10)  # Lent.
    await limits.counts.take(limits._buyers._item, str(asker.buyer), 900)  # type: ignore[union-attr]
    asked.clear()

    with pytest.raises(TooMuchAsked):
        await limits.take(asker, 95)
    limits._buyers._spent.clear()  # type: ignore[union-attr]  # The time is over.
    assert not limits.spend(asker, 5)
    await limits.take(asker, 50)

    assert asked == [105, 60]


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("127.0.0.1", None),
        ("::1", None),
        ("::ffff:127.0.0.1", None),
        ("no address", None),
    ],
)
def test_an_address_is_that_of_a_customer(host: str, address: str | None) -> None:
    assert address_of({"client": (host, 5)}) == address
    assert address_of({"client": None}) is None


async def test_over_http_it_is_429_with_a_time_and_others_are_served_on() -> None:
    limits = RateLimits(per_address=5)
    async with (
        tiny_server(rate_limits=limits) as server,
        httpx.AsyncClient(base_url=server.url) as client,
    ):
        for _ in range(5):
            assert (await post(client, **at(SOMEWHERE))).status_code == 200
        refused = await post(client, **at(SOMEWHERE))
        elsewhere = await post(client, **at(ELSEWHERE))
        near = await post(client)

    assert (refused.status_code, code_of(refused)) == (429, "TOO_MANY_REQUESTS")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert (elsewhere.status_code, near.status_code) == (200, 200)


async def test_a_buyer_is_limited_wherever_the_requests_come_from() -> None:
    async with (
        tiny_server(rate_limits=RateLimits(per_buyer=2)) as server,
        httpx.AsyncClient(base_url=server.url) as client,
    ):
        token = server.tokens.issue(Buyer(id=uuid4(), is_guest=True)).token
        statuses = [
            (await post(client, authorization=f"Bearer {token}", **at(f"203.0.113.{n}")))
            for n in range(3)
        ]

    assert [response.status_code for response in statuses] == [200, 200, 429]


async def test_documents_that_are_refused_cost_something_too() -> None:
    async with (
        tiny_server(rate_limits=RateLimits(per_address=2 * REFUSED_COST)) as server,
        httpx.AsyncClient(base_url=server.url) as client,
    ):
        answers = [await post(client, {"query": "{"}, **at(SOMEWHERE)) for _ in range(3)]

    assert [code_of(answer) for answer in answers] == [
        "GRAPHQL_PARSE_FAILED", "GRAPHQL_PARSE_FAILED", "TOO_MANY_REQUESTS",
    ]  # fmt: skip


async def test_over_a_socket_it_is_an_error_of_that_operation() -> None:
    async with (
        tiny_server(rate_limits=RateLimits(per_address=2)) as server,
        opened(server, **at(SOMEWHERE)) as socket,
    ):
        await socket.initialise()
        for _ in range(2):
            await socket.answer("{ hello }")
        await socket.subscribe("a", "{ hello }")
        message = await socket.receive()
        await socket.send({"type": "ping"})
        pong = await socket.receive()

    [error] = message["payload"]
    assert message["type"] == "error"
    assert error["extensions"]["code"] == "TOO_MANY_REQUESTS"
    assert 1 <= error["extensions"]["retryAfterSeconds"] <= 60
    assert pong == {"type": "pong"}


async def test_an_address_holds_only_so_many_sockets_and_streams_open() -> None:
    async with (
        tiny_server(connections=Connections(2)) as server,
        httpx.AsyncClient(base_url=server.url) as client,
        opened(server, **at(SOMEWHERE)) as socket,
    ):
        await socket.initialise()
        streaming = {"accept": "text/event-stream", **at(SOMEWHERE)}
        body = {"query": "subscription { numbers(to: 10000) { value } }"}
        async with client.stream("POST", "/graphql", json=body, headers=streaming) as stream:
            events = stream.aiter_raw()
            await anext(events)
            with pytest.raises(InvalidStatus) as refusal:
                await connect(
                    server.socket_url, subprotocols=SUBPROTOCOLS, additional_headers=at(SOMEWHERE)
                )
            refused = await client.post("/graphql", json=body, headers=streaming)
            async with opened(server, **at(ELSEWHERE)) as elsewhere:
                await elsewhere.initialise()
        await _eventually_opened(server.socket_url)

    assert refusal.value.response.status_code == 429
    assert b"TOO_MANY_REQUESTS" in (refusal.value.response.body or b"")
    assert (refused.status_code, code_of(refused)) == (429, "TOO_MANY_REQUESTS")


async def _eventually_opened(url: str) -> None:
    """A place is free again once the stream has ended."""
    for _ in range(200):
        try:
            socket = await connect(url, subprotocols=SUBPROTOCOLS, additional_headers=at(SOMEWHERE))
        except InvalidStatus:
            continue
        await socket.close()
        return
    pytest.fail("no place became free")


async def test_who_floods_a_socket_is_closed_and_who_comes_back_with_everything_is_not() -> None:
    async with tiny_server(messages_at_once=20) as server:
        async with opened(server) as patient:
            await patient.initialise()
            for _ in range(15):
                await patient.answer("{ hello }")
        async with opened(server) as flooding:
            for _ in range(60):
                await flooding.send({"type": "ping"})
            closed = await flooding.close_code()

    assert closed == 4429


@pytest.mark.parametrize("asker", [Asker(1, "203.0.113.7")])
async def test_a_budget_is_not_taken_in_part_by_who_is_refused(asker: Asker) -> None:
    limits = RateLimits(per_buyer=100, per_address=10_000)
    await spend(limits, asker, 100)

    refused: Callable[[], None] = lambda: limits.check(asker)  # noqa: E731 - one line is enough.

    with pytest.raises(TooMuchAsked):
        refused()
    await limits.take(Asker(uuid4().int, asker.address), 100)


async def test_what_is_spent_at_once_is_spent_from_both_budgets_or_from_none() -> None:
    limits = RateLimits(per_buyer=99, per_address=99)  # Too little to lend any of it.
    buyer, other = uuid4().int, uuid4().int
    await limits.take(Asker(buyer, SOMEWHERE), 1)  # From now on three more are here, of both.

    assert not limits.spend(Asker(other, SOMEWHERE), 1)  # Of the other buyer's nothing is here.
    assert limits.spend(Asker(buyer, SOMEWHERE), 3)
    assert not limits.spend(Asker(buyer, SOMEWHERE), 1)


@pytest.mark.parametrize("with_redis", [False, True])
async def test_who_has_been_told_that_nothing_is_left_is_lent_nothing_on_any_way(
    redis_url: str, *, with_redis: bool
) -> None:
    limits, asker = RateLimits(per_buyer=1_000), Asker(uuid4().int, None)
    async with AsyncExitStack() as stack:
        if with_redis:
            await stack.enter_async_context(limits.counts.shared(redis_url, uuid4().hex))
        assert await spend(limits, asker) == 1_000

        for _ in range(20):
            with pytest.raises(TooMuchAsked):
                limits.check(asker)
            assert not limits.spend(asker, 1)
            with pytest.raises(TooMuchAsked):
                await limits.take(asker, 1)
