"""The seats of an event, one by one, as clients see them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypeVar

import strawberry

from box_office.boards import BoardView
from box_office.price_levels import SeatPrices
from box_office.seat_maps import SeatGeometry
from schema.context import Context
from schema.enums import SeatStatus
from schema.ids import NodeId, encode_seat_ids
from schema.money import Money
from schema.nodes import Node
from schema.prices import PriceLevel
from schema.seat_maps import Section

if TYPE_CHECKING:
    from schema.events import Event

_STATUSES = tuple(SeatStatus)
T = TypeVar("T")


@strawberry.type
class EventSeat(Node):
    """One place of an event that can be sold.

    A standing area of 800 is 800 of them, without row, number and position. To draw a whole map,
    `seatMap.layoutUrl` and `availability.states` carry the same facts in a hundredth of the bytes.
    """

    # A map has 20,000 of these: no dictionary each, and plain attributes that cost no call.
    __slots__ = (
        "accessible",
        "event",
        "id",
        "index",
        "number",
        "price",
        "price_level",
        "row",
        "section",
        "status",
        "x",
        "y",
    )

    event: Annotated[Event, strawberry.lazy("schema.events")]
    """The event it is a seat of."""
    index: int
    """Its number in the seat map, from 0: the same in the layout, in `availability.states` and in
    the changes of a subscription."""
    section: Section
    """The part of the house it is in."""
    row: str | None
    """The name of its row, as on the seat; null in general admission."""
    number: str | None
    """Its number or letter within the row, as on the seat; null in general admission."""
    x: float | None
    """Its place from the left, in the units of the seat map; null in general admission."""
    y: float | None
    """Its place from the top, in the units of the seat map; null in general admission."""
    accessible: bool
    """Whether a wheelchair can use the place."""
    status: SeatStatus
    """Whether it can be had, at the version that `availability` of the same operation tells."""
    price_level: PriceLevel
    """What kind of seat it is in the event's price list."""
    price: Money
    """What it costs."""

    @classmethod
    async def load(cls, context: Context, node_id: NodeId) -> EventSeat | None:
        """Find a seat of a public event by its id."""
        from schema.events import Event  # noqa: PLC0415 - an event has seats, a seat its event.

        event = await Event.load(context, node_id.key)
        if event is None or node_id.seat_index is None:
            return None
        seating = await Seating.of(context, event)
        if node_id.seat_index >= seating.view.seat_count:
            return None
        return seating.seats([node_id.seat_index])[0]


class _MadeOnce(dict[int, T]):
    """Makes a thing when its position is first asked for, and gives the same one ever after."""

    def __init__(self, make: Callable[[int], T]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, position: int) -> T:
        thing = self[position] = self._make(position)
        return thing


@dataclass(frozen=True, slots=True)
class Seating:
    """An event's seats at one version, ready to be shown: what they share is made once."""

    event: Event
    view: BoardView
    geometry: SeatGeometry
    prices: SeatPrices
    context: Context

    @classmethod
    async def of(cls, context: Context, event: Event) -> Seating:
        """Bring together what never changes and the board that this operation has pinned."""
        view = await context.board_of_public(event.key)
        prices = await context.prices_of_public(event.key)
        geometry = await context.geometries.get(prices.seat_map_id)
        return cls(event, view, geometry, prices, context)

    def seats(self, seat_indexes: Sequence[int]) -> list[EventSeat]:
        """Show these seats, in this order. Written for 20,000 of them: flat, nothing made twice."""
        self.context.show_seats(len(seat_indexes))
        geometry, levels_of_seats, states = self.geometry, self.prices.seat_levels, self.view.states
        sections = _MadeOnce(lambda position: Section.of(geometry.sections[position]))
        levels = _MadeOnce(lambda position: PriceLevel.of(self.prices.levels[position]))
        seats = []
        ids = encode_seat_ids(self.event.key, seat_indexes)
        for seat_id, index in zip(ids, seat_indexes, strict=True):
            seat = EventSeat.__new__(EventSeat)
            seat.id = seat_id
            seat.event = self.event
            seat.index = index
            seat.section = sections[geometry.section_positions[index]]
            seat.row = geometry.rows[index]
            seat.number = geometry.numbers[index]
            seat.x = geometry.x(index)
            seat.y = geometry.y(index)
            seat.accessible = geometry.accessible[index] == 1
            seat.status = _STATUSES[states[index >> 2] >> 2 * (index & 3) & 3]
            seat.price_level = level = levels[levels_of_seats[index]]
            seat.price = level.price
            seats.append(seat)
        return seats

    def having(self, status: SeatStatus | None, seat_indexes: Iterable[int]) -> list[int]:
        """Pick those of these seats that have this status; without one, all."""
        if status is None:
            return list(seat_indexes)
        states, wanted = self.view.states, int(status)
        return [i for i in seat_indexes if states[i >> 2] >> 2 * (i & 3) & 3 == wanted]
