"""What every operation is handed: the box office, who asks, and loaders of its own."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

import strawberry

from box_office.boards import BoardView
from box_office.box_office import BoxOffice
from box_office.hot_events import HotEvents
from box_office.live import LiveSeats
from box_office.price_levels import SeatPriceLists, SeatPrices
from box_office.seat_maps import SeatGeometries
from schema.errors import too_many_seats, unauthenticated
from schema.kept import KnownSeats
from schema.loaders import Loaders
from schema.soon import Soon, then


@dataclass(frozen=True, slots=True)
class Buyer:
    """Whoever reserves: a signed-in user or a guest."""

    id: UUID
    is_guest: bool


@dataclass(frozen=True, slots=True)
class GuestSession:
    """A token, whose it is, and until when."""

    token: str
    expires_at: datetime
    buyer: Buyer


class Identity(Protocol):
    """Makes buyers known."""

    def start_guest_session(self, buyer: Buyer | None) -> GuestSession:
        """Give a new guest a token, or a known buyer a fresh one."""


#: Seats as objects in one answer; a whole arena of 20,000 twice. Larger maps have `states`.
OPERATION_SEATS_MAX = 50_000


@dataclass(slots=True)
class Context:
    """One operation's surroundings. `loaders` are its own; the rest is shared."""

    box_office: BoxOffice
    identity: Identity
    live: LiveSeats
    geometries: SeatGeometries
    seat_price_lists: SeatPriceLists
    buyer: Buyer | None
    request_id: str
    #: Shared like the rest when a server gives one; otherwise this request's own.
    hot_events: HotEvents = field(default_factory=HotEvents)
    known_seats: KnownSeats = field(default_factory=KnownSeats)
    loaders: Loaders = field(init=False)
    #: How many more seats this operation may show.
    seats_left: int = field(init=False)

    def __post_init__(self) -> None:
        """Begin with loaders that know nothing yet, and no seat shown."""
        self.seats_left = OPERATION_SEATS_MAX
        self.forget()

    def for_operation(self) -> Context:
        """Give a copy that remembers nothing: for the next operation, or event of a stream."""
        return replace(self)

    def forget(self) -> None:
        """Drop what was loaded: after a commit, so that the answer shows what now is."""
        office = self.box_office
        self.loaders = Loaders(
            office.database, office.boards, self.seat_price_lists, self.hot_events
        )

    def show_seats(self, count: int) -> None:
        """Count the seats that are shown. Nested lists of seats multiply; no client needs that."""
        self.seats_left -= count
        if self.seats_left < 0:
            raise too_many_seats(OPERATION_SEATS_MAX)

    def board_of_public(self, event_id: UUID) -> Soon[BoardView]:
        """Show the seats of an event that is known to be public, so that there must be some.

        They are the same to everybody who asks within this operation.
        """

        def found(view: BoardView | None) -> BoardView:
            if view is None:
                raise LookupError(f"The public event {event_id} has no seats.")
            return view

        return then(self.loaders.board(event_id), found)

    def prices_of_public(self, event_id: UUID) -> Soon[SeatPrices]:
        """Say what the seats of an event cost that is known to be public."""

        def found(prices: SeatPrices | None) -> SeatPrices:
            if prices is None:
                raise LookupError(f"The public event {event_id} has no prices.")
            return prices

        return then(self.loaders.prices(event_id), found)

    def require_buyer(self) -> Buyer:
        """Tell who is asking; without a token, say how to get one."""
        if self.buyer is None:
            raise unauthenticated()
        return self.buyer


Info = strawberry.Info[Context, None]
