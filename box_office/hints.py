"""Webhooks: kept once, and never believed. Whoever gets one asks the provider."""

import logging
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from box_office.box_office import BoxOffice
from box_office.database import Database
from box_office.providers import Hint, ProviderUnreachable
from box_office.restoring import Comparison, give_back
from box_office.settling import Unsettled, settle
from models import PaymentState

#: A hint may tell what nobody else is about to find out. Otherwise the call that is under way knows
#: more already, and what it leaves is the reconciler's.
FOLLOWED_AT_ONCE = {PaymentState.ACTION_REQUIRED, PaymentState.DECLINED, PaymentState.VOIDED}
#: For so long after a restore the money of a payment that was lost with the books may come late.
LOST_MONEY_HOURS = 24

logger = logging.getLogger(__name__)

# A payment is in the books before the provider hears of it. Where a restore has lost it nobody else
# ever looks at it, so such a hint is kept by the provider until we have: it is sent again.
KEEP = sa.text("""
    WITH lost AS (
        SELECT EXISTS (SELECT 1 FROM restores
                       WHERE restored_at > now() - make_interval(hours => :hours))
            AND NOT EXISTS (SELECT 1 FROM payments WHERE id = :payment_id) AS is_lost
    ), kept AS (
        INSERT INTO payment_hints (provider, hint_id, payment_id, handled)
        SELECT :provider, :id, :payment_id, false FROM lost WHERE NOT is_lost
        ON CONFLICT DO NOTHING RETURNING received_at
    )
    SELECT lost.is_lost, kept.received_at, p.state FROM lost
    LEFT JOIN kept ON true LEFT JOIN payments p ON p.id = :payment_id
""")
HANDLED = sa.text("""
    UPDATE payment_hints SET handled = true
    WHERE payment_id = :payment_id AND NOT handled AND received_at <= :until
""")
# About payments of somebody else's, and about ours that have ended well: most of them.
PUT_ASIDE = sa.text("""
    UPDATE payment_hints h SET handled = true
    WHERE NOT h.handled AND h.received_at < now() - make_interval(secs => :seconds)
      AND NOT EXISTS (SELECT 1 FROM payments p WHERE p.id = h.payment_id
                      AND p.state NOT IN ('CAPTURED', 'REFUNDED'))
""")


async def receive_hint(box_office: BoxOffice, hint: Hint) -> None:
    """Keep a hint, and follow it in the background; one that was kept before changes nothing.

    One about a payment that a restore has lost is followed before it is acknowledged. Raises
    ProviderUnreachable: then it has to be sent again.
    """
    values = {
        "provider": box_office.provider.name,
        "id": hint.id,
        "payment_id": hint.payment_id,
        "hours": LOST_MONEY_HOURS,
    }
    async with box_office.database.engine.begin() as connection:
        kept = (await connection.execute(KEEP, values)).one()
    if kept.is_lost:
        if await give_back(box_office, hint.payment_id) is Comparison.GIVEN_BACK:
            logger.warning("Payment %s, lost by a restore, was given back", hint.payment_id)
    elif kept.received_at is not None and kept.state in FOLLOWED_AT_ONCE:
        box_office.in_background(follow(box_office, hint.payment_id, kept.received_at))


async def follow(box_office: BoxOffice, payment_id: UUID, received_at: datetime) -> None:
    """Ask the provider, and do what follows. Where that breaks off the reconciler goes on."""
    try:
        await settle(box_office, payment_id, look_again=True)
    except (ProviderUnreachable, Unsettled) as problem:
        logger.warning("A hint about payment %s waits: %s", payment_id, problem)
    else:
        await mark_handled(box_office.database, payment_id, received_at)


async def mark_handled(database: Database, payment_id: UUID, until: datetime) -> None:
    """Note that the provider was asked about a payment after these hints had come."""
    async with database.engine.begin() as connection:
        await connection.execute(HANDLED, {"payment_id": payment_id, "until": until})


async def put_aside(connection: AsyncConnection, seconds: float) -> None:
    """Note which hints need nothing, once they are so old."""
    await connection.execute(PUT_ASIDE, {"seconds": seconds})
