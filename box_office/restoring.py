"""After a restore: the books are those of an older moment, and everybody else's memory is not.

Screens have seen versions that the books have not yet given; a version that meant one thing must
never come to mean another, so the restored books go on far above. The payment provider has taken
money, and given some back, for what the books do not know: that is looked for, payment by payment.
"""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa

from box_office import payments
from box_office.box_office import BoxOffice
from box_office.cancelling import CancelOrderRequest, cancel
from box_office.database import Database
from box_office.payments import PaymentRow
from box_office.providers import ChargeState, ProviderUnreachable
from box_office.settling import Unsettled, settle
from models import Order, PaymentState

#: More changes than an event sees between a backup and its restore.
VERSIONS_SKIPPED = 1_000_000
#: The provider is asked for what changed since the books' last word about money, and a while before
#: it: two clocks, and payments that were under way.
BEFORE_THE_LAST_WORD = timedelta(days=1)
THE_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)

# The log tells of versions that are no more; whoever finds none of what it missed loads all anew.
FORGET_THE_LOG = sa.text("TRUNCATE seat_changes")
SKIP_VERSIONS = sa.text("UPDATE event_ledgers SET version = version + :skipped")
LOOK_AT_ONCE = sa.text("UPDATE payments SET looked_at = NULL WHERE looked_at IS NOT NULL")
LAST_WORD = sa.text("SELECT max(updated_at) FROM payments")
ORDER_OF = sa.text("SELECT id, buyer_id FROM orders WHERE reservation_id = :reservation_id")


class Comparison(StrEnum):
    """What a payment's two memories, the books and the provider's, came to."""

    AGREES = "agreed"
    SETTLED = "settled: what the provider had done was carried into the books"
    GIVEN_BACK = "not in the books: the money was given back, or let go of"
    CANCELLED = "refunded after the backup: its order is cancelled again"
    ORDER_STAYS = "refunded after the backup, but its order can no longer be cancelled"
    WAITS = (
        "could not be settled now: the reconciler goes on with what the books know; run it again"
    )


async def step_over_lost_versions(database: Database) -> None:
    """Let no version of these books be one that a screen has seen for something else."""
    async with database.engine.begin() as connection:
        await connection.execute(FORGET_THE_LOG)
        await connection.execute(SKIP_VERSIONS, {"skipped": VERSIONS_SKIPPED})
        await connection.execute(LOOK_AT_ONCE)


async def compare_with_provider(
    box_office: BoxOffice, counted: Callable[[int], None] = lambda _: None
) -> AsyncIterator[tuple[UUID, Comparison]]:
    """Bring the books and the provider's memory together, one payment at a time.

    Safe while servers sell, and safe to repeat. `counted` is told how many there are. Raises
    ProviderUnreachable when it does not even say which payments those are.
    """
    async with box_office.database.engine.connect() as connection:
        last_word = (await connection.execute(LAST_WORD)).scalar_one_or_none()
    since = last_word - BEFORE_THE_LAST_WORD if last_word else THE_BEGINNING
    changed = await box_office.provider.changed_since(since)
    counted(len(changed))
    for payment_id in changed:
        try:
            yield payment_id, await compare(box_office, payment_id)
        except (ProviderUnreachable, Unsettled):
            yield payment_id, Comparison.WAITS


async def compare(box_office: BoxOffice, payment_id: UUID) -> Comparison:
    """Bring one payment together. A payment is in the books before the provider hears of it."""
    payment = await payments.find_payment(box_office.database, payment_id)
    if payment is None:
        return await _give_back(box_office, payment_id)
    if payment.state in {PaymentState.CAPTURED, PaymentState.AUTHORISED}:
        standing = await box_office.provider.look_up(payment_id)
        if standing.state is ChargeState.REFUNDED:
            return await _cancel(box_office, payment)
    settled = await settle(box_office, payment_id, look_again=True)
    assert isinstance(settled, PaymentRow), "only a buyer's token can ask for the buyer"
    return Comparison.AGREES if settled.state is payment.state else Comparison.SETTLED


async def _give_back(box_office: BoxOffice, payment_id: UUID) -> Comparison:
    """Nobody can be given tickets for it: who it was is not in the books."""
    standing = await box_office.provider.look_up(payment_id)
    if standing.state in {ChargeState.AUTHORISED, ChargeState.ACTION_REQUIRED}:
        standing = await box_office.provider.void(payment_id)
    elif standing.state is not ChargeState.CAPTURED:
        return Comparison.AGREES
    if standing.state is ChargeState.CAPTURED and standing.reference is not None:
        await box_office.provider.refund(standing.reference)
    return Comparison.GIVEN_BACK


async def _cancel(box_office: BoxOffice, payment: PaymentRow) -> Comparison:
    """Void the tickets of money that went back: by the way on which a buyer cancels."""
    await payments.captured(box_office.database, payment.id)
    async with box_office.database.engine.connect() as connection:
        order = (
            await connection.execute(ORDER_OF, {"reservation_id": payment.reservation_id})
        ).one()
    request = CancelOrderRequest(
        order.buyer_id, order.id, "Refunded before the restore", f"restored-{order.id}"
    )
    cancelled = await cancel(box_office, request)
    return Comparison.CANCELLED if isinstance(cancelled, Order) else Comparison.ORDER_STAYS
