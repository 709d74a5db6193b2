"""Two who want the same at the same moment, again and again."""

import asyncio
import random
from datetime import UTC, datetime
from uuid import UUID, uuid4

from box_office.box_office import BoxOffice
from box_office.cancelling import CancelOrderRequest, cancel_order
from box_office.database import Database
from box_office.hints import receive_hint
from box_office.news import NoNews
from box_office.providers import ChargeState, Declined, Hint, Standing
from box_office.purchases import PurchaseRequest, purchase_reservation
from box_office.refusals import Refusal, ReservationExpired
from box_office.reservations import ReservationRow
from box_office.settling import settle
from models import Order, OrderStatus
from tests.given_time import eventually
from tests.halls import Hall, NoBoards, PretendProvider, open_hall
from tests.races.checkers import objections
from tests.races.crowd import choose_seed

BUYERS = 24
AROUND_THE_END_SECONDS = 0.06
#: The money comes later by a step each time, until it is too late for the answer.
MOMENTS = 24
STEP_SECONDS = 0.0004


async def test_against_the_sweeper_a_purchase_gets_all_its_seats_or_none(
    database: Database, database_url: str
) -> None:
    """All pay at the moment their time runs out, while another server sweeps without a pause."""
    dice = random.Random(choose_seed())
    provider = PretendProvider()
    elsewhere = await Database.connect(database_url)
    sweeper = BoxOffice.open(elsewhere, NoBoards(), NoNews(), provider)

    async def sweep() -> None:
        while True:
            await sweeper.sweep()

    async with open_hall(
        database, numbered=2 * BUYERS, provider=provider, reservation_seconds=1
    ) as hall:

        async def pay_in_the_last_moment(number: int) -> Order | list[Refusal]:
            held = await hall.held(2 * number, 2 * number + 1)
            await asyncio.sleep(seconds_until_the_end(held) + dice.gauss(0, AROUND_THE_END_SECONDS))
            request = PurchaseRequest(
                held.buyer_id, held.id, "ada@example.org", "pretend_ok", str(uuid4())
            )
            return await purchase_reservation(hall.box_office, request)

        sweeping = asyncio.create_task(sweep())
        answers = await asyncio.gather(*map(pay_in_the_last_moment, range(BUYERS)))
        sweeping.cancel()
        await sweeper.close()
        await hall.box_office.sweep()

        orders = [answer for answer in answers if isinstance(answer, Order)]
        lapsed = [answer for answer in answers if isinstance(answer, list)]
        assert all(isinstance(refusal, ReservationExpired) for [refusal] in lapsed)
        assert await objections(database) == {}
        ledger = await hall.ledger()
        assert (ledger["sold"], ledger["held"]) == (2 * len(orders), 0)
    await elsewhere.close()


def seconds_until_the_end(held: ReservationRow) -> float:
    assert held.expires_at is not None
    return max(0, (held.expires_at - datetime.now(UTC)).total_seconds())


class HesitantProvider(PretendProvider):
    """The pretending provider, whose first capture is a long time on its way."""

    def __init__(self) -> None:
        super().__init__()
        self.on_its_way = asyncio.Event()
        self.may_arrive = asyncio.Event()

    async def capture(self, reference: str) -> Declined | None:
        if not self.on_its_way.is_set():
            self.on_its_way.set()
            await self.may_arrive.wait()
        return await super().capture(reference)


async def test_the_slower_of_two_equal_calls_is_answered_even_if_the_order_is_cancelled_meanwhile(
    database: Database,
) -> None:
    provider = HesitantProvider()
    async with open_hall(database, provider=provider) as hall:
        held = await hall.held(1)
        request = PurchaseRequest(held.buyer_id, held.id, "ada@example.org", "pretend_ok", "key")
        slower = asyncio.create_task(purchase_reservation(hall.box_office, request))
        await provider.on_its_way.wait()
        order = await purchase_reservation(hall.box_office, request)
        assert isinstance(order, Order)
        cancel = CancelOrderRequest(order.buyer_id, order.id, None, "another")
        assert isinstance(await cancel_order(hall.box_office, cancel), Order)
        provider.may_arrive.set()

        answer = await slower

        assert isinstance(answer, Order)
        assert answer.status is OrderStatus.REFUNDED
        assert await objections(database) == {}


async def test_whoever_asks_while_their_late_money_buys_gets_the_order_or_was_too_early(
    database: Database,
) -> None:
    """Their bank said yes too late and they ask again; who comes first moves by moments."""
    provider = PretendProvider()
    async with open_hall(database, numbered=MOMENTS, provider=provider) as hall:

        async def ask_again(number: int) -> Order | list[Refusal]:
            request, payment_id = given_up[number]
            provider.charges[payment_id] = Standing(ChargeState.CAPTURED, f"pretend-{payment_id}")
            asking = asyncio.create_task(purchase_reservation(hall.box_office, request))
            await asyncio.sleep(number * STEP_SECONDS)
            await receive_hint(hall.box_office, Hint(f"evt_{number}", payment_id))
            return await asking

        given_up = await left_at_the_bank(hall, MOMENTS)
        answers = [await ask_again(number) for number in range(MOMENTS)]

        refusals = [answer for answer in answers if isinstance(answer, list)]
        assert all(isinstance(refusal, ReservationExpired) for [refusal] in refusals), refusals
        assert len(refusals) < MOMENTS
        await eventually(lambda: nobody_looks_any_more(hall))
        assert (await hall.ledger())["sold"] == MOMENTS
        assert await objections(database) == {}


async def left_at_the_bank(hall: Hall, count: int) -> list[tuple[PurchaseRequest, UUID]]:
    """Calls whose buyers had to go to their bank, did not, and lost their seats; one seat each."""
    requests = []
    for seat in range(count):
        held = await hall.held(seat)
        request = PurchaseRequest(
            held.buyer_id, held.id, "ada@example.org", "pretend_action_required", str(uuid4())
        )
        await purchase_reservation(hall.box_office, request)
        requests.append(request)
        await hall.lapse(held.id)
    await hall.execute("UPDATE reservations SET hold_ends_at = expires_at")
    rows = await hall.fetch("SELECT reservation_id, id FROM payments")
    payments = {row["reservation_id"]: row["id"] for row in rows}
    for payment_id in payments.values():
        await settle(hall.box_office, payment_id)
    await hall.box_office.sweep()
    return [(request, payments[request.reservation_id]) for request in requests]


async def nobody_looks_any_more(hall: Hall) -> bool:
    return not await hall.fetch("SELECT 1 FROM payment_hints WHERE NOT handled")
