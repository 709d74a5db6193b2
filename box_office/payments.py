"""Payments as they stand, and their steps that change no seat. Each is a compare-and-set."""

from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from box_office.database import Database
from box_office.providers import Declined
from models import PaymentState


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """One try to pay."""

    id: UUID
    reservation_id: UUID
    event_id: UUID
    buyer_id: UUID
    #: Of the reservation: one ticket each.
    seat_count: int
    state: PaymentState
    reference: str | None
    amount_minor: int
    currency_code: str
    #: Set when it came to nothing: what the buyer is told.
    declined: Declined | None
    #: The reservation is held for it no longer.
    is_overdue: bool
    #: Since it last came further, by the database's clock.
    seconds_waiting: float


READ = sa.text("""
    SELECT p.id, p.reservation_id, r.event_id, r.buyer_id,
        cardinality(r.seat_indexes) AS seat_count,
        p.state, p.provider_reference, p.amount_minor, p.currency_code,
        p.decline_code, p.decline_message, p.decline_retryable,
        r.expires_at <= now() AS is_overdue,
        extract(epoch FROM now() - p.updated_at)::float AS seconds_waiting
    FROM payments p JOIN reservations r ON r.id = p.reservation_id
    WHERE p.id = :id
""")
REQUIRE_ACTION = sa.text("""
    UPDATE payments SET state = 'ACTION_REQUIRED', provider_reference = :reference,
        updated_at = now()
    WHERE id = :id AND state = 'STARTED'
""")
GIVE_UP = sa.text("""
    UPDATE payments SET state = 'VOIDING', updated_at = now()
    WHERE id = :id AND state IN ('STARTED', 'ACTION_REQUIRED')
""")
# The order is paid when, and only when, its payment is captured: one statement, one moment.
CAPTURED = sa.text("""
    WITH captured AS (
        UPDATE payments SET state = 'CAPTURED', updated_at = now()
        WHERE id = :id AND state = 'AUTHORISED' RETURNING reservation_id
    )
    UPDATE orders o SET status = 'PAID' FROM captured c
    WHERE o.reservation_id = c.reservation_id AND o.status = 'COMMITTED'
""")
# An earlier try may have its late money back while the order's own is still on its way.
REFUNDED = sa.text("""
    WITH refunded AS (
        UPDATE payments SET state = 'REFUNDED', updated_at = now()
        WHERE id = :id AND state = 'REFUNDING' RETURNING reservation_id, attempt
    )
    UPDATE orders o SET status = 'REFUNDED'
    FROM refunded p JOIN reservations r ON r.id = p.reservation_id
        AND r.payment_attempts = p.attempt
    WHERE o.reservation_id = r.id AND o.status = 'CANCELLED'
""")
# Only what came to nothing: money behind an order goes back with the order.
GIVE_BACK = sa.text("""
    UPDATE payments SET state = 'REFUNDING', provider_reference = :reference, updated_at = now()
    WHERE id = :id AND state IN ('DECLINED', 'VOIDED')
""")
LET_GO = sa.text("""
    UPDATE payments SET state = 'VOIDED', updated_at = now()
    WHERE id = :id AND state = 'REFUNDING' AND decline_code IS NOT NULL
""")


async def payment_by_id(database: Database, payment_id: UUID) -> PaymentRow:
    """Read a payment that is known to exist."""
    payment = await find_payment(database, payment_id)
    assert payment is not None, "payments are never deleted while somebody goes on with them"
    return payment


async def find_payment(database: Database, payment_id: UUID) -> PaymentRow | None:
    """Read a payment; None: it is none of ours."""
    async with database.engine.connect() as connection:
        row = (await connection.execute(READ, {"id": payment_id})).one_or_none()
    if row is None:
        return None
    return PaymentRow(
        id=row.id,
        reservation_id=row.reservation_id,
        event_id=row.event_id,
        buyer_id=row.buyer_id,
        seat_count=row.seat_count,
        state=PaymentState(row.state),
        reference=row.provider_reference,
        amount_minor=row.amount_minor,
        currency_code=row.currency_code,
        declined=None
        if row.decline_code is None
        else Declined(row.decline_code, row.decline_message, row.decline_retryable),
        is_overdue=row.is_overdue,
        seconds_waiting=row.seconds_waiting,
    )


async def require_action(database: Database, payment_id: UUID, reference: str) -> None:
    """Note that the buyer has to act with the provider."""
    await _step(database, REQUIRE_ACTION, payment_id, reference=reference)


async def give_up(database: Database, payment_id: UUID) -> None:
    """Decide that nothing is sold for it. The provider is yet to be told."""
    await _step(database, GIVE_UP, payment_id)


async def captured(database: Database, payment_id: UUID) -> None:
    """Note that the money was taken: the order is paid."""
    await _step(database, CAPTURED, payment_id)


async def give_back(database: Database, payment_id: UUID, reference: str) -> None:
    """Decide that money which came too late goes back."""
    await _step(database, GIVE_BACK, payment_id, reference=reference)


async def let_go(database: Database, payment_id: UUID) -> None:
    """Note that late money was only set aside, and is set aside no longer."""
    await _step(database, LET_GO, payment_id)


async def refunded(database: Database, payment_id: UUID) -> None:
    """Note that the money is back."""
    await _step(database, REFUNDED, payment_id)


async def _step(database: Database, step: sa.TextClause, payment_id: UUID, **values: str) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(step, {"id": payment_id, **values})
