"""Finding anything again by its id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

import strawberry

from schema.context import Context, Info
from schema.events import Event
from schema.ids import NodeId, NodeKind, decode_id
from schema.nodes import Node
from schema.orders import Order, Ticket
from schema.performers import Performer
from schema.prices import PriceLevel
from schema.reservations import Reservation
from schema.seat_maps import SeatMap, Section
from schema.seats import EventSeat
from schema.soon import Soon, soon_field
from schema.venues import Venue
from schema.viewer import Viewer

Find = Callable[[Context, NodeId], Soon[Node | None]]


def _by_key(load: Callable[[Context, UUID], Soon[Node | None]]) -> Find:
    return lambda context, node_id: load(context, node_id.key)


#: How each kind is found. Who may see it, the type's own `load` knows.
_FINDERS: dict[NodeKind, Find] = {
    NodeKind.EVENT: _by_key(Event.load),
    NodeKind.EVENT_SEAT: EventSeat.load,
    NodeKind.ORDER: _by_key(Order.load),
    NodeKind.PERFORMER: _by_key(Performer.load),
    NodeKind.PRICE_LEVEL: _by_key(PriceLevel.load),
    NodeKind.RESERVATION: _by_key(Reservation.load),
    NodeKind.SEAT_MAP: _by_key(SeatMap.load),
    NodeKind.SECTION: _by_key(Section.load),
    NodeKind.TICKET: _by_key(Ticket.load),
    NodeKind.VENUE: _by_key(Venue.load),
    NodeKind.VIEWER: _by_key(Viewer.load),
}


@strawberry.type
class NodeQuery:
    """What can be asked about anything."""

    @soon_field(Node | None)
    def node(
        self,
        info: Info,
        id: Annotated[  # noqa: A002 - the argument's name in the API.
            strawberry.ID, strawberry.argument(description="The `id` of anything, as you got it.")
        ],
    ) -> Soon[Node | None]:
        """Anything by its id; null when there is none, or it is neither public nor yours."""
        node_id = decode_id(id)
        return None if node_id is None else _FINDERS[node_id.kind](info.context, node_id)
