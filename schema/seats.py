"""The seats of an event, one by one, as clients see them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import strawberry

from box_office.boards import BoardView
from schema.context import Context
from schema.enums import SeatStatus
from schema.ids import NodeId, encode_seat_ids
from schema.money import Money
from schema.nodes import Node
from schema.prices import PriceLevel
from schema.seat_facts import SeatFacts, facts_of_public
from schema.seat_maps import Section
from schema.soon import Soon, here, then

if TYPE_CHECKING:
    from schema.events import Event

_STATUSES = tuple(SeatStatus)


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

    #: What is known of a seat beside its event, in the order that `each` takes it.
    BY_COLUMN: ClassVar[tuple[str, ...]] = (
        *("id", "index", "section", "row", "number", "x", "y"),
        *("accessible", "status", "price_level", "price"),
    )

    @classmethod
    def each(cls, event: Event, rows: Iterable[Sequence[Any]]) -> Iterator[EventSeat]:
        """Make a seat of each row. Written for 20,000 of them: flat."""
        for row in rows:
            seat = cls.__new__(cls)
            seat.event = event
            seat.id, seat.index, seat.section, seat.row, seat.number, *others = row
            seat.x, seat.y, seat.accessible, seat.status, seat.price_level, seat.price = others
            yield seat

    @classmethod
    async def load(cls, context: Context, node_id: NodeId) -> EventSeat | None:
        """Find a seat of a public event by its id."""
        from schema.events import Event  # noqa: PLC0415 - an event has seats, a seat its event.

        event = await here(Event.load(context, node_id.key))
        if event is None or node_id.seat_index is None:
            return None
        seating = await here(Seating.of(context, event))
        if node_id.seat_index >= seating.view.seat_count:
            return None
        return seating.seats([node_id.seat_index])[0]


@dataclass(frozen=True, slots=True)
class Seating:
    """An event's seats at one version, ready to be shown."""

    event: Event
    view: BoardView
    facts: SeatFacts
    context: Context

    @classmethod
    def of(cls, context: Context, event: Event) -> Soon[Seating]:
        """Bring together what never changes and the board that this operation has pinned."""

        def with_view(view: BoardView) -> Soon[Seating]:
            facts = facts_of_public(context, event.key)
            return then(facts, lambda facts: cls(event, view, facts, context))

        return then(context.board_of_public(event.key), with_view)

    def seats(self, seat_indexes: Sequence[int]) -> list[EventSeat]:
        """Show these seats, in this order. For thousands of them there is `SeatColumns`."""
        self.context.show_seats(len(seat_indexes))
        return self.made(seat_indexes)

    def made(self, seat_indexes: Sequence[int]) -> list[EventSeat]:
        """Make objects of these seats."""
        ids = encode_seat_ids(self.event.key, seat_indexes)
        return [*EventSeat.each(self.event, map(self._facts_of, ids, seat_indexes))]

    def _facts_of(self, seat_id: strawberry.ID, index: int) -> tuple[Any, ...]:
        """Give what `EventSeat.BY_COLUMN` names."""
        geometry = self.facts.geometry
        level = self.facts.price_levels[self.facts.prices.seat_levels[index]]
        return (
            *(seat_id, index, self.facts.sections[geometry.section_positions[index]]),
            *(geometry.rows[index], geometry.numbers[index], geometry.x(index), geometry.y(index)),
            *(geometry.is_accessible(index), _STATUSES[self.view.seat_states[index]]),
            *(level, level.price),
        )
