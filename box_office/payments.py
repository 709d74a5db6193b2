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
    state: PaymentState
    reference: str | None
    amount_minor: int
    currency_code: str
    #: Set when the provider refused it.
    declined: Declined | None


READ = sa.text("""
    SELECT id, reservation_id, state, provider_reference, amount_minor, currency_code,
        decline_code, decline_message, decline_retryable
    FROM payments WHERE id = :id
""")
REQUIRE_ACTION = sa.text("""
    UPDATE payments SET state = 'ACTION_REQUIRED', provider_reference = :reference,
        updated_at = now()
    WHERE id = :id AND state = 'STARTED'
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
REFUNDED = sa.text("""
    WITH refunded AS (
        UPDATE payments SET state = 'REFUNDED', updated_at = now()
        WHERE id = :id AND state = 'REFUNDING' RETURNING reservation_id
    )
    UPDATE orders o SET status = 'REFUNDED' FROM refunded r
    WHERE o.reservation_id = r.reservation_id AND o.status = 'CANCELLED'
""")


async def payment_by_id(database: Database, payment_id: UUID) -> PaymentRow:
    """Read a payment that is known to exist."""
    async with database.engine.connect() as connection:
        row = (await connection.execute(READ, {"id": payment_id})).one()
    return PaymentRow(
        id=row.id,
        reservation_id=row.reservation_id,
        state=PaymentState(row.state),
        reference=row.provider_reference,
        amount_minor=row.amount_minor,
        currency_code=row.currency_code,
        declined=None
        if row.decline_code is None
        else Declined(row.decline_code, row.decline_message, row.decline_retryable),
    )


async def require_action(database: Database, payment_id: UUID, reference: str) -> None:
    """Note that the buyer has to act with the provider."""
    await _step(database, REQUIRE_ACTION, payment_id, reference=reference)


async def captured(database: Database, payment_id: UUID) -> None:
    """Note that the money was taken: the order is paid."""
    await _step(database, CAPTURED, payment_id)


async def refunded(database: Database, payment_id: UUID) -> None:
    """Note that the money is back."""
    await _step(database, REFUNDED, payment_id)


async def _step(database: Database, step: sa.TextClause, payment_id: UUID, **values: str) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(step, {"id": payment_id, **values})
