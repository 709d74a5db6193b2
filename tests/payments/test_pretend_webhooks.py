"""The pretending provider's webhooks, at a real receiver: as the card has it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from box_office.providers import Authorised, Charge
from onsale.payments.pretend.adapter import PretendProvider
from onsale.payments.pretend.charges import Wanted, authorise
from onsale.payments.pretend.program import Provider
from onsale.payments.pretend.record import LATE_SECONDS, Record
from tests.given_time import eventually
from tests.payments.pretending import KEY, pretending
from tests.servers import serving

ARRIVAL_SECONDS_MAX = 10.0


@dataclass
class Receiver:
    """Whatever arrives, believed or not; it may be closed for a while."""

    provider: PretendProvider | None = None
    #: Type, id, and whether our adapter believes it.
    arrived: list[tuple[str, str, bool]] = field(default_factory=list)
    refuses: int = 0
    #: How long each takes to be received.
    seconds: float = 0.0
    url: str = ""

    async def receive(self, request: Request) -> Response:
        assert self.provider is not None
        if self.refuses:
            self.refuses -= 1
            return Response(status_code=503)
        body = await request.body()
        await asyncio.sleep(self.seconds)
        told: dict[str, Any] = json.loads(body)
        hint = self.provider.read_hint(request.headers, body)
        assert hint is None or hint.payment_id == UUID(told["payment_id"])
        self.arrived.append((told["type"], told["id"], hint is not None))
        return Response(status_code=204 if hint else 400)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(ARRIVAL_SECONDS_MAX):
            while len(self.arrived) < count:  # noqa: ASYNC110 - over a socket.
                await asyncio.sleep(0.02)

    def types(self) -> list[str]:
        return [kind for kind, _, _ in self.arrived]


@pytest.fixture
async def receiver(tmp_path: Path) -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = Starlette(routes=[Route("/hints", receiver.receive, methods=["POST"])])
    async with AsyncExitStack() as stack:
        receiver.url = f"{await stack.enter_async_context(serving(app))}/hints"
        program = pretending(tmp_path, notify=(receiver.url,))
        running = await asyncio.to_thread(stack.enter_context, program)
        connected = PretendProvider.connected(running.url, running.key)
        receiver.provider = await stack.enter_async_context(connected)
        yield receiver


async def buy(receiver: Receiver, token: str) -> None:
    assert receiver.provider is not None
    answer = await receiver.provider.authorise(Charge(uuid4(), 4_200, "GBP", token))
    assert isinstance(answer, Authorised)
    await receiver.provider.capture(answer.reference)


async def test_each_change_is_told_once_and_promptly(receiver: Receiver) -> None:
    await buy(receiver, "pretend_ok")
    await receiver.until(2)
    await asyncio.sleep(1)

    assert receiver.types() == ["charge.authorised", "charge.captured"]
    assert all(believed for _, _, believed in receiver.arrived)


async def test_some_are_told_twice_under_one_id(receiver: Receiver) -> None:
    await buy(receiver, "pretend_ok:webhooks=twice")
    await receiver.until(4)

    assert receiver.types() == ["charge.authorised"] * 2 + ["charge.captured"] * 2
    assert len({hint_id for _, hint_id, _ in receiver.arrived}) == 2


async def test_some_come_late(receiver: Receiver) -> None:
    began = monotonic()

    await buy(receiver, "pretend_ok:webhooks=late")
    await receiver.until(1)

    assert monotonic() - began > LATE_SECONDS - 0.1


async def test_some_come_in_another_order(receiver: Receiver) -> None:
    await buy(receiver, "pretend_ok:webhooks=shuffled")
    await receiver.until(2)

    assert receiver.types() == ["charge.captured", "charge.authorised"]


async def test_some_never_come(receiver: Receiver) -> None:
    await buy(receiver, "pretend_ok:webhooks=never")
    await buy(receiver, "pretend_ok")
    await receiver.until(2)
    await asyncio.sleep(1)

    assert len(receiver.arrived) == 2


async def test_some_are_preceded_by_a_forgery_that_tells_an_untruth(receiver: Receiver) -> None:
    await buy(receiver, "pretend_ok:webhooks=forged")
    await receiver.until(4)

    believed = [kind for kind, _, believed in receiver.arrived if believed]
    assert (receiver.arrived[0][0], receiver.arrived[0][2]) == ("charge.captured", False)
    assert believed == ["charge.authorised", "charge.captured"]


async def test_what_a_closed_receiver_missed_is_told_again(receiver: Receiver) -> None:
    receiver.refuses = 1
    await buy(receiver, "pretend_ok")
    await receiver.until(2)

    assert sorted(receiver.types()) == ["charge.authorised", "charge.captured"]


async def test_one_that_takes_long_holds_up_no_others(receiver: Receiver) -> None:
    receiver.seconds = 0.5
    began = monotonic()

    await asyncio.gather(*(buy(receiver, "pretend_ok") for _ in range(10)))
    await receiver.until(20)

    assert monotonic() - began < 20 * receiver.seconds / 2


async def test_nothing_that_goes_wrong_ends_the_sending(
    receiver: Receiver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    in_the_way, record = tmp_path / "removed", Record(tmp_path / "removed" / "record")
    in_the_way.touch()
    provider = Provider(record, KEY, (receiver.url,), 0, asyncio.Event())
    sending = asyncio.create_task(provider.deliver_forever())
    await eventually(lambda: "FileExistsError" in caplog.text)

    in_the_way.unlink()
    record.prepare()
    with record.open() as pages:
        authorise(pages, Wanted(str(uuid4()), "pretend_ok", 4_200, "GBP"))
    await receiver.until(1)

    assert receiver.types() == ["charge.authorised"]
    sending.cancel()
