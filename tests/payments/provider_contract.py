"""What every adapter to a payment provider must do. Its tests inherit from here."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from box_office.providers import (
    ActionRequired,
    Authorised,
    Charge,
    ChargeState,
    Declined,
    PaymentProvider,
)

#: Headers and body of a webhook.
Webhook = tuple[dict[str, str], bytes]


class ProviderContract:
    """Tests for any `PaymentProvider`.

    A subclass gives its tokens, what it raises when it is misused, how a buyer decides (`approve`,
    `refuse`), and the fixtures `provider` and `webhook`: the latter makes a true webhook about a
    payment, as the provider would send it.
    """

    good_token: str
    declined_token: str
    action_token: str
    refused_capture_token: str
    #: What the adapter raises when it is asked for what no provider does.
    misuse: type[Exception]

    async def approve(self, provider: PaymentProvider, client_secret: str) -> None:
        """Say yes at the bank's page."""
        raise NotImplementedError

    async def refuse(self, provider: PaymentProvider, client_secret: str) -> None:
        """Say no at the bank's page."""
        raise NotImplementedError

    def charge(
        self, payment_id: UUID | None = None, amount: int = 4_200, token: str | None = None
    ) -> Charge:
        return Charge(payment_id or uuid4(), amount, "GBP", token or self.good_token)

    async def authorised(self, provider: PaymentProvider, charge: Charge | None = None) -> str:
        answer = await provider.authorise(charge or self.charge())
        assert isinstance(answer, Authorised)
        return answer.reference

    async def state(self, provider: PaymentProvider, charge: Charge) -> ChargeState:
        return (await provider.look_up(charge.payment_id)).state

    async def test_a_good_token_is_authorised_under_a_reference(
        self, provider: PaymentProvider
    ) -> None:
        charge = self.charge()

        reference = await self.authorised(provider, charge)

        assert reference
        standing = await provider.look_up(charge.payment_id)
        assert (standing.state, standing.reference) == (ChargeState.AUTHORISED, reference)

    async def test_a_bad_card_is_declined_in_words_and_may_be_tried_again(
        self, provider: PaymentProvider
    ) -> None:
        charge = self.charge(token=self.declined_token)

        answer = await provider.authorise(charge)

        assert isinstance(answer, Declined)
        assert answer.retryable
        assert answer.code
        assert answer.message
        standing = await provider.look_up(charge.payment_id)
        assert (standing.state, standing.declined) == (ChargeState.DECLINED, answer)

    async def test_repeating_a_charge_gives_the_same_answer(
        self, provider: PaymentProvider
    ) -> None:
        for token in (self.good_token, self.declined_token, self.action_token):
            charge = self.charge(token=token)
            first = await provider.authorise(charge)
            again = await provider.authorise(charge)

            assert again == first

    async def test_a_payment_cannot_change_its_amount(self, provider: PaymentProvider) -> None:
        payment_id = uuid4()
        await provider.authorise(self.charge(payment_id, amount=4_200))

        with pytest.raises(self.misuse):
            await provider.authorise(self.charge(payment_id, amount=4_201))

    async def test_two_payments_never_share_a_reference(self, provider: PaymentProvider) -> None:
        assert await self.authorised(provider) != await self.authorised(provider)

    async def test_of_what_it_has_never_heard_it_says_so(self, provider: PaymentProvider) -> None:
        standing = await provider.look_up(uuid4())

        assert standing.state is ChargeState.NONE
        assert standing.reference is None

    async def test_money_set_aside_can_be_taken_and_given_back_each_step_twice(
        self, provider: PaymentProvider
    ) -> None:
        charge = self.charge()
        reference = await self.authorised(provider, charge)

        for _ in range(2):
            assert await provider.capture(reference) is None
        assert await self.state(provider, charge) is ChargeState.CAPTURED
        for _ in range(2):
            await provider.refund(reference)
        assert await self.state(provider, charge) is ChargeState.REFUNDED

    async def test_a_capture_that_is_refused_stays_refused_and_nothing_was_taken(
        self, provider: PaymentProvider
    ) -> None:
        charge = self.charge(token=self.refused_capture_token)
        reference = await self.authorised(provider, charge)

        refusals = [await provider.capture(reference) for _ in range(2)]

        assert isinstance(refusals[0], Declined)
        assert refusals[0].message
        assert refusals[0] == refusals[1]
        assert await self.state(provider, charge) is ChargeState.DECLINED

    async def test_money_set_aside_can_be_let_go_of_twice(self, provider: PaymentProvider) -> None:
        charge = self.charge()
        await self.authorised(provider, charge)

        for _ in range(2):
            assert (await provider.void(charge.payment_id)).state is ChargeState.VOIDED

    async def test_what_was_let_go_of_before_it_came_is_declined_when_it_comes(
        self, provider: PaymentProvider
    ) -> None:
        charge = self.charge()
        for _ in range(2):
            assert (await provider.void(charge.payment_id)).state is ChargeState.VOIDED

        assert isinstance(await provider.authorise(charge), Declined)
        assert await self.state(provider, charge) is ChargeState.VOIDED

    async def test_what_was_let_go_of_cannot_be_taken(self, provider: PaymentProvider) -> None:
        charge = self.charge()
        reference = await self.authorised(provider, charge)
        await provider.void(charge.payment_id)

        with pytest.raises(self.misuse):
            await provider.capture(reference)
        assert isinstance(await provider.authorise(charge), Declined)

    async def test_letting_go_too_late_says_so_and_changes_nothing(
        self, provider: PaymentProvider
    ) -> None:
        charge = self.charge()
        reference = await self.authorised(provider, charge)

        await provider.capture(reference)
        assert (await provider.void(charge.payment_id)).state is ChargeState.CAPTURED
        await provider.refund(reference)
        assert (await provider.void(charge.payment_id)).state is ChargeState.REFUNDED

    async def test_what_was_declined_has_nothing_to_let_go_of(
        self, provider: PaymentProvider
    ) -> None:
        charge = self.charge(token=self.declined_token)
        await provider.authorise(charge)

        assert (await provider.void(charge.payment_id)).state is ChargeState.DECLINED

    async def test_what_was_not_taken_cannot_be_given_back(self, provider: PaymentProvider) -> None:
        reference = await self.authorised(provider)

        with pytest.raises(self.misuse):
            await provider.refund(reference)

    async def test_what_was_given_back_cannot_be_taken_again(
        self, provider: PaymentProvider
    ) -> None:
        reference = await self.authorised(provider)
        await provider.capture(reference)
        await provider.refund(reference)

        with pytest.raises(self.misuse):
            await provider.capture(reference)

    async def test_an_unknown_reference_is_no_payment(self, provider: PaymentProvider) -> None:
        for step in (provider.capture, provider.refund):
            with pytest.raises(self.misuse):
                await step("no-such/reference")

    async def waiting(self, provider: PaymentProvider) -> tuple[Charge, str]:
        """A charge that the buyer has to approve, and the secret to do so."""
        charge = self.charge(token=self.action_token)
        answer = await provider.authorise(charge)
        assert isinstance(answer, ActionRequired)
        assert await self.state(provider, charge) is ChargeState.ACTION_REQUIRED
        return charge, answer.client_secret

    async def test_what_the_buyer_approves_is_authorised(self, provider: PaymentProvider) -> None:
        charge, secret = await self.waiting(provider)

        await self.approve(provider, secret)

        assert await self.state(provider, charge) is ChargeState.AUTHORISED
        assert await provider.capture(await self.authorised(provider, charge)) is None

    async def test_what_the_buyer_refuses_is_declined(self, provider: PaymentProvider) -> None:
        charge, secret = await self.waiting(provider)

        await self.refuse(provider, secret)

        assert isinstance(await provider.authorise(charge), Declined)
        assert await self.state(provider, charge) is ChargeState.DECLINED

    async def test_what_waits_for_the_buyer_can_be_let_go_of(
        self, provider: PaymentProvider
    ) -> None:
        charge, _ = await self.waiting(provider)

        assert (await provider.void(charge.payment_id)).state is ChargeState.VOIDED

    async def test_many_who_ask_for_one_payment_at_once_get_one_answer(
        self, provider: PaymentProvider
    ) -> None:
        charge = self.charge()

        answers = await asyncio.gather(*(provider.authorise(charge) for _ in range(8)))

        assert len(set(answers)) == 1

    async def test_what_changed_since_a_moment_is_listed_and_nothing_older(
        self, provider: PaymentProvider
    ) -> None:
        early, late = self.charge(), self.charge()
        await self.authorised(provider, early)
        reference = await self.authorised(provider, late)
        await asyncio.sleep(0.05)
        moment = datetime.now(UTC)

        await provider.capture(reference)

        assert await provider.changed_since(moment) == [late.payment_id]
        everything = await provider.changed_since(moment - timedelta(minutes=1))
        ours = {early.payment_id, late.payment_id}
        assert [one for one in everything if one in ours] == [early.payment_id, late.payment_id]

    def test_a_webhook_of_the_provider_says_which_payment_it_is_about(
        self, provider: PaymentProvider, webhook: Callable[[UUID], Webhook]
    ) -> None:
        payment_id = uuid4()

        first, second = (provider.read_hint(*webhook(payment_id)) for _ in range(2))

        assert first is not None
        assert second is not None
        assert first.payment_id == second.payment_id == payment_id
        assert first.id != second.id

    def test_a_webhook_that_was_changed_on_its_way_is_not_the_providers(
        self, provider: PaymentProvider, webhook: Callable[[UUID], Webhook]
    ) -> None:
        headers, body = webhook(uuid4())

        assert provider.read_hint(headers, body + b" ") is None
        for name, value in headers.items():
            if name != "content-type":
                changed = headers | {name: value[:-1] + ("1" if value[-1] != "1" else "2")}
                assert provider.read_hint(changed, body) is None, name
                assert provider.read_hint({**headers, name: ""}, body) is None, name

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b"{}"])
    def test_whatever_else_arrives_is_no_webhook(
        self, provider: PaymentProvider, body: bytes
    ) -> None:
        assert provider.read_hint({}, body) is None
