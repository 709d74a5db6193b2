from pathlib import Path
from uuid import uuid4

import pytest

from box_office.providers import Authorised, Charge, Declined, ProviderUnreachable
from onsale.payments.pretend import PretendProvider, ProviderMisused
from tests.payments.provider_contract import ProviderContract


@pytest.fixture
def provider(tmp_path: Path) -> PretendProvider:
    return PretendProvider(tmp_path / "data" / "payments.sqlite3")


class TestPretendProvider(ProviderContract):
    good_token = "pretend_ok"
    declined_token = "pretend_declined"
    misuse = ProviderMisused

    async def test_a_token_nobody_knows_is_declined(self, provider: PretendProvider) -> None:
        answer = await provider.authorise(Charge(uuid4(), 100, "JPY", "tok_visa"))

        assert isinstance(answer, Declined)
        assert answer.code == "unknown_token"

    async def test_it_remembers_after_a_restart_and_for_two_servers(self, tmp_path: Path) -> None:
        file = tmp_path / "payments.sqlite3"
        charge = self.charge()
        answer = await PretendProvider(file).authorise(charge)
        assert isinstance(answer, Authorised)

        await PretendProvider(file).capture(answer.reference)

        assert await PretendProvider(file).authorise(charge) == answer
        with pytest.raises(ProviderMisused):
            await PretendProvider(file).void(answer.reference)

    async def test_a_record_that_cannot_be_opened_is_a_provider_that_does_not_answer(
        self, tmp_path: Path
    ) -> None:
        with pytest.raises(ProviderUnreachable):
            await PretendProvider(tmp_path).authorise(self.charge())
