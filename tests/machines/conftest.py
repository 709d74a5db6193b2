"""What the machine plays with."""

import asyncio
from collections.abc import Iterator

import pytest

from box_office import cancelling
from onsale.embedded import Services
from tests.conftest import broken_rules, own_database
from tests.machines.play import Play, open_play


@pytest.fixture
def play(services: Services, template: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Play]:
    """A ground of this test alone. Its books are audited in every step, and at the end."""
    # Whoever cancels does not wait for the provider: how long that takes is the machine's choice.
    monkeypatch.setattr(cancelling, "REFUND_ANSWER_SECONDS", 0)
    with asyncio.Runner() as runner:
        database = own_database(services, template)
        url = runner.run(database.__aenter__())
        try:
            with open_play(url) as play:
                yield play
            assert runner.run(broken_rules(url)) == {}
        finally:
            runner.run(database.__aexit__(None, None, None))
