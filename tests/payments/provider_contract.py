"""What every adapter to a payment provider must do. Its tests inherit from here."""

import asyncio
from uuid import UUID, uuid4

import pytest

from box_office.providers import Authorised, Charge, Declined, PaymentProvider


class ProviderContract:
    """Tests for any `PaymentProvider`; a subclass gives the fixture `provider` and its tokens."""

    good_token: str
    declined_token: str
    #: What the adapter raises when it is asked for what no provider does.
    misuse: type[Exception]

    def charge(self, payment_id: UUID | None = None, amount: int = 4_200) -> Charge:
        return Charge(payment_id or uuid4(), amount, "GBP", self.good_token)

    def declined_charge(self) -> Charge:
        return Charge(uuid4(), 4_200, "GBP", self.declined_token)

    async def authorised(self, provider: PaymentProvider) -> str:
        answer = await provider.authorise(self.charge())
        assert isinstance(answer, Authorised)
        return answer.reference

    async def test_a_good_token_is_authorised_under_a_reference(
        self, provider: PaymentProvider
    ) -> None:
        answer = await provider.authorise(self.charge())

        assert isinstance(answer, Authorised)
        assert answer.reference

    async def test_a_bad_card_is_declined_in_words_and_may_be_tried_again(
        self, provider: PaymentProvider
    ) -> None:
        answer = await provider.authorise(self.declined_charge())

        assert isinstance(answer, Declined)
        assert answer.retryable
        assert answer.code
        assert answer.message

    async def test_repeating_a_charge_gives_the_same_answer(
        self, provider: PaymentProvider
    ) -> None:
        for charge in (self.charge(), self.declined_charge()):
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

    async def test_money_set_aside_can_be_taken_and_given_back_each_step_twice(
        self, provider: PaymentProvider
    ) -> None:
        reference = await self.authorised(provider)

        for step in (provider.capture, provider.capture, provider.refund, provider.refund):
            await step(reference)

    async def test_money_set_aside_can_be_let_go_of_twice(self, provider: PaymentProvider) -> None:
        reference = await self.authorised(provider)

        await provider.void(reference)
        await provider.void(reference)

    async def test_what_was_let_go_of_cannot_be_taken(self, provider: PaymentProvider) -> None:
        reference = await self.authorised(provider)
        await provider.void(reference)

        with pytest.raises(self.misuse):
            await provider.capture(reference)

    async def test_what_was_taken_cannot_be_let_go_of(self, provider: PaymentProvider) -> None:
        reference = await self.authorised(provider)
        await provider.capture(reference)

        with pytest.raises(self.misuse):
            await provider.void(reference)

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
        for step in (provider.capture, provider.void, provider.refund):
            with pytest.raises(self.misuse):
                await step("no-such-reference")

    async def test_many_who_ask_for_one_payment_at_once_get_one_answer(
        self, provider: PaymentProvider
    ) -> None:
        charge = self.charge()

        answers = await asyncio.gather(*(provider.authorise(charge) for _ in range(8)))

        assert len(set(answers)) == 1
