"""Payments that were left between two states, and what becomes of them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest

from box_office import cancelling, reconciling
from box_office.cancelling import CancelOrderRequest, cancel_order
from box_office.database import Database
from box_office.hints import receive_hint
from box_office.payments import give_back
from box_office.providers import (
    Authorisation,
    Charge,
    ChargeState,
    Declined,
    Hint,
    ProviderUnreachable,
    Standing,
)
from box_office.purchases import PurchaseRequest, purchase_reservation
from box_office.reconciling import Reconciler
from box_office.refusals import (
    OutcomeUnknown,
    PaymentActionRequired,
    PaymentDeclined,
    Refusal,
    ReservationExpired,
)
from box_office.releasing import cancel_reservation
from box_office.reservations import ReservationRow
from box_office.settling import settle
from models import Order, OrderStatus, SeatStatus
from tests.given_time import eventually
from tests.halls import Hall, PretendProvider, open_hall

REFUSED_CAPTURE = Declined("expired", "The bank has let go of the money.", retryable=True)


@dataclass
class Troubled(PretendProvider):
    """A provider who does nothing, or whose answer is lost: by the name of the call, once each."""

    loses: set[str] = field(default_factory=set)
    fails: set[str] = field(default_factory=set)
    refuses_capture: bool = False
    answers_refunds: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        super().__init__()
        self.answers_refunds.set()

    async def authorise(self, charge: Charge) -> Authorisation:
        self.fail("authorise")
        answer = await super().authorise(charge)
        self.lose("authorise")
        return answer

    async def capture(self, reference: str) -> Declined | None:
        self.fail("capture")
        if self.refuses_capture:
            return REFUSED_CAPTURE
        answer = await super().capture(reference)
        self.lose("capture")
        return answer

    async def void(self, payment_id: UUID) -> Standing:
        self.fail("void")
        standing = await super().void(payment_id)
        self.lose("void")
        return standing

    async def refund(self, reference: str) -> None:
        self.fail("refund")
        await self.answers_refunds.wait()
        await super().refund(reference)
        self.lose("refund")

    def fail(self, call: str) -> None:
        if call in self.fails:
            self.fails.remove(call)
            raise ProviderUnreachable

    def lose(self, call: str) -> None:
        if call in self.loses:
            self.loses.remove(call)
            raise ProviderUnreachable

    def stands(self, payment_id: UUID, state: ChargeState) -> None:
        """Something happened between the provider and the buyer, or their bank."""
        self.charges[payment_id] = Standing(state, f"pretend-{payment_id}")


@pytest.fixture
def provider() -> Troubled:
    return Troubled()


@pytest.fixture
async def hall(database: Database, provider: Troubled) -> AsyncIterator[Hall]:
    async with open_hall(database, provider=provider) as hall:
        yield hall


def payment_for(reservation: ReservationRow, token: str | None = "pretend_ok") -> PurchaseRequest:
    return PurchaseRequest(
        buyer_id=reservation.buyer_id,
        reservation_id=reservation.id,
        email="ada@example.org",
        payment_token=token,
        idempotency_key=str(uuid4()),
    )


async def refused(hall: Hall, request: PurchaseRequest) -> Refusal:
    answer = await purchase_reservation(hall.box_office, request)
    assert isinstance(answer, list), answer
    (refusal,) = answer
    return refusal


async def reconcile(hall: Hall, seconds_later: int = 40) -> Reconciler:
    """Let time pass for every payment, and then the reconciler do its work."""
    await hall.execute(
        "UPDATE payments SET updated_at = updated_at - make_interval(secs => $1),"
        " looked_at = looked_at - make_interval(secs => $1)",
        float(seconds_later),
    )
    reconciler = Reconciler(hall.box_office)
    await reconciler.take_up()
    await at_rest(hall)
    return reconciler


async def at_rest(hall: Hall) -> None:
    while tasks := hall.box_office._tasks:
        await asyncio.wait(tasks)


async def payment(hall: Hall) -> tuple[UUID, str]:
    (row,) = await hall.fetch("SELECT id, state FROM payments")
    return row["id"], row["state"]


async def order_status(hall: Hall) -> str | None:
    rows = await hall.fetch("SELECT status FROM orders")
    return rows[0]["status"] if rows else None


async def reservation_status(hall: Hall, reservation: ReservationRow) -> str:
    (row,) = await hall.fetch("SELECT status FROM reservations WHERE id = $1", reservation.id)
    status: str = row["status"]
    return status


@pytest.mark.parametrize("lost", ["authorise", "capture"])
async def test_an_answer_that_was_lost_costs_nobody_a_ticket(
    hall: Hall, provider: Troubled, lost: str
) -> None:
    provider.loses = {lost}
    request = payment_for(await hall.held(1, 2))
    assert isinstance(await refused(hall, request), OutcomeUnknown)

    await reconcile(hall)

    assert (await payment(hall))[1] == "CAPTURED"
    assert await order_status(hall) == "PAID"
    order = await purchase_reservation(hall.box_office, request)
    assert isinstance(order, Order)
    assert [call for call, _ in provider.asked].count("authorise") == 1


async def test_a_payment_that_never_arrived_gives_the_buyer_another_try(
    hall: Hall, provider: Troubled
) -> None:
    provider.fails = {"authorise"}
    reservation = await hall.held(1)
    request = payment_for(reservation)
    assert isinstance(await refused(hall, request), OutcomeUnknown)

    await reconcile(hall, seconds_later=15)
    assert (await payment(hall))[1] == "STARTED", "it may still be on its way"
    await reconcile(hall, seconds_later=15)

    payment_id, state = await payment(hall)
    assert state == "VOIDED"
    assert provider.charges[payment_id].state is ChargeState.VOIDED, "it may not arrive later"
    assert await reservation_status(hall, reservation) == "OPEN"
    refusal = await refused(hall, request)
    assert isinstance(refusal, PaymentDeclined)
    assert "new idempotencyKey" in refusal.message
    assert isinstance(await purchase_reservation(hall.box_office, payment_for(reservation)), Order)


async def test_the_provider_is_told_before_the_reservation_is_let_go(
    hall: Hall, provider: Troubled
) -> None:
    provider.fails = {"authorise", "void"}
    reservation = await hall.held(1)
    await refused(hall, payment_for(reservation))

    await reconcile(hall)
    assert (await payment(hall))[1] == "VOIDING"
    assert await reservation_status(hall, reservation) == "PAYING"
    await reconcile(hall)

    assert (await payment(hall))[1] == "VOIDED"
    assert await reservation_status(hall, reservation) == "OPEN"


async def test_a_capture_that_is_finally_refused_voids_the_tickets_and_frees_the_seats(
    hall: Hall, provider: Troubled
) -> None:
    provider.refuses_capture = True
    buyer = uuid4()
    request = payment_for(await hall.held(1, 2, buyer=buyer))

    refusal = await refused(hall, request)

    assert isinstance(refusal, PaymentDeclined)
    assert "let go of the money" in refusal.message
    assert "Reserve again" in refusal.message
    assert await refused(hall, request) == refusal
    assert (await payment(hall))[1] == "DECLINED"
    assert await order_status(hall) == "CANCELLED"
    tickets = await hall.fetch("SELECT status FROM tickets")
    assert [row["status"] for row in tickets] == ["VOID", "VOID"]
    assert (await hall.states())[1:3] == [SeatStatus.AVAILABLE] * 2
    assert await hall.allowance(buyer) == 0
    assert isinstance(await hall.reserve(1, 2, buyer=buyer), ReservationRow)


async def test_the_reconciler_learns_of_a_refused_capture_too(
    hall: Hall, provider: Troubled
) -> None:
    provider.fails, provider.refuses_capture = {"capture"}, True
    request = payment_for(await hall.held(1))
    assert isinstance(await refused(hall, request), OutcomeUnknown)

    await reconcile(hall)

    assert await order_status(hall) == "CANCELLED"
    assert isinstance(await refused(hall, request), PaymentDeclined)


@pytest.mark.parametrize("trouble", ["loses", "fails"])
async def test_a_refund_goes_on_until_the_money_is_back(
    hall: Hall, provider: Troubled, trouble: str
) -> None:
    order = await purchase_reservation(hall.box_office, payment_for(await hall.held(1)))
    assert isinstance(order, Order)
    setattr(provider, trouble, {"refund"})

    cancelled = await cancel_order(
        hall.box_office, CancelOrderRequest(order.buyer_id, order.id, None, "key")
    )
    assert isinstance(cancelled, Order)
    assert cancelled.status is OrderStatus.CANCELLED
    await reconcile(hall)

    assert await order_status(hall) == "REFUNDED"
    payment_id, _ = await payment(hall)
    assert provider.charges[payment_id].state is ChargeState.REFUNDED


async def test_what_costs_nothing_is_sold_though_its_buyer_went_away(database: Database) -> None:
    async with open_hall(database, price=0) as hall:
        reservation = await hall.held(1)
        await hall.execute(
            "UPDATE reservations SET status = 'PAYING', payment_attempts = 1,"
            " email = 'ada@example.org', expires_at = now() + interval '2 minutes'"
        )

        await reconcile(hall)

        assert await order_status(hall) == "PAID"
        assert await reservation_status(hall, reservation) == "PURCHASED"


async def test_a_payment_that_somebody_is_busy_with_is_left_alone(
    hall: Hall, provider: Troubled
) -> None:
    provider.loses = {"authorise"}
    await refused(hall, payment_for(await hall.held(1)))

    await reconcile(hall, seconds_later=5)

    assert (await payment(hall))[1] == "STARTED"
    assert "look up" not in [call for call, _ in provider.asked]


async def test_any_number_of_reconcilers_make_one_order(
    hall: Hall, provider: Troubled, database: Database
) -> None:
    requests = []
    for seat in range(8):
        provider.loses = {"authorise"}
        requests.append(payment_for(await hall.held(seat)))
        await refused(hall, requests[-1])
    await hall.execute("UPDATE payments SET updated_at = now() - interval '20 s'")

    async with open_hall(database, provider=provider) as other:
        await asyncio.gather(
            *(Reconciler(office).take_up() for office in (hall.box_office, other.box_office) * 3),
            *(purchase_reservation(hall.box_office, request) for request in requests),
        )
        await at_rest(hall)
        await at_rest(other)

    orders = await hall.fetch("SELECT status, count(*) FROM orders GROUP BY status")
    assert [tuple(row) for row in orders] == [("PAID", 8)]


async def waiting_for_the_bank(hall: Hall, *seats: int) -> tuple[ReservationRow, PurchaseRequest]:
    """A payment whose buyer was sent to the bank's page."""
    reservation = await hall.held(*seats)
    request = payment_for(reservation, "pretend_action_required")
    assert isinstance(await refused(hall, request), PaymentActionRequired)
    return reservation, request


@pytest.mark.parametrize("by_hint", [True, False])
async def test_what_the_buyer_approved_is_sold_though_they_never_come_back(
    hall: Hall, provider: Troubled, by_hint: bool
) -> None:
    await waiting_for_the_bank(hall, 1)
    payment_id, _ = await payment(hall)
    provider.stands(payment_id, ChargeState.AUTHORISED)

    if by_hint:
        await receive_hint(hall.box_office, Hint("evt_1", payment_id))
        await at_rest(hall)
    else:
        await reconcile(hall)

    assert await order_status(hall) == "PAID"
    hints = await hall.fetch("SELECT 1 FROM payment_hints WHERE NOT handled")
    assert hints == []


async def test_what_the_buyer_refused_is_open_again(hall: Hall, provider: Troubled) -> None:
    reservation, request = await waiting_for_the_bank(hall, 1)
    payment_id, _ = await payment(hall)
    no = Declined("refused", "You said no.", retryable=True)
    provider.charges[payment_id] = Standing(ChargeState.DECLINED, "r", no)

    await receive_hint(hall.box_office, Hint("evt_1", payment_id))
    await at_rest(hall)

    assert await reservation_status(hall, reservation) == "OPEN"
    assert isinstance(await refused(hall, request), PaymentDeclined)


async def test_whoever_never_answers_the_bank_loses_the_seats_in_the_end(
    hall: Hall, provider: Troubled
) -> None:
    reservation, request = await waiting_for_the_bank(hall, 1)
    await reconcile(hall)
    assert await reservation_status(hall, reservation) == "PAYING", "there is still time"
    await hall.lapse(reservation.id)
    await hall.execute("UPDATE reservations SET hold_ends_at = expires_at")

    await reconcile(hall)
    await hall.box_office.sweep()

    payment_id, state = await payment(hall)
    assert state == "VOIDED"
    assert provider.charges[payment_id].state is ChargeState.VOIDED
    assert await reservation_status(hall, reservation) == "EXPIRED"
    assert (await hall.states())[1] == SeatStatus.AVAILABLE
    assert isinstance(await refused(hall, request), ReservationExpired)


async def given_up(hall: Hall, *seats: int) -> tuple[ReservationRow, UUID]:
    """A reservation that ended while its buyer looked at the bank's page."""
    reservation, _ = await waiting_for_the_bank(hall, *seats)
    await hall.lapse(reservation.id)
    await hall.execute("UPDATE reservations SET hold_ends_at = expires_at")
    await reconcile(hall)
    await hall.box_office.sweep()
    payment_id, state = await payment(hall)
    assert (state, await reservation_status(hall, reservation)) == ("VOIDED", "EXPIRED")
    return reservation, payment_id


@pytest.mark.parametrize("by_hint", [True, False])
@pytest.mark.parametrize("state", [ChargeState.CAPTURED, ChargeState.AUTHORISED])
async def test_late_money_gets_its_seats_if_they_are_still_to_be_had(
    hall: Hall, provider: Troubled, state: ChargeState, by_hint: bool
) -> None:
    reservation, payment_id = await given_up(hall, 1, 2)
    provider.stands(payment_id, state)

    if by_hint:
        await receive_hint(hall.box_office, Hint("evt_1", payment_id))
        await at_rest(hall)
    else:
        await reconcile(hall, seconds_later=60)

    assert await order_status(hall) == "PAID"
    assert (await hall.states())[1:3] == [SeatStatus.SOLD] * 2
    assert await hall.allowance(reservation.buyer_id) == 2
    assert (await payment(hall))[1] == "CAPTURED"
    assert provider.charges[payment_id].state is ChargeState.CAPTURED


async def test_late_money_whose_seats_are_gone_goes_back(hall: Hall, provider: Troubled) -> None:
    _, payment_id = await given_up(hall, 1, 2)
    await hall.held(2)
    provider.stands(payment_id, ChargeState.CAPTURED)

    await receive_hint(hall.box_office, Hint("evt_1", payment_id))
    await at_rest(hall)

    assert await order_status(hall) is None
    assert (await hall.states())[1:3] == [SeatStatus.AVAILABLE, SeatStatus.HELD]
    assert (await payment(hall))[1] == "REFUNDED"
    assert provider.charges[payment_id].state is ChargeState.REFUNDED


async def test_whoever_paid_too_late_is_told_that_the_money_goes_back(
    hall: Hall, provider: Troubled
) -> None:
    reservation, request = await waiting_for_the_bank(hall, 1)
    payment_id, _ = await payment(hall)
    await hall.lapse(reservation.id)
    await hall.held(1)
    provider.stands(payment_id, ChargeState.CAPTURED)
    await reconcile(hall)

    refusal = await refused(hall, request)

    assert (await payment(hall))[1] == "REFUNDED"
    assert isinstance(refusal, ReservationExpired)
    assert "what was paid too late goes back" in refusal.message


async def test_whoever_resumes_a_sale_and_whoever_gives_the_money_back_do_not_both_succeed(
    hall: Hall, provider: Troubled
) -> None:
    _, payment_id = await given_up(hall, 1)
    provider.stands(payment_id, ChargeState.CAPTURED)
    async with hall.box_office.database.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT 1 FROM event_seats WHERE seat_index = 1 FOR UPDATE")
        resuming = asyncio.create_task(settle(hall.box_office, payment_id, look_again=True))
        await eventually(lambda: somebody_waits_for_a_lock(hall))

        giving = asyncio.create_task(give_back(hall.box_office.database, payment_id, "pretend-1"))
        await asyncio.wait({giving}, timeout=0.5)
        is_decided = giving.done()
    await asyncio.gather(resuming, giving)

    assert not is_decided, "it was said that the money goes back, and the sale went on"
    assert (await payment(hall))[1] == "CAPTURED"
    assert await order_status(hall) == "PAID"


async def somebody_waits_for_a_lock(hall: Hall) -> bool:
    return bool(
        await hall.fetch(
            "SELECT 1 FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
    )


async def test_late_money_is_looked_for_until_the_day_is_over(
    hall: Hall, provider: Troubled
) -> None:
    _, payment_id = await given_up(hall, 1)
    provider.stands(payment_id, ChargeState.CAPTURED)
    await hall.execute(
        "UPDATE payments"
        " SET updated_at = now() - interval '23 h', looked_at = now() - interval '2 h'"
    )

    await reconcile(hall, seconds_later=0)

    assert (await payment(hall))[1] == "CAPTURED"


async def test_late_money_that_is_only_set_aside_is_let_go_of(
    hall: Hall, provider: Troubled
) -> None:
    _, payment_id = await given_up(hall, 1)
    await hall.held(1)
    provider.stands(payment_id, ChargeState.AUTHORISED)

    await receive_hint(hall.box_office, Hint("evt_1", payment_id))
    await at_rest(hall)

    assert (await payment(hall))[1] == "VOIDED"
    assert provider.charges[payment_id].state is ChargeState.VOIDED


@pytest.mark.parametrize(
    "since",
    [
        "UPDATE events SET state = 'CANCELLED'",
        "UPDATE events SET starts_at = now() - interval '5 h', ends_at = now() - interval '1 h'",
        "UPDATE allowances SET seats = seats_max",
        "UPDATE price_levels SET price_minor = price_minor + 1",
        "UPDATE reservations SET status = 'CANCELLED'",
        "UPDATE reservations SET payment_attempts = payment_attempts + 1",
    ],
)
@pytest.mark.untrue_books(reason="What would have led there is done by hand.")
async def test_late_money_goes_back_when_the_sale_is_no_longer_what_it_was(
    hall: Hall, provider: Troubled, since: str
) -> None:
    _, payment_id = await given_up(hall, 1)
    await hall.execute(since)
    provider.stands(payment_id, ChargeState.CAPTURED)

    await receive_hint(hall.box_office, Hint("evt_1", payment_id))
    await at_rest(hall)

    assert await order_status(hall) is None
    assert (await payment(hall))[1] == "REFUNDED"


async def test_late_money_of_somebody_who_reserved_other_seats_since_goes_back(
    hall: Hall, provider: Troubled
) -> None:
    reservation, payment_id = await given_up(hall, 1)
    await hall.held(5, buyer=reservation.buyer_id)
    provider.stands(payment_id, ChargeState.CAPTURED)

    await receive_hint(hall.box_office, Hint("evt_1", payment_id))
    await at_rest(hall)

    assert (await payment(hall))[1] == "REFUNDED"
    assert (await hall.states())[5] == SeatStatus.HELD


async def test_late_money_goes_back_even_if_another_payment_has_paid_since(
    hall: Hall, provider: Troubled
) -> None:
    provider.fails = {"authorise"}
    reservation = await hall.held(1)
    await refused(hall, payment_for(reservation))
    await reconcile(hall)
    late, _ = await payment(hall)
    order = await purchase_reservation(hall.box_office, payment_for(reservation))
    assert isinstance(order, Order)
    provider.stands(late, ChargeState.CAPTURED)

    await receive_hint(hall.box_office, Hint("evt_1", late))
    await at_rest(hall)

    states = await hall.fetch("SELECT state FROM payments ORDER BY attempt")
    assert [row["state"] for row in states] == ["REFUNDED", "CAPTURED"]
    assert await order_status(hall) == "PAID"


async def paid_beside_late_money(hall: Hall, provider: Troubled) -> tuple[Order, UUID]:
    """An order, and money for an earlier try that is on its way back, unanswered so far."""
    provider.fails = {"authorise"}
    reservation = await hall.held(1)
    await refused(hall, payment_for(reservation))
    await reconcile(hall)
    late, _ = await payment(hall)
    order = await purchase_reservation(hall.box_office, payment_for(reservation))
    assert isinstance(order, Order)
    provider.stands(late, ChargeState.CAPTURED)
    provider.fails = {"void"}
    await receive_hint(hall.box_office, Hint("evt_1", late))
    await at_rest(hall)
    return order, late


async def payment_states(hall: Hall) -> list[str]:
    rows = await hall.fetch("SELECT state FROM payments ORDER BY attempt")
    return [row["state"] for row in rows]


async def test_an_order_can_be_cancelled_while_late_money_of_an_earlier_try_goes_back(
    hall: Hall, provider: Troubled
) -> None:
    order, _ = await paid_beside_late_money(hall, provider)
    assert await payment_states(hall) == ["REFUNDING", "CAPTURED"]

    request = CancelOrderRequest(order.buyer_id, order.id, None, str(uuid4()))
    cancelled = await cancel_order(hall.box_office, request)

    assert isinstance(cancelled, Order)
    assert cancelled.status is OrderStatus.REFUNDED
    assert await payment_states(hall) == ["REFUNDING", "REFUNDED"]


async def test_a_silent_provider_delays_nobody_who_cancels(
    hall: Hall, provider: Troubled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancelling, "REFUND_ANSWER_SECONDS", 0.1)
    order = await purchase_reservation(hall.box_office, payment_for(await hall.held(1)))
    assert isinstance(order, Order)
    provider.answers_refunds.clear()

    request = CancelOrderRequest(order.buyer_id, order.id, None, str(uuid4()))
    async with asyncio.timeout(2):
        cancelled = await cancel_order(hall.box_office, request)

    assert isinstance(cancelled, Order)
    assert cancelled.status is OrderStatus.CANCELLED
    provider.answers_refunds.set()
    await at_rest(hall)
    assert await order_status(hall) == "REFUNDED"


async def test_late_money_that_is_back_says_nothing_of_the_orders_own(
    hall: Hall, provider: Troubled
) -> None:
    order, _ = await paid_beside_late_money(hall, provider)
    provider.fails = {"refund"}
    request = CancelOrderRequest(order.buyer_id, order.id, None, str(uuid4()))
    await cancel_order(hall.box_office, request)

    await hall.execute("UPDATE payments SET looked_at = now() WHERE attempt = 2")
    await reconcile(hall, seconds_later=0)
    await hall.execute(
        "UPDATE payments SET updated_at = now() - interval '1 minute', looked_at = NULL"
        " WHERE attempt = 1"
    )
    await Reconciler(hall.box_office).take_up()
    await at_rest(hall)

    assert await payment_states(hall) == ["REFUNDED", "REFUNDING"]
    assert await order_status(hall) == "CANCELLED"
    await reconcile(hall)
    assert await order_status(hall) == "REFUNDED"


@pytest.mark.parametrize("state", [ChargeState.VOIDED, ChargeState.REFUNDED])
async def test_tickets_whose_money_is_no_longer_to_be_had_are_void(
    hall: Hall, provider: Troubled, state: ChargeState
) -> None:
    provider.fails = {"capture"}
    await refused(hall, payment_for(await hall.held(1)))
    payment_id, stands = await payment(hall)
    assert stands == "AUTHORISED"
    provider.stands(payment_id, state)

    await reconcile(hall)

    assert await order_status(hall) == "CANCELLED"
    assert (await payment(hall))[1] == "DECLINED"
    assert (await hall.states())[1] == SeatStatus.AVAILABLE


async def test_what_is_stuck_is_taken_up_before_what_only_has_a_hint(
    hall: Hall, provider: Troubled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciling, "AT_WORK_MAX", 1)
    _, payment_id = await given_up(hall, 1)
    await receive_hint(hall.box_office, Hint("evt_1", payment_id))
    await at_rest(hall)
    await hall.execute("UPDATE payment_hints SET handled = false")
    provider.fails = {"capture"}
    await refused(hall, payment_for(await hall.held(3)))
    await hall.execute("UPDATE payment_hints SET received_at = now() - interval '1 minute'")

    await reconcile(hall)

    assert await order_status(hall) == "PAID"


async def test_many_who_wait_at_the_bank_do_not_hide_a_payment_that_is_stuck(
    hall: Hall, provider: Troubled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciling, "AT_WORK_MAX", 1)
    for seat in (1, 3, 5):
        request = payment_for(await hall.held(seat), "pretend_action_required")
        assert isinstance(await refused(hall, request), PaymentActionRequired)
    provider.loses = {"authorise"}
    await refused(hall, payment_for(await hall.held(7)))

    await reconcile(hall)

    assert await order_status(hall) == "PAID"


async def test_each_who_is_stuck_gets_a_turn(
    hall: Hall, provider: Troubled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciling, "AT_WORK_MAX", 1)
    for seat in (1, 3):
        provider.loses = {"authorise"}
        await refused(hall, payment_for(await hall.held(seat)))
    first, _ = await hall.fetch("SELECT id FROM payments ORDER BY created_at")
    provider.charges[first["id"]] = Standing(ChargeState.NONE, None)
    await reconcile(hall, seconds_later=20)

    await reconcile(hall, seconds_later=11)

    states = await hall.fetch("SELECT state FROM payments ORDER BY created_at")
    assert [row["state"] for row in states] == ["STARTED", "CAPTURED"]


async def test_what_a_hint_speaks_of_is_taken_up_before_what_was_only_given_up(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciling, "AT_WORK_MAX", 1)
    await given_up(hall, 1)
    await refused(hall, payment_for(await hall.held(3), "pretend_declined"))
    (declined,) = await hall.fetch("SELECT id FROM payments WHERE state = 'DECLINED'")
    await receive_hint(hall.box_office, Hint("evt_1", declined["id"]))
    await at_rest(hall)
    await hall.execute(
        "UPDATE payment_hints SET handled = false, received_at = now() - interval '1 minute'"
    )

    reconciler = await reconcile(hall)

    assert not await hall.fetch("SELECT 1 FROM payment_hints WHERE NOT handled")
    assert reconciler.has_more, "there was room for one, and one was taken up"
    assert not (await reconcile(hall)).has_more, "what was given up can wait"


@pytest.mark.parametrize("gone", [True, False])
async def test_money_that_comes_while_we_give_up_buys_the_seats_or_goes_back(
    hall: Hall, provider: Troubled, gone: bool
) -> None:
    reservation, _ = await waiting_for_the_bank(hall, 1)
    await hall.lapse(reservation.id)
    if gone:
        await hall.held(1)
    payment_id, _ = await payment(hall)
    await hall.execute("UPDATE payments SET state = 'VOIDING'")
    provider.stands(payment_id, ChargeState.CAPTURED)

    await reconcile(hall)

    assert (await payment(hall))[1] == ("REFUNDED" if gone else "CAPTURED")
    assert await order_status(hall) == (None if gone else "PAID")


async def test_a_hint_is_kept_once_and_one_of_a_stranger_is_put_aside(hall: Hall) -> None:
    await waiting_for_the_bank(hall, 1)
    payment_id, _ = await payment(hall)
    for _ in range(3):
        await receive_hint(hall.box_office, Hint("evt_1", payment_id))
    await receive_hint(hall.box_office, Hint("evt_2", uuid4()))
    await at_rest(hall)
    await hall.execute("UPDATE payment_hints SET received_at = now() - interval '1 minute'")

    await reconcile(hall)

    hints = await hall.fetch("SELECT hint_id, handled FROM payment_hints ORDER BY hint_id")
    assert [tuple(row) for row in hints] == [("evt_1", True), ("evt_2", True)]


async def test_a_hint_that_could_not_be_followed_is_followed_later(
    hall: Hall, provider: Troubled
) -> None:
    await waiting_for_the_bank(hall, 1)
    payment_id, _ = await payment(hall)
    provider.stands(payment_id, ChargeState.AUTHORISED)
    provider.fails = {"capture"}
    await receive_hint(hall.box_office, Hint("evt_1", payment_id))
    await at_rest(hall)
    assert await hall.fetch("SELECT 1 FROM payment_hints WHERE NOT handled")
    await hall.execute("UPDATE payment_hints SET received_at = now() - interval '1 minute'")

    await reconcile(hall)

    assert await order_status(hall) == "PAID"
    assert not await hall.fetch("SELECT 1 FROM payment_hints WHERE NOT handled")


async def test_while_it_is_being_paid_a_buyer_cannot_give_back_what_is_sold(
    hall: Hall, provider: Troubled
) -> None:
    provider.loses = {"authorise"}
    reservation = await hall.held(1)
    await refused(hall, payment_for(reservation))

    await cancel_reservation(hall.box_office, reservation.buyer_id, reservation.id, None)
    await reconcile(hall)

    assert await order_status(hall) == "PAID"
