"""The pretending provider, over its own interface: cards that misbehave, kills, and its page."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from time import monotonic
from uuid import UUID, uuid4

import httpx
import pytest

from box_office.providers import (
    ActionRequired,
    Authorisation,
    Authorised,
    Charge,
    ChargeState,
    Declined,
    PaymentProvider,
    ProviderUnreachable,
)
from onsale.payments.pretend import adapter, webhooks
from onsale.payments.pretend.adapter import PretendProvider, ProviderMisused
from onsale.payments.pretend.record import Record
from onsale.payments.pretend.tokens import FLAKY_CALLS_MAX, Behaviour, Webhooks
from tests.payments.pretending import KEY, Pretending, pretending
from tests.payments.provider_contract import ProviderContract, Webhook

SLOW_SECONDS = 0.5


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pretending]:
    with pretending(tmp_path_factory.mktemp("provider"), slow_seconds=SLOW_SECONDS) as program:
        yield program


@pytest.fixture
async def provider(program: Pretending) -> AsyncIterator[PretendProvider]:
    async with PretendProvider.connected(program.url, program.key) as provider:
        yield provider


def webhook_signed(key: str, payment_id: UUID, sent: int = 0) -> Webhook:
    body = f'{{"payment_id": "{payment_id}"}}'.encode()
    headers = webhooks.headers_of(key, f"evt_{uuid4().hex}", body)
    if sent:
        moment = int(headers["webhook-timestamp"]) + sent
        signature = webhooks.sign(key, headers["webhook-id"], moment, body)
        headers |= {"webhook-timestamp": str(moment), "webhook-signature": signature}
    return headers, body


class TestPretendProvider(ProviderContract):
    good_token = "pretend_ok"
    declined_token = "pretend_declined"
    action_token = "pretend_action_required"
    refused_capture_token = "pretend_capture_refused"
    misuse = ProviderMisused

    @pytest.fixture
    def webhook(self) -> Callable[[UUID], Webhook]:
        return lambda payment_id: webhook_signed(KEY, payment_id)

    @pytest.fixture(autouse=True)
    def _program(self, program: Pretending) -> None:
        self.program = program

    async def approve(self, provider: PaymentProvider, client_secret: str) -> None:  # noqa: ARG002
        await self.program.approve(client_secret)

    async def refuse(self, provider: PaymentProvider, client_secret: str) -> None:  # noqa: ARG002
        await self.program.refuse(client_secret)


def charge_of(token: str) -> Charge:
    return Charge(uuid4(), 4_200, "GBP", token)


async def until_answered(provider: PretendProvider, charge: Charge) -> tuple[Authorisation, int]:
    """Ask again and again, as whoever gets no answer does; with how often none came."""
    for lost in range(2 * FLAKY_CALLS_MAX):
        try:
            return await provider.authorise(charge), lost
        except ProviderUnreachable:
            pass
    raise AssertionError("it never answered")


@pytest.mark.parametrize(
    "token", ["tok_visa", "pretend_ok:webhooks=often", "pretend_nothing", "pretend_ok_7", "é" * 9]
)
async def test_a_token_nobody_knows_is_declined_with_a_list_of_those_that_are(
    provider: PretendProvider, token: str
) -> None:
    answer = await provider.authorise(charge_of(token))

    assert isinstance(answer, Declined)
    assert answer.code == "unknown_token"
    assert all(word in answer.message for word in (*Behaviour, *Webhooks))


async def test_a_lost_answer_has_had_its_effect(provider: PretendProvider) -> None:
    charge = charge_of("pretend_timeout")

    for _ in range(2):
        with pytest.raises(ProviderUnreachable):
            await provider.authorise(charge)

    standing = await provider.look_up(charge.payment_id)
    assert standing.state is ChargeState.AUTHORISED
    assert standing.reference is not None
    assert await provider.capture(standing.reference) is None


async def test_an_error_of_the_provider_has_no_effect(provider: PretendProvider) -> None:
    charge = charge_of("pretend_error")

    with pytest.raises(ProviderUnreachable):
        await provider.authorise(charge)

    assert (await provider.look_up(charge.payment_id)).state is ChargeState.NONE


async def test_a_slow_bank_answers_in_the_end(provider: PretendProvider) -> None:
    began = monotonic()

    answer = await provider.authorise(charge_of("pretend_slow"))

    assert isinstance(answer, Authorised)
    assert monotonic() - began >= SLOW_SECONDS


async def test_a_flaky_card_errs_the_same_way_for_the_same_seed_and_is_well_in_the_end(
    provider: PretendProvider,
) -> None:
    lost: dict[str, set[int]] = {}
    for seed in map(str, range(8)):
        for _ in range(2):
            answer, count = await until_answered(provider, charge_of(f"pretend_flaky_{seed}"))
            assert isinstance(answer, Authorised)
            lost.setdefault(seed, set()).add(count)

    assert all(len(counts) == 1 for counts in lost.values()), lost
    assert len(set.union(*lost.values())) > 1, "no seed is flaky"


async def test_money_may_arrive_after_it_was_given_up(
    program: Pretending, provider: PretendProvider
) -> None:
    charge = charge_of("pretend_late_money")
    answer = await provider.authorise(charge)
    assert isinstance(answer, ActionRequired)
    assert (await provider.void(charge.payment_id)).state is ChargeState.VOIDED

    await program.approve(answer.client_secret)

    standing = await provider.look_up(charge.payment_id)
    assert standing.state is ChargeState.CAPTURED
    await provider.refund(str(standing.reference))


async def test_an_ordinary_card_cannot_be_approved_after_it_was_given_up(
    program: Pretending, provider: PretendProvider
) -> None:
    charge = charge_of("pretend_action_required")
    answer = await provider.authorise(charge)
    assert isinstance(answer, ActionRequired)
    await provider.void(charge.payment_id)

    async with httpx.AsyncClient() as client:
        page = await client.post(f"{program.url}/actions/{answer.client_secret}/approve")

    assert page.status_code == httpx.codes.CONFLICT
    assert (await provider.look_up(charge.payment_id)).state is ChargeState.VOIDED


async def test_the_banks_page_has_two_buttons_until_the_buyer_has_decided(
    program: Pretending, provider: PretendProvider
) -> None:
    answer = await provider.authorise(charge_of("pretend_action_required"))
    assert isinstance(answer, ActionRequired)
    url = f"{program.url}/actions/{answer.client_secret}"

    async with httpx.AsyncClient() as client:
        before = (await client.get(url)).text
        after_yes = await client.post(f"{url}/approve")
        after = (await client.get(url)).text
        nothing = await client.get(f"{program.url}/actions/nothing")

    assert before.count("<button>") == 2
    assert "GBP 4200" in before
    assert "authorised" in after_yes.text
    assert "<button>" not in after
    assert nothing.status_code == httpx.codes.CONFLICT


async def test_it_remembers_what_it_did_before_it_was_killed(tmp_path: Path) -> None:
    with pretending(tmp_path) as program:
        async with PretendProvider.connected(program.url, program.key) as provider:
            charge = charge_of("pretend_ok")
            answer = await provider.authorise(charge)
            assert isinstance(answer, Authorised)
            await provider.capture(answer.reference)

            await asyncio.to_thread(program.kill)
            starting = asyncio.create_task(asyncio.to_thread(program.start))
            standing = await provider.look_up(charge.payment_id)
            await starting

    assert standing.state is ChargeState.CAPTURED, "asked while it was away, answered when back"


async def test_two_of_them_share_a_record(program: Pretending, provider: PretendProvider) -> None:
    with pretending(program.record.parent) as second:
        async with PretendProvider.connected(second.url, second.key) as other:
            charge = charge_of("pretend_ok")

            answers = await asyncio.gather(
                *(each.authorise(charge) for each in (provider, other) * 5)
            )

            assert len(set(answers)) == 1


async def test_a_provider_that_is_gone_does_not_answer() -> None:
    async with PretendProvider.connected("http://127.0.0.1:9", "key") as provider:
        with pytest.raises(ProviderUnreachable):
            await provider.look_up(uuid4())


async def test_a_connection_that_lies_idle_is_let_go_before_the_provider_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever sends on a connection that is just being closed learns nothing."""
    monkeypatch.setattr(adapter, "IDLE_SECONDS_MAX", 0.2)
    connections = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        with closing(writer), suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{"state": "NONE"}')

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with PretendProvider.connected(url, KEY) as provider:
            await provider.look_up(uuid4())
            await provider.look_up(uuid4())
            used_at_once = connections
            await asyncio.sleep(0.3)
            await provider.look_up(uuid4())

    assert (used_at_once, connections) == (1, 2)


async def test_whoever_has_not_the_key_is_refused(program: Pretending) -> None:
    async with PretendProvider.connected(program.url, "another") as provider:
        with pytest.raises(ProviderMisused, match="401"):
            await provider.look_up(uuid4())


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "[" * 100_000,
        "{}",
        '{"payment_id": 1, "token": "x", "amount_minor": 1, "currency_code": "GBP"}',
        '{"payment_id": "x", "token": "x", "amount_minor": 0, "currency_code": "GBP"}',
        '{"payment_id": "x", "token": "x", "amount_minor": 1e3, "currency_code": "GBP"}',
        '{"payment_id": "x", "token": "x", "amount_minor": true, "currency_code": "GBP"}',
        '{"payment_id": "x", "token": "x", "amount_minor": 99999999999999999999}',
        '{"payment_id": "\\ud800", "token": "x", "amount_minor": 1, "currency_code": "GBP"}',
    ],
)
async def test_a_charge_that_makes_no_sense_is_refused_in_words(
    program: Pretending, body: str
) -> None:
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {KEY}"}) as client:
        answer = await client.post(f"{program.url}/v1/charges", content=body)

    assert answer.status_code == httpx.codes.CONFLICT
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize(("sent", "believed"), [(-299, True), (-310, False), (310, False)])
def test_a_recording_of_a_webhook_is_not_believed_later(
    provider: PretendProvider, sent: int, believed: bool
) -> None:
    hint = provider.read_hint(*webhook_signed(KEY, uuid4(), sent))

    assert (hint is not None) is believed


def test_a_webhook_signed_with_another_key_is_not_the_providers(
    provider: PretendProvider,
) -> None:
    assert provider.read_hint(*webhook_signed("another", uuid4())) is None


def test_a_record_of_before_changes_were_dated_is_kept_on(tmp_path: Path) -> None:
    file = tmp_path / "record.sqlite3"
    Record(file).prepare()
    with closing(sqlite3.connect(file)) as old:
        old.execute("DROP INDEX ix_charges_changed_at")
        old.execute("ALTER TABLE charges DROP COLUMN changed_at")
    record = Record(file)

    record.prepare()
    record.prepare()

    with record.open() as pages:
        pages.add("a payment", "pretend_ok", (4_200, "GBP"), ChargeState.AUTHORISED)
        assert pages.changed_since(1.0) == ["a payment"]
