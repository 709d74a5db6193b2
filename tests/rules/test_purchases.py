import asyncio
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from box_office import box_office as box_office_module
from box_office.cancelling import CancelOrderRequest, cancel_order
from box_office.database import Database
from box_office.orders import tickets_by_order_ids
from box_office.providers import (
    Authorisation,
    Charge,
    Declined,
    ProviderUnreachable,
    Standing,
)
from box_office.purchases import PurchaseRequest, purchase_reservation
from box_office.refusals import (
    IdempotencyKeyReused,
    InvalidInput,
    NotOnSale,
    OrderNotCancellable,
    OrderNotFound,
    OutcomeUnknown,
    PaymentDeclined,
    Refusal,
    ReservationExpired,
    ReservationNotFound,
    ReservationNotOpen,
)
from box_office.releasing import cancel_reservation
from box_office.reservations import ReservationRow
from models import Order, OrderStatus, ReservationStatus, SeatStatus, TicketStatus
from tests.halls import PRICE_MINOR, VIP_PRICE_MINOR, Hall, PretendProvider, open_hall


def payment_for(
    reservation: ReservationRow, token: str | None = "pretend_ok", key: str | None = None
) -> PurchaseRequest:
    return PurchaseRequest(
        buyer_id=reservation.buyer_id,
        reservation_id=reservation.id,
        email="ada@example.org",
        payment_token=token,
        idempotency_key=key or str(uuid4()),
    )


async def bought(hall: Hall, *seats: int, buyer: UUID | None = None) -> Order:
    reservation = await hall.held(*seats, buyer=buyer)
    order = await purchase_reservation(hall.box_office, payment_for(reservation))
    assert isinstance(order, Order), order
    return order


def the_refusal(answer: object) -> Refusal:
    assert isinstance(answer, list)
    (refusal,) = answer
    assert isinstance(refusal, Refusal)
    return refusal


async def test_a_purchase_makes_one_paid_order_and_a_ticket_for_each_seat(hall: Hall) -> None:
    buyer = uuid4()

    order = await bought(hall, 0, 5, 6, buyer=buyer)

    assert order.status is OrderStatus.PAID
    assert order.total_minor == VIP_PRICE_MINOR + 2 * PRICE_MINOR
    assert order.currency_code == "GBP"
    tickets = (await tickets_by_order_ids(hall.box_office.database, [order.id]))[order.id]
    assert [ticket.seat_index for ticket in tickets] == [0, 5, 6]
    assert [ticket.price_minor for ticket in tickets] == [
        VIP_PRICE_MINOR,
        PRICE_MINOR,
        PRICE_MINOR,
    ]
    assert {ticket.status for ticket in tickets} == {TicketStatus.VALID}
    assert len({ticket.code for ticket in tickets}) == 3
    seats = await hall.seats()
    assert [seats[i]["state"] for i in (0, 5, 6)] == [SeatStatus.SOLD] * 3
    ledger = await hall.ledger()
    assert (ledger["available"], ledger["held"], ledger["sold"]) == (17, 0, 3)
    assert await hall.allowance(buyer) == 3


async def test_money_is_authorised_then_captured_and_once_only(database: Database) -> None:
    provider = PretendProvider()
    async with open_hall(database, provider=provider) as hall:
        await bought(hall, 1)

    assert [step for step, _ in provider.asked] == ["authorise", "capture"]
    (payment,) = await hall.fetch("SELECT * FROM payments")
    assert payment["state"] == "CAPTURED"
    assert payment["amount_minor"] == PRICE_MINOR


async def test_a_declined_card_leaves_the_seats_held_and_another_one_may_try(hall: Hall) -> None:
    reservation = await hall.held(1)

    refusal = the_refusal(
        await purchase_reservation(hall.box_office, payment_for(reservation, "pretend_declined"))
    )
    assert isinstance(refusal, PaymentDeclined)
    assert refusal.retryable
    assert (await hall.states())[1] == SeatStatus.HELD
    (row,) = await hall.fetch("SELECT status, expires_at FROM reservations")
    assert row["status"] == "OPEN"
    assert row["expires_at"] == reservation.expires_at
    assert (await hall.seats())[1]["held_until"] == row["expires_at"]

    assert isinstance(await purchase_reservation(hall.box_office, payment_for(reservation)), Order)
    payments = await hall.fetch("SELECT attempt, state FROM payments ORDER BY attempt")
    assert [tuple(row) for row in payments] == [(1, "DECLINED"), (2, "CAPTURED")]


async def test_declines_prolong_a_reservation_but_never_past_its_hard_end(hall: Hall) -> None:
    reservation = await hall.held(1)
    await hall.execute(
        "UPDATE reservations SET expires_at = now() + interval '10 seconds',"
        " hold_ends_at = now() + interval '40 seconds'"
    )

    await purchase_reservation(hall.box_office, payment_for(reservation, "pretend_declined"))

    (row,) = await hall.fetch("SELECT expires_at = hold_ends_at AS capped FROM reservations")
    assert row["capped"]


async def test_the_same_key_answers_the_same_order(database: Database) -> None:
    provider = PretendProvider()
    async with open_hall(database, provider=provider) as hall:
        request = payment_for(await hall.held(1, 2))

        first = await purchase_reservation(hall.box_office, request)
        again = await purchase_reservation(hall.box_office, request)

    assert isinstance(first, Order)
    assert isinstance(again, Order)
    assert first.id == again.id
    assert len(provider.asked) == 2


async def test_one_key_in_two_calls_at_once_buys_once(database: Database) -> None:
    async with open_hall(database) as hall:
        request = payment_for(await hall.held(1, 2))

        orders = await asyncio.gather(
            *(purchase_reservation(hall.box_office, request) for _ in range(5))
        )

        assert len({order.id for order in orders if isinstance(order, Order)}) == 1
        assert all(isinstance(order, Order) for order in orders), orders
        assert len(await hall.fetch("SELECT 1 FROM payments")) == 1
        assert (await hall.ledger())["sold"] == 2


async def test_a_decline_is_replayed_for_its_key(hall: Hall) -> None:
    request = payment_for(await hall.held(1), "pretend_declined")

    first = the_refusal(await purchase_reservation(hall.box_office, request))
    again = the_refusal(await purchase_reservation(hall.box_office, request))

    assert isinstance(first, PaymentDeclined)
    assert again == first
    assert len(await hall.fetch("SELECT 1 FROM payments")) == 1


async def test_a_key_belongs_to_one_request(hall: Hall) -> None:
    request = payment_for(await hall.held(1))
    await purchase_reservation(hall.box_office, request)

    other_question = replace(request, email="grace@example.org")
    other_reservation = replace(
        request, reservation_id=(await hall.held(2, buyer=request.buyer_id)).id
    )

    for changed in (other_question, other_reservation):
        refusal = the_refusal(await purchase_reservation(hall.box_office, changed))
        assert isinstance(refusal, IdempotencyKeyReused)


async def test_a_lapsed_reservation_cannot_be_paid(hall: Hall) -> None:
    reservation = await hall.held(1)
    await hall.lapse(reservation.id)

    refusal = the_refusal(await purchase_reservation(hall.box_office, payment_for(reservation)))

    assert isinstance(refusal, ReservationExpired)
    assert not await hall.fetch("SELECT 1 FROM payments")


@pytest.mark.untrue_books(reason="A seat's hold ends before its reservation does.")
async def test_a_reservation_whose_seat_was_taken_over_cannot_be_paid(hall: Hall) -> None:
    reservation = await hall.held(1, 2)
    await hall.execute("UPDATE event_seats SET held_until = now() WHERE seat_index = 2")
    await hall.held(2)

    refusal = the_refusal(await purchase_reservation(hall.box_office, payment_for(reservation)))

    assert isinstance(refusal, ReservationExpired)
    assert (await hall.ledger())["sold"] == 0


async def test_the_sweeper_never_takes_a_seat_that_is_being_paid(database: Database) -> None:
    class SlowProvider(PretendProvider):
        async def authorise(self, charge: Charge) -> Authorisation:
            await hall.execute("UPDATE reservations SET expires_at = now() - interval '1 hour'")
            await hall.execute(
                "UPDATE event_seats SET held_until = now() - interval '1 hour' WHERE state = 1"
            )
            assert await hall.box_office.sweep() == 0
            return await super().authorise(charge)

    async with open_hall(database, provider=SlowProvider()) as hall:
        order = await bought(hall, 1, 2)

    assert order.status is OrderStatus.PAID


class LateProvider(PretendProvider):
    """Takes so long that somebody else gets seat 1; and may be silent when asked to let go."""

    def __init__(self, silent_voids: int = 0) -> None:
        super().__init__()
        self.hall: Hall | None = None
        self.silent_voids = silent_voids

    async def authorise(self, charge: Charge) -> Authorisation:
        assert self.hall is not None
        await self.hall.execute(
            "UPDATE event_seats SET held_until = now() - interval '1 s'"
            " WHERE seat_index = 1 AND state = 1"
        )
        await self.hall.reserve(1)
        return await super().authorise(charge)

    async def void(self, payment_id: UUID) -> Standing:
        standing = await super().void(payment_id)
        if self.silent_voids:
            self.silent_voids -= 1
            raise ProviderUnreachable
        return standing


async def test_whoever_lost_a_seat_while_paying_is_not_charged_and_may_start_over(
    database: Database,
) -> None:
    provider = LateProvider()
    async with open_hall(database, provider=provider) as hall:
        provider.hall = hall
        buyer = uuid4()
        request = payment_for(await hall.held(1, 2, buyer=buyer))

        refusal = the_refusal(await purchase_reservation(hall.box_office, request))
        again = the_refusal(await purchase_reservation(hall.box_office, request))

        assert isinstance(refusal, ReservationExpired)
        assert again == refusal
        assert [step for step, _ in provider.asked] == ["authorise", "void"]
        assert not await hall.fetch("SELECT 1 FROM tickets")
        (row,) = await hall.fetch("SELECT status FROM reservations WHERE buyer_id = $1", buyer)
        assert row["status"] == "EXPIRED"
        assert (await hall.states())[1:3] == [SeatStatus.HELD, SeatStatus.AVAILABLE]
        assert await hall.allowance(buyer) == 0
        assert isinstance(await hall.reserve(2, buyer=buyer), ReservationRow)


async def test_money_is_let_go_before_the_reservation_ends(database: Database) -> None:
    provider = LateProvider(silent_voids=1)
    async with open_hall(database, provider=provider) as hall:
        provider.hall = hall
        request = payment_for(await hall.held(1, 2))

        unknown = the_refusal(await purchase_reservation(hall.box_office, request))
        refusal = the_refusal(await purchase_reservation(hall.box_office, request))

        assert isinstance(unknown, OutcomeUnknown)
        assert isinstance(refusal, ReservationExpired)
        assert [step for step, _ in provider.asked].count("void") == 2
        (payment,) = await hall.fetch("SELECT state FROM payments")
        assert payment["state"] == "VOIDED"


async def test_a_fault_of_ours_after_the_money_moved_asks_to_keep_the_key(
    database: Database,
) -> None:
    class Faulty(PretendProvider):
        faults = 1

        async def capture(self, reference: str) -> Declined | None:
            answer = await super().capture(reference)
            if self.faults:
                self.faults -= 1
                raise RuntimeError("a fault of ours")
            return answer

    async with open_hall(database, provider=Faulty()) as hall:
        request = payment_for(await hall.held(1))

        unknown = the_refusal(await purchase_reservation(hall.box_office, request))
        order = await purchase_reservation(hall.box_office, request)

    assert isinstance(unknown, OutcomeUnknown)
    assert "same idempotencyKey" in unknown.message
    assert isinstance(order, Order)
    assert order.status is OrderStatus.PAID


async def test_a_decline_after_the_hard_end_says_that_the_seats_are_gone(hall: Hall) -> None:
    reservation = await hall.held(1)
    await hall.execute(
        "UPDATE reservations SET expires_at = now() + interval '0.5 s',"
        " hold_ends_at = now() + interval '0.5 s'"
    )

    class Slow(PretendProvider):
        async def authorise(self, charge: Charge) -> Authorisation:
            await asyncio.sleep(0.6)
            return await super().authorise(charge)

    slow = replace(hall.box_office, provider=Slow())
    refusal = the_refusal(
        await purchase_reservation(slow, payment_for(reservation, "pretend_declined"))
    )

    assert isinstance(refusal, PaymentDeclined)
    assert "no longer held" in refusal.message


async def test_a_decline_that_comes_too_late_ends_the_reservation_that_lost_a_seat(
    database: Database,
) -> None:
    provider = LateProvider()
    async with open_hall(database, provider=provider) as hall:
        provider.hall = hall
        buyer = uuid4()
        reservation = await hall.held(1, 2, buyer=buyer)

        refusal = the_refusal(
            await purchase_reservation(
                hall.box_office, payment_for(reservation, "pretend_declined")
            )
        )

        assert isinstance(refusal, PaymentDeclined)
        assert "Reserve again" in refusal.message
        (row,) = await hall.fetch("SELECT status FROM reservations WHERE buyer_id = $1", buyer)
        assert row["status"] == "EXPIRED"
        assert (await hall.states())[1:3] == [SeatStatus.HELD, SeatStatus.AVAILABLE]
        assert await hall.allowance(buyer) == 0


async def test_a_silent_provider_is_asked_again_by_the_same_key(database: Database) -> None:
    class SilentOnce(PretendProvider):
        silent = True

        async def authorise(self, charge: Charge) -> Authorisation:
            answer = await super().authorise(charge)
            if self.silent:
                self.silent = False
                raise ProviderUnreachable
            return answer

    async with open_hall(database, provider=SilentOnce()) as hall:
        request = payment_for(await hall.held(1))

        unknown = the_refusal(await purchase_reservation(hall.box_office, request))
        order = await purchase_reservation(hall.box_office, request)

    assert isinstance(unknown, OutcomeUnknown)
    assert isinstance(order, Order)
    assert order.status is OrderStatus.PAID


async def test_a_box_office_that_closes_does_not_wait_for_a_silent_provider(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(box_office_module, "FINISH_SECONDS_MAX", 0.2)

    asked = asyncio.Event()

    class Silent(PretendProvider):
        async def authorise(self, charge: Charge) -> Authorisation:  # noqa: ARG002
            asked.set()
            await asyncio.Event().wait()
            raise AssertionError

    async with open_hall(database, provider=Silent()) as hall:
        purchase = asyncio.create_task(
            purchase_reservation(hall.box_office, payment_for(await hall.held(1)))
        )
        await asked.wait()
        async with asyncio.timeout(2):
            await hall.box_office.close()
    await asyncio.wait({purchase})

    assert purchase.cancelled()


async def test_while_it_is_paid_nothing_else_touches_the_reservation(database: Database) -> None:
    class Meddled(PretendProvider):
        async def authorise(self, charge: Charge) -> Authorisation:
            cancelled = await cancel_reservation(hall.box_office, buyer, reservation.id, None)
            refusal = the_refusal(cancelled)
            assert isinstance(refusal, ReservationNotOpen)
            assert refusal.status is ReservationStatus.PAYING
            second = the_refusal(
                await purchase_reservation(hall.box_office, payment_for(reservation))
            )
            assert isinstance(second, ReservationNotOpen)
            return await super().authorise(charge)

    async with open_hall(database, provider=Meddled()) as hall:
        buyer = uuid4()
        reservation = await hall.held(1, buyer=buyer)
        assert isinstance(
            await purchase_reservation(hall.box_office, payment_for(reservation)), Order
        )


async def test_what_costs_nothing_needs_no_provider(database: Database) -> None:
    provider = PretendProvider()
    async with open_hall(database, provider=provider, price=0) as hall:
        order = await purchase_reservation(
            hall.box_office, payment_for(await hall.held(1), token=None)
        )

        assert isinstance(order, Order)
        assert order.status is OrderStatus.PAID
        assert order.total_minor == 0
        assert provider.asked == []

        cancelled = await cancel_order(
            hall.box_office, CancelOrderRequest(order.buyer_id, order.id, None, "k")
        )
        assert isinstance(cancelled, Order)
        assert cancelled.status is OrderStatus.CANCELLED


@pytest.mark.parametrize("email", ["", "ada", "ada@", "a@b@c", "ada@example.org\n", "x" * 400])
async def test_tickets_need_an_address_to_go_to(hall: Hall, email: str) -> None:
    request = replace(payment_for(await hall.held(1)), email=email)

    refusal = the_refusal(await purchase_reservation(hall.box_office, request))

    assert isinstance(refusal, InvalidInput)
    assert refusal.path == ("input", "email")


@pytest.mark.parametrize("key", ["", "x" * 129, "a\0b"])
async def test_a_key_has_1_to_128_printable_characters(hall: Hall, key: str) -> None:
    request = replace(payment_for(await hall.held(1)), idempotency_key=key)

    refusal = the_refusal(await purchase_reservation(hall.box_office, request))

    assert isinstance(refusal, InvalidInput)
    assert refusal.path == ("input", "idempotencyKey")


@pytest.mark.parametrize("token", [None, "", "tok\nen", "x" * 1_001])
async def test_what_costs_something_needs_a_payment_token(hall: Hall, token: str | None) -> None:
    request = payment_for(await hall.held(1), token=token)

    refusal = the_refusal(await purchase_reservation(hall.box_office, request))

    assert isinstance(refusal, InvalidInput)
    assert refusal.path == ("input", "paymentToken")


async def test_held_seats_can_be_paid_after_sales_close_but_not_when_paused(hall: Hall) -> None:
    reservation, paused = await hall.held(1), await hall.held(2)
    await hall.execute("UPDATE events SET sales_close_at = now()")
    assert isinstance(await purchase_reservation(hall.box_office, payment_for(reservation)), Order)

    await hall.execute("UPDATE events SET sales_close_at = NULL, state = 'PAUSED'")
    refusal = the_refusal(await purchase_reservation(hall.box_office, payment_for(paused)))
    assert isinstance(refusal, NotOnSale)


async def test_somebody_elses_reservation_cannot_be_paid(hall: Hall) -> None:
    request = replace(payment_for(await hall.held(1)), buyer_id=uuid4())

    refusal = the_refusal(await purchase_reservation(hall.box_office, request))

    assert isinstance(refusal, ReservationNotFound)


async def test_a_cancelled_order_frees_its_seats_voids_its_tickets_and_returns_the_money(
    database: Database,
) -> None:
    provider = PretendProvider()
    async with open_hall(database, provider=provider) as hall:
        buyer = uuid4()
        order = await bought(hall, 0, 1, buyer=buyer)

        request = CancelOrderRequest(buyer, order.id, "ill", "key-1")
        cancelled = await cancel_order(hall.box_office, request)
        again = await cancel_order(hall.box_office, request)

        assert isinstance(cancelled, Order)
        assert isinstance(again, Order)
        assert cancelled.status is again.status is OrderStatus.REFUNDED
        assert cancelled.cancel_reason == "ill"
        assert [step for step, _ in provider.asked] == ["authorise", "capture", "refund"]
        assert (await hall.states())[:2] == [0, 0]
        assert await hall.allowance(buyer) == 0
        tickets = (await tickets_by_order_ids(database, [order.id]))[order.id]
        assert {ticket.status for ticket in tickets} == {TicketStatus.VOID}
        assert (await hall.ledger())["available"] == 12
        assert isinstance(await bought(hall, 0, 1), Order)


async def test_an_order_is_cancelled_once_and_only_by_its_buyer(hall: Hall) -> None:
    buyer = uuid4()
    order = await bought(hall, 1, buyer=buyer)

    stranger = the_refusal(
        await cancel_order(hall.box_office, CancelOrderRequest(uuid4(), order.id, None, "k"))
    )
    assert isinstance(stranger, OrderNotFound)

    await cancel_order(hall.box_office, CancelOrderRequest(buyer, order.id, None, "k"))
    other_key = the_refusal(
        await cancel_order(hall.box_office, CancelOrderRequest(buyer, order.id, None, "other"))
    )
    assert isinstance(other_key, OrderNotCancellable)
    assert other_key.status is OrderStatus.REFUNDED
    reused = the_refusal(
        await cancel_order(hall.box_office, CancelOrderRequest(buyer, order.id, "why", "k"))
    )
    assert isinstance(reused, IdempotencyKeyReused)


async def test_orders_of_an_event_that_has_begun_stay(hall: Hall) -> None:
    order = await bought(hall, 1)
    await hall.execute("UPDATE events SET starts_at = now() - interval '1 minute'")

    refusal = the_refusal(
        await cancel_order(hall.box_office, CancelOrderRequest(order.buyer_id, order.id, None, "k"))
    )

    assert isinstance(refusal, OrderNotCancellable)
    assert refusal.status is OrderStatus.PAID
