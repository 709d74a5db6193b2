"""Books that went back to an older moment, while the payment provider did not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest

from box_office.audit import audit
from box_office.cancelling import CancelOrderRequest, cancel_order
from box_office.database import Database
from box_office.hints import LOST_MONEY_HOURS, receive_hint
from box_office.providers import (
    Authorisation,
    Charge,
    ChargeState,
    Hint,
    ProviderUnreachable,
    Standing,
)
from box_office.purchases import PurchaseRequest, purchase_reservation
from box_office.reservations import ReservationRow
from box_office.restoring import (
    ARRIVING_SECONDS,
    THE_BEGINNING,
    VERSIONS_SKIPPED,
    Comparison,
    compare_with_provider,
    step_over,
)
from models import Order, OrderStatus, new_id
from tests.given_time import eventually
from tests.halls import Hall, PretendProvider, open_hall

LOST_ID = new_id()
FREE, SOLD = 0, 2


class Provider(PretendProvider):
    """One whose answers may be lost."""

    loses_answers = False
    is_silent = False
    breaks_at: UUID | None = None
    asked_since = THE_BEGINNING
    meanwhile: Callable[[], Awaitable[None]] | None = None

    async def changed_since(self, moment: datetime) -> list[UUID]:
        self.asked_since = moment
        return await super().changed_since(moment)

    async def look_up(self, payment_id: UUID) -> Standing:
        if payment_id == self.breaks_at:
            raise RuntimeError
        if self.is_silent:
            raise ProviderUnreachable
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        return await super().look_up(payment_id)

    async def authorise(self, charge: Charge) -> Authorisation:
        answer = await super().authorise(charge)
        if self.loses_answers:
            raise ProviderUnreachable
        return answer


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
async def hall(database: Database, provider: Provider) -> AsyncIterator[Hall]:
    async with open_hall(database, provider=provider) as hall:
        yield hall


def payment_for(reservation: ReservationRow) -> PurchaseRequest:
    return PurchaseRequest(
        buyer_id=reservation.buyer_id,
        reservation_id=reservation.id,
        email="ada@example.org",
        payment_token="pretend_ok",
        idempotency_key=str(new_id()),
    )


async def bought(hall: Hall, *seats: int) -> Order:
    reservation = await hall.held(*seats)
    order = await purchase_reservation(hall.box_office, payment_for(reservation))
    assert isinstance(order, Order), order
    return order


async def order_status(hall: Hall, order: Order) -> str:
    (row,) = await hall.fetch("SELECT status::text FROM orders WHERE id = $1", order.id)
    return str(row["status"])


async def comparisons(hall: Hall, since: datetime | None = None) -> list[Comparison]:
    """What a restore finds, of everything the provider knows."""
    await step_over(hall.box_office.database, since=since or THE_BEGINNING)
    return [came_to async for _, came_to in compare_with_provider(hall.box_office)]


async def only_charge(provider: Provider) -> Standing:
    (standing,) = provider.charges.values()
    return standing


async def test_no_version_comes_to_mean_something_else(hall: Hall) -> None:
    await hall.held(1)
    before = (await hall.ledger())["version"]

    await step_over(hall.box_office.database)
    await hall.held(2)

    after = (await hall.ledger())["version"]
    assert after == before + VERSIONS_SKIPPED + 1
    assert len(await hall.fetch("SELECT * FROM seat_changes")) == 1


async def test_versions_are_stepped_over_while_somebody_reads_or_pays(hall: Hall) -> None:
    await bought(hall, 1)
    await hall.execute("UPDATE payments SET state = 'VOIDED', looked_at = now()")
    async with hall.box_office.database.pool.acquire() as other, other.transaction():
        await other.execute("SELECT FROM seat_changes")  # As a backup and an audit do.
        await other.execute("SELECT FROM payments FOR UPDATE")

        await step_over(hall.box_office.database)

    await hall.execute("UPDATE payments SET state = 'CAPTURED'")
    assert await hall.fetch("SELECT FROM seat_changes") == []


async def test_a_version_that_the_replaced_books_had_come_to_is_stepped_over_too(
    hall: Hall,
) -> None:
    await step_over(hall.box_office.database, seen={hall.event_id: 1_234_567, new_id(): 9})

    assert (await hall.ledger())["version"] == 1_234_567 + VERSIONS_SKIPPED


async def test_the_provider_is_asked_for_what_changed_since_the_restored_books_last_word(
    hall: Hall, provider: Provider
) -> None:
    await bought(hall, 1)
    await hall.execute("UPDATE payments SET updated_at = now() - interval '7 days'")
    await step_over(hall.box_office.database)
    await bought(hall, 2)  # A server that sells again before anybody has compared.

    assert len([one async for one in compare_with_provider(hall.box_office)]) == 2

    days = (datetime.now(UTC) - provider.asked_since).total_seconds() / 86_400
    assert days == pytest.approx(8, abs=0.1)
    assert [one async for one in compare_with_provider(hall.box_office)] == [], "once is enough"


async def test_a_restore_that_could_not_be_compared_is_compared_later_and_audited_until_then(
    hall: Hall, provider: Provider
) -> None:
    await bought(hall, 1)
    provider.is_silent = True
    assert await comparisons(hall) == [Comparison.WAITS]
    await hall.execute("UPDATE restores SET restored_at = now() - interval '6 minutes'")
    (finding,) = await audit(hall.box_office.database)

    provider.is_silent = False
    again = [one async for _, one in compare_with_provider(hall.box_office)]

    assert finding.rows[0]["state"] == "not compared with the payment provider"
    assert again == [Comparison.AGREES]
    assert await audit(hall.box_office.database) == []


async def test_what_breaks_about_one_payment_holds_up_no_other(
    hall: Hall, provider: Provider
) -> None:
    await bought(hall, 1)
    (first,) = provider.charges
    await bought(hall, 2)
    provider.breaks_at = first

    assert await comparisons(hall) == [Comparison.WAITS, Comparison.AGREES]


async def test_what_both_remember_alike_is_left_alone(hall: Hall, provider: Provider) -> None:
    order = await bought(hall, 1)

    assert await comparisons(hall) == [Comparison.AGREES]

    assert (await only_charge(provider)).state is ChargeState.CAPTURED
    assert await order_status(hall, order) == OrderStatus.PAID


@pytest.mark.parametrize("state", [ChargeState.CAPTURED, ChargeState.AUTHORISED])
async def test_money_for_an_order_that_was_lost_is_given_back(
    hall: Hall, provider: Provider, state: ChargeState
) -> None:
    await provider.authorise(Charge(LOST_ID, 4_200, "GBP", "pretend_ok"))
    provider.charges[LOST_ID] = Standing(state, f"pretend-{LOST_ID}")

    assert await comparisons(hall) == [Comparison.GIVEN_BACK]
    assert await comparisons(hall) == [Comparison.AGREES], "it can be repeated"

    given_back = {
        ChargeState.CAPTURED: ChargeState.REFUNDED,
        ChargeState.AUTHORISED: ChargeState.VOIDED,
    }
    assert (await only_charge(provider)).state is given_back[state]


@pytest.mark.parametrize("books", ["PAID", "COMMITTED"])
async def test_an_order_that_was_refunded_since_is_cancelled_again(
    hall: Hall, provider: Provider, books: str
) -> None:
    order = await bought(hall, 1, 2)
    (payment_id,) = provider.charges
    provider.charges[payment_id] = Standing(ChargeState.REFUNDED, f"pretend-{payment_id}")
    if books == "COMMITTED":
        await hall.execute("UPDATE orders SET status = 'COMMITTED'")
        await hall.execute("UPDATE payments SET state = 'AUTHORISED'")

    assert await comparisons(hall) == [Comparison.CANCELLED]
    assert await comparisons(hall) == [Comparison.AGREES], "it can be repeated"

    assert await order_status(hall, order) == OrderStatus.REFUNDED
    assert (await hall.states())[1] == FREE


async def test_an_order_that_may_have_been_cancelled_or_not_waits(
    hall: Hall, provider: Provider
) -> None:
    order = await bought(hall, 1)
    (payment_id,) = provider.charges
    provider.charges[payment_id] = Standing(ChargeState.REFUNDED, f"pretend-{payment_id}")
    async with hall.box_office.database.pool.acquire() as other, other.transaction():
        await other.execute("SELECT FROM event_seats FOR UPDATE")
        comparing = asyncio.create_task(comparisons(hall))
        await eventually(lambda: connection_that_waits_is_cut(hall))
        assert await comparing == [Comparison.WAITS]

    assert await order_status(hall, order) == OrderStatus.PAID
    again = [one async for _, one in compare_with_provider(hall.box_office)]
    assert again == [Comparison.CANCELLED]
    assert await order_status(hall, order) == OrderStatus.REFUNDED


async def connection_that_waits_is_cut(hall: Hall) -> bool:
    return bool(
        await hall.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
    )


async def test_an_order_that_is_cancelled_meanwhile_agrees(hall: Hall, provider: Provider) -> None:
    order = await bought(hall, 1)

    async def cancel() -> None:
        request = CancelOrderRequest(order.buyer_id, order.id, None, str(new_id()))
        assert isinstance(await cancel_order(hall.box_office, request), Order)

    provider.meanwhile = cancel

    assert await comparisons(hall) == [Comparison.AGREES]

    assert await order_status(hall, order) == OrderStatus.REFUNDED


async def test_a_refunded_order_of_an_event_that_is_over_is_said_to_stay(
    hall: Hall, provider: Provider
) -> None:
    order = await bought(hall, 1)
    (payment_id,) = provider.charges
    provider.charges[payment_id] = Standing(ChargeState.REFUNDED, f"pretend-{payment_id}")
    await hall.execute(
        "UPDATE events SET starts_at = now() - interval '3 hours',"
        " ends_at = now() - interval '1 hour'"
    )

    assert await comparisons(hall) == [Comparison.ORDER_STAYS]

    assert await order_status(hall, order) == OrderStatus.PAID


async def test_a_purchase_that_went_on_after_the_backup_is_carried_into_the_books(
    hall: Hall, provider: Provider
) -> None:
    reservation = await hall.held(1)
    provider.loses_answers = True
    await purchase_reservation(hall.box_office, payment_for(reservation))
    provider.loses_answers = False
    (payment_id,) = provider.charges
    provider.charges[payment_id] = Standing(ChargeState.CAPTURED, f"pretend-{payment_id}")

    assert await comparisons(hall) == [Comparison.SETTLED]

    assert (await hall.states())[1] == SOLD
    assert (await only_charge(provider)).state is ChargeState.CAPTURED


async def test_a_cancelled_order_stays_cancelled(hall: Hall, provider: Provider) -> None:
    order = await bought(hall, 1)
    request = CancelOrderRequest(order.buyer_id, order.id, None, str(new_id()))
    assert isinstance(await cancel_order(hall.box_office, request), Order)

    assert await comparisons(hall) == [Comparison.AGREES]

    assert (await only_charge(provider)).state is ChargeState.REFUNDED


async def test_what_was_on_its_way_to_the_provider_is_waited_for(
    hall: Hall, provider: Provider
) -> None:
    order = await bought(hall, 1)
    (payment_id,) = provider.charges
    await step_over(hall.box_office.database)
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)
        await provider.authorise(Charge(LOST_ID, 4_200, "GBP", "pretend_slow"))
        await provider.refund(f"pretend-{payment_id}")

    found = [one async for one in compare_with_provider(hall.box_office, wait=wait)]

    assert found == [
        (payment_id, Comparison.AGREES),
        (payment_id, Comparison.CANCELLED),
        (LOST_ID, Comparison.GIVEN_BACK),
    ]
    assert ARRIVING_SECONDS - 5 < waited[0] <= ARRIVING_SECONDS
    assert provider.charges[LOST_ID].state is ChargeState.VOIDED
    assert await order_status(hall, order) == OrderStatus.REFUNDED
    assert await hall.fetch("SELECT FROM restores WHERE compared_at IS NULL") == []


async def test_nothing_is_on_its_way_for_longer_than_a_call_may_take(hall: Hall) -> None:
    await step_over(hall.box_office.database)
    await hall.execute(
        "UPDATE restores SET restored_at = now() - make_interval(secs => $1)", ARRIVING_SECONDS
    )

    async def wait(seconds: float) -> None:
        raise AssertionError(seconds)

    assert [one async for one in compare_with_provider(hall.box_office, wait=wait)] == []

    assert await hall.fetch("SELECT FROM restores WHERE compared_at IS NULL") == []


async def test_what_was_compared_is_compared_once_more_since_a_moment_that_is_named(
    hall: Hall, provider: Provider
) -> None:
    assert await comparisons(hall) == []
    await provider.authorise(Charge(LOST_ID, 4_200, "GBP", "pretend_late_money"))
    moment = datetime.now(UTC)

    found = [one async for one in compare_with_provider(hall.box_office, since=moment)]

    assert found == [(LOST_ID, Comparison.GIVEN_BACK)]
    assert provider.asked_since == moment


async def late_money(hall: Hall, provider: Provider) -> None:
    """Somebody paid by bank transfer, the books were lost, and the transfer arrives."""
    await provider.authorise(Charge(LOST_ID, 4_200, "GBP", "pretend_action_required"))
    assert await comparisons(hall) == [Comparison.GIVEN_BACK]
    provider.charges[LOST_ID] = Standing(ChargeState.CAPTURED, f"pretend-{LOST_ID}")


async def test_late_money_of_a_payment_that_was_lost_is_given_back(
    hall: Hall, provider: Provider
) -> None:
    await late_money(hall, provider)

    for _ in range(2):
        await receive_hint(hall.box_office, Hint("evt_1", LOST_ID))

    assert (await only_charge(provider)).state is ChargeState.REFUNDED


async def test_a_hint_of_lost_money_is_not_acknowledged_before_the_money_went_back(
    hall: Hall, provider: Provider
) -> None:
    await late_money(hall, provider)
    provider.is_silent = True
    with pytest.raises(ProviderUnreachable):
        await receive_hint(hall.box_office, Hint("evt_1", LOST_ID))

    provider.is_silent = False
    await receive_hint(hall.box_office, Hint("evt_1", LOST_ID))

    assert (await only_charge(provider)).state is ChargeState.REFUNDED


async def test_long_after_a_restore_a_payment_that_is_not_in_the_books_is_somebody_elses(
    hall: Hall, provider: Provider
) -> None:
    await late_money(hall, provider)
    await hall.execute(
        "UPDATE restores SET restored_at = now() - make_interval(hours => $1)", LOST_MONEY_HOURS
    )

    await receive_hint(hall.box_office, Hint("evt_1", LOST_ID))

    assert (await only_charge(provider)).state is ChargeState.CAPTURED
    assert len(await hall.fetch("SELECT FROM payment_hints")) == 1
