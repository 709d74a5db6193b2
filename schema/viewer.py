"""Who is asking, as they see themselves."""

from __future__ import annotations

from functools import partial
from typing import Annotated
from uuid import UUID

import strawberry

from box_office.orders import count_orders_of_buyer, orders_of_buyer
from box_office.reservations import count_reservations_of_buyer, reservations_of_buyer
from schema.context import Buyer, Context, Info
from schema.enums import ReservationStatus
from schema.ids import NodeKind, encode_id
from schema.nodes import Node
from schema.orders import ORDER_CURSORS, Order
from schema.pagination import After, Connection, First, page_of
from schema.reservations import RESERVATION_CURSORS, Reservation

WantedStatus = Annotated[
    ReservationStatus | None,
    strawberry.argument(description="Only reservations that stand like this now."),
]


@strawberry.type
class Viewer(Node):
    """You: whoever the token of this request belongs to."""

    key: strawberry.Private[UUID]
    is_guest: bool
    """Whether you are known by a guest session only. Keep its token: it is all that ties your
    reservations and orders to you."""

    @strawberry.field
    async def reservations(
        self, info: Info, status: WantedStatus = None, first: First = None, after: After = None
    ) -> Connection[Reservation]:
        """Your reservations, the newest first."""
        database = info.context.box_office.database
        page = page_of(RESERVATION_CURSORS, first, after)
        return Connection.of(
            await reservations_of_buyer(database, self.key, status, page),
            RESERVATION_CURSORS,
            Reservation.of,
            partial(count_reservations_of_buyer, database, self.key, status),
        )

    @strawberry.field
    async def orders(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[Order]:
        """Your orders, the newest first."""
        database = info.context.box_office.database
        page = page_of(ORDER_CURSORS, first, after)
        return Connection.of(
            await orders_of_buyer(database, self.key, page),
            ORDER_CURSORS,
            Order.of,
            partial(count_orders_of_buyer, database, self.key),
        )

    @classmethod
    def of(cls, buyer: Buyer) -> Viewer:
        """Show a buyer to themselves."""
        return cls(id=encode_id(NodeKind.VIEWER, buyer.id), key=buyer.id, is_guest=buyer.is_guest)

    @classmethod
    async def load(cls, context: Context, key: UUID) -> Viewer | None:
        """Find the asking buyer; anybody else does not exist."""
        buyer = context.buyer
        return None if buyer is None or buyer.id != key else cls.of(buyer)
