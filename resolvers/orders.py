"""Buying what is reserved, and cancelling what was bought."""

from __future__ import annotations

from typing import Annotated

import strawberry

from box_office.cancelling import CancelOrderRequest, cancel_order
from box_office.purchases import PurchaseRequest, purchase_reservation
from schema.asked import key_or_nothing
from schema.context import Info
from schema.ids import NodeKind
from schema.orders import (
    CancelOrderInput,
    CancelOrderPayload,
    PurchaseReservationInput,
    PurchaseReservationPayload,
)

Purchase = Annotated[
    PurchaseReservationInput, strawberry.argument(description="What to pay for, and how.")
]
Cancel = Annotated[CancelOrderInput, strawberry.argument(description="What to cancel.")]


@strawberry.type
class OrderMutation:
    """How reservations become orders, and orders end."""

    @strawberry.mutation
    async def purchase_reservation(
        self,
        info: Info,
        input: Purchase,  # noqa: A002 - the argument's name in the API.
    ) -> PurchaseReservationPayload:
        """Pay for a reservation: its seats become yours, with a ticket for each.

        PaymentActionRequired: act with the provider, then make the same call with the same key.
        PaymentDeclined: make a new call with a new key. OutcomeUnknown: repeat the call.
        """
        request = PurchaseRequest(
            buyer_id=info.context.require_buyer().id,
            reservation_id=key_or_nothing(input.reservation_id, NodeKind.RESERVATION),
            email=input.email,
            payment_token=input.payment_token,
            idempotency_key=input.idempotency_key,
        )
        outcome = await purchase_reservation(info.context.box_office, request)
        info.context.forget()
        return await PurchaseReservationPayload.of(info.context, request.reservation_id, outcome)

    @strawberry.mutation
    async def cancel_order(self, info: Info, input: Cancel) -> CancelOrderPayload:  # noqa: A002
        """Cancel a paid order: its seats become free, its tickets void, and the money returns."""
        request = CancelOrderRequest(
            buyer_id=info.context.require_buyer().id,
            order_id=key_or_nothing(input.order_id, NodeKind.ORDER),
            reason=input.reason,
            idempotency_key=input.idempotency_key,
        )
        outcome = await cancel_order(info.context.box_office, request)
        info.context.forget()
        return CancelOrderPayload.of(outcome)
