"""Cancelling a paid order: tickets void, seats free, money back."""

import asyncio
import hashlib
import logging
from dataclasses import dataclass
from time import monotonic
from uuid import UUID

import asyncpg
import sqlalchemy as sa

from box_office.box_office import BoxOffice
from box_office.database import Database
from box_office.orders import orders_by_ids
from box_office.providers import ProviderUnreachable
from box_office.purchases import check_idempotency_key
from box_office.refusals import OutcomeUnknown, Refusal
from box_office.releasing import check_reason
from box_office.sales import Void
from box_office.settling import Unsettled, settle
from box_office.wording import key_reused, not_cancellable, order_not_found
from models import Order, OrderStatus

#: From the call on. The order is cancelled by then, and says so; money that takes longer comes back
#: all the same.
REFUND_ANSWER_SECONDS = 5.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CancelOrderRequest:
    """What a buyer sends to cancel an order."""

    buyer_id: UUID
    order_id: UUID
    reason: str | None
    idempotency_key: str

    def digest(self) -> bytes:
        """Tell this question from another under the same key (SHA-256)."""
        return hashlib.sha256(repr((self.order_id, self.reason)).encode()).digest()


async def cancel_order(box_office: BoxOffice, request: CancelOrderRequest) -> Order | list[Refusal]:
    """Cancel an order and give the money back. The same key again answers the same.

    The order is CANCELLED as soon as its tickets are void, and REFUNDED once the money is back.

    Refuses: InvalidInput, OrderNotFound, OrderNotCancellable, IdempotencyKeyReused, OutcomeUnknown.
    """
    if refused := check_idempotency_key(request.idempotency_key) + check_reason(request.reason):
        return refused
    return await asyncio.shield(box_office.in_background(cancel(box_office, request)))


async def cancel(box_office: BoxOffice, request: CancelOrderRequest) -> Order | list[Refusal]:
    """Void the order, or find that this key has, and see to its refund."""
    began = monotonic()
    event_id = await event_of_order(box_office.database, request.buyer_id, request.order_id)
    if event_id is None:
        return [order_not_found()]
    void = Void(
        request.buyer_id,
        request.order_id,
        request.idempotency_key,
        request.digest(),
        request.reason,
    )
    claims = frozenset({request.buyer_id, request.order_id})
    voided = await box_office.ask(event_id, Void.STATEMENT, void, claims)
    if isinstance(voided, OutcomeUnknown):
        return [voided]
    if voided["o_outcome"] not in {"voided", "replay"}:
        return [refusal_of(voided)]
    if voided["o_payment"] is not None:
        going_back = box_office.in_background(refund(box_office, voided["o_payment"]))
        left = began + REFUND_ANSWER_SECONDS - monotonic()
        await asyncio.wait({going_back}, timeout=max(left, 0))
    return (await orders_by_ids(box_office.database, [request.order_id]))[request.order_id]


def refusal_of(voided: asyncpg.Record) -> Refusal:
    """Put into words why an order could not be cancelled."""
    match voided["o_outcome"]:
        case "reused":
            return key_reused()
        case "not_found":
            return order_not_found()
        case _:
            return not_cancellable(OrderStatus(voided["o_status"]))


async def refund(box_office: BoxOffice, payment_id: UUID) -> None:
    """Give the money back. Where that breaks off the reconciler goes on, or a repeated call."""
    try:
        await settle(box_office, payment_id)
    except (ProviderUnreachable, Unsettled):
        logger.warning("The provider does not answer: the refund of %s waits", payment_id)
    except Exception:
        logger.exception("The refund of payment %s was interrupted", payment_id)


async def event_of_order(database: Database, buyer_id: UUID, order_id: UUID) -> UUID | None:
    """Find whose window an order belongs to; None: the buyer has no such order."""
    statement = sa.text("SELECT event_id FROM orders WHERE id = :id AND buyer_id = :buyer_id")
    async with database.engine.connect() as connection:
        found = await connection.execute(statement, {"id": order_id, "buyer_id": buyer_id})
        event_id: UUID | None = found.scalar_one_or_none()
    return event_id
