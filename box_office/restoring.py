"""After a restore: the books are those of an older moment, and everybody else's memory is not.

Screens have seen versions that the books have not yet given; a version that meant one thing must
never come to mean another, so the restored books go on far above. The payment provider has taken
money, and given some back, for what the books do not know: that is looked for, payment by payment.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
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
from box_office.refusals import OrderNotCancellable, OutcomeUnknown, Refusal
from box_office.settling import ARRIVAL_SECONDS_MAX, Unsettled, settle
from models import Order, OrderStatus, PaymentState, Restore, new_id

#: More changes than an event sees between a backup and its restore.
VERSIONS_SKIPPED = 1_000_000
#: The provider is asked for what changed since the books' last word about money, and a while before
#: it: two clocks, and payments that were under way.
BEFORE_THE_LAST_WORD = timedelta(days=1)
THE_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
#: The provider's clock and the database's are not further apart.
CLOCKS_APART = timedelta(minutes=5)
#: Once versions were stepped over, restored books are in their place within this time.
SWAP_SECONDS_MAX = 10.0
#: For so long the provider may still hear of payments that the replaced books had begun.
ARRIVING_SECONDS = SWAP_SECONDS_MAX + ARRIVAL_SECONDS_MAX

logger = logging.getLogger(__name__)

# A big house's books take longer than any statement of a sale may.
NO_HURRY = sa.text("SET LOCAL statement_timeout = 0")

# In the order of locks of every sale: payments, and the ledgers at last. Whoever has a payment
# locked is looking at it.
LOOK_AT_ONCE = sa.text("""
    UPDATE payments SET looked_at = NULL WHERE id IN (
        SELECT id FROM payments WHERE looked_at IS NOT NULL
          AND state IN
            ('STARTED', 'ACTION_REQUIRED', 'AUTHORISED', 'VOIDING', 'REFUNDING', 'VOIDED')
        FOR UPDATE SKIP LOCKED)
""")
SKIP_VERSIONS = sa.text("""
    UPDATE event_ledgers l SET version = greatest(l.version, seen.version) + :skipped
    FROM event_ledgers same LEFT JOIN unnest(
        CAST(:events AS uuid[]), CAST(:versions AS bigint[])) AS seen (event_id, version)
        ON seen.event_id = same.event_id
    WHERE same.event_id = l.event_id
""")
# It tells of versions that are no more; whoever finds none of what it missed loads all anew. A
# TRUNCATE would wait for every reader, a backup or an audit, and have every sale wait meanwhile.
FORGET_THE_LOG = sa.text("DELETE FROM seat_changes")
LAST_WORD = sa.text("SELECT max(updated_at) FROM payments")
UNCOMPARED = sa.text("""
    SELECT least(min(compare_since), :since) AS since, now() AS began,
        extract(epoch FROM max(restored_at) + make_interval(secs => :arriving) - now())::float
            AS arriving_seconds
    FROM restores WHERE compared_at IS NULL
""").bindparams(sa.bindparam("since", type_=sa.DateTime(timezone=True)))
COMPARED = sa.text("""
    UPDATE restores SET compared_at = now()
    WHERE compared_at IS NULL AND restored_at <= :began
""")
ORDER_OF = sa.text("SELECT id, buyer_id FROM orders WHERE reservation_id = :reservation_id")


class Comparison(StrEnum):
    """What a payment's two memories, the books and the provider's, came to."""

    AGREES = "agreed"
    SETTLED = "settled: what the provider had done was carried into the books"
    GIVEN_BACK = "not in the books: the money was given back, or let go of"
    CANCELLED = "refunded after the backup: its order is cancelled again"
    ORDER_STAYS = "refunded after the backup, but its order can no longer be cancelled"
    WAITS = "could not be compared now"


#: Somebody has to look at these.
SAID_ONE_BY_ONE = {Comparison.ORDER_STAYS, Comparison.WAITS}


async def step_over(
    database: Database,
    seen: Mapping[UUID, int] | None = None,
    since: datetime | None = None,
) -> None:
    """Let no version of these books be one that a screen has seen for something else.

    `seen` are the versions that the replaced books had come to, where somebody knows. Notes from
    when on the provider has to be asked: `since`, or a day before the books' last word about money,
    which is why nobody may sell before this.
    """
    seen = seen or {}
    async with database.engine.begin() as connection:
        await connection.execute(NO_HURRY)
        await connection.execute(LOOK_AT_ONCE)
        values = {"skipped": VERSIONS_SKIPPED, "events": list(seen), "versions": [*seen.values()]}
        await connection.execute(SKIP_VERSIONS, values)
        await connection.execute(FORGET_THE_LOG)
        if since is None:
            last_word = (await connection.execute(LAST_WORD)).scalar_one()
            since = last_word - BEFORE_THE_LAST_WORD if last_word else THE_BEGINNING
        restored_at = sa.func.clock_timestamp()  # A big house's books were long in the making.
        note = sa.insert(Restore).values(id=new_id(), compare_since=since, restored_at=restored_at)
        await connection.execute(note)


async def compare_with_provider(
    box_office: BoxOffice,
    *,
    since: datetime | None = None,
    counted: Callable[[int], None] = lambda _: None,
    wait: Callable[[float], Awaitable[None]] | None = None,
) -> AsyncIterator[tuple[UUID, Comparison]]:
    """Bring the books and the provider's memory together, one payment at a time.

    What changed since the earliest restore that was not compared, and since `since`. Servers that
    sold until the restore may have asked the provider for what it does only now: to have that
    compared as well, give a `wait` that waits so many seconds. `counted` is told how many payments
    there are. Safe while servers sell, and safe to repeat: only when no payment WAITS is the
    restore noted as compared. Raises ProviderUnreachable when it does not even say which payments
    those are.
    """
    async with box_office.database.engine.connect() as connection:
        values = {"since": since, "arriving": ARRIVING_SECONDS}
        work = (await connection.execute(UNCOMPARED, values)).one()
    if work.since is None:
        return
    came_to: dict[UUID, Comparison] = {}
    async for one in _compare_changed(box_office, work.since, came_to, counted):
        yield one
    if wait is not None and (work.arriving_seconds or 0) > 0:
        await wait(work.arriving_seconds)
        since = work.began - CLOCKS_APART
        async for one in _compare_changed(box_office, since, came_to, counted):
            yield one
    if Comparison.WAITS not in came_to.values():
        async with box_office.database.engine.begin() as connection:
            await connection.execute(COMPARED, {"began": work.began})


async def _compare_changed(
    box_office: BoxOffice,
    since: datetime,
    came_to: dict[UUID, Comparison],
    counted: Callable[[int], None],
) -> AsyncIterator[tuple[UUID, Comparison]]:
    """Compare what changed since then; gives what `came_to` did not know of a payment."""
    changed = await box_office.provider.changed_since(since)
    counted(len(came_to.keys() | set(changed)))
    for payment_id in changed:
        before, now = came_to.get(payment_id), await _compared(box_office, payment_id)
        is_news = now is not Comparison.AGREES or before in {None, Comparison.WAITS}
        if is_news and now is not before:
            came_to[payment_id] = now
            yield payment_id, now


async def _compared(box_office: BoxOffice, payment_id: UUID) -> Comparison:
    """Whatever breaks about one payment, the others are compared."""
    try:
        return await compare(box_office, payment_id)
    except (ProviderUnreachable, Unsettled) as problem:
        logger.warning("Payment %s waits: %s", payment_id, problem)
    except Exception:
        logger.exception("Payment %s could not be compared", payment_id)
    return Comparison.WAITS


async def compare(box_office: BoxOffice, payment_id: UUID) -> Comparison:
    """Bring one payment together. A payment is in the books before the provider hears of it."""
    payment = await payments.find_payment(box_office.database, payment_id)
    if payment is None:
        return await give_back(box_office, payment_id)
    if payment.state in {PaymentState.CAPTURED, PaymentState.AUTHORISED}:
        standing = await box_office.provider.look_up(payment_id)
        if standing.state is ChargeState.REFUNDED:
            return await _cancel(box_office, payment)
    settled = await settle(box_office, payment_id, look_again=True)
    assert isinstance(settled, PaymentRow), "only a buyer's token can ask for the buyer"
    return Comparison.AGREES if settled.state is payment.state else Comparison.SETTLED


async def give_back(box_office: BoxOffice, payment_id: UUID) -> Comparison:
    """Give back what a payment took of which the books know nothing, not even who paid.

    Raises ProviderUnreachable.
    """
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
    return Comparison.CANCELLED if isinstance(cancelled, Order) else _not_cancelled(cancelled)


def _not_cancelled(refused: list[Refusal]) -> Comparison:
    """Tell an order that nobody can cancel from one that may have been, or was just now."""
    if any(isinstance(refusal, OutcomeUnknown) for refusal in refused):
        return Comparison.WAITS
    gone_back = {OrderStatus.CANCELLED, OrderStatus.REFUNDED}
    if any(isinstance(one, OrderNotCancellable) and one.status in gone_back for one in refused):
        return Comparison.AGREES
    return Comparison.ORDER_STAYS
