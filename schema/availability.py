"""Which seats of an event are free, now and as it changes, as clients see it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, overload
from uuid import UUID

import strawberry

from box_office.boards import BoardView, SectionCount
from box_office.live import LiveDelta, LiveMessage, LiveSnapshot, LiveStale
from schema.context import Context, Info
from schema.enums import SeatStatus
from schema.list_sizes import CHANGES, list_field
from schema.money import Money
from schema.scalars import SeatStates
from schema.seat_facts import SeatFacts, facts_of_public
from schema.seat_maps import Section
from schema.soon import Soon, soon_field, then


@strawberry.type
class SectionAvailability:
    """How many seats of a section are free, and from what price."""

    section: Section
    """The section it is about."""
    total: int
    """How many seats the section has at this event."""
    available: int
    """How many of them are free."""
    price_from: Money | None
    """What the cheapest free seat of the section costs; null when none is free."""


def sections_of(
    context: Context, event_id: UUID, counts: Iterable[SectionCount]
) -> Soon[list[SectionAvailability]]:
    """Show counted sections with their names and prices, which no statement is needed for."""
    return then(facts_of_public(context, event_id), lambda facts: _shown(facts, counts))


def _shown(facts: SeatFacts, counts: Iterable[SectionCount]) -> list[SectionAvailability]:
    return [
        SectionAvailability(
            section=facts.section(count.section_id),
            total=count.total,
            available=count.available,
            price_from=None
            if count.cheapest_price_level is None
            else facts.price_levels[count.cheapest_price_level].price,
        )
        for count in counts
    ]


class CountedSections(Sequence[SectionAvailability]):
    """All sections of an event, counted at one version.

    As `compiled_documents.Columns` they are one block, which is written down once for everybody who
    asks before the next change; nobody makes an object of each then.
    """

    def __init__(self, facts: SeatFacts, view: BoardView) -> None:
        self._facts = facts
        self._view = view

    def __len__(self) -> int:
        return len(self._view.sections)

    @overload
    def __getitem__(self, at: int) -> SectionAvailability: ...
    @overload
    def __getitem__(self, at: slice) -> list[SectionAvailability]: ...
    def __getitem__(self, at: int | slice) -> SectionAvailability | list[SectionAvailability]:
        return self._sections[at]

    def column(self, attribute: str) -> list[Any]:
        """Give an attribute of all sections."""
        return [getattr(section, attribute) for section in self._sections]

    def blocks(self) -> list[tuple[Hashable, int, int]]:
        """Give all of them as one block, if there are any."""
        key = (self._facts.number, "sections", self._view.number)
        return [(key, 0, len(self))] if self._view.sections else []

    @cached_property
    def _sections(self) -> list[SectionAvailability]:
        return _shown(self._facts, self._view.sections)


@strawberry.type
class Availability:
    """All seats of an event at one moment.

    Advice, not a promise: only the answer of `reserveSeats` says that a seat is yours.
    """

    view: strawberry.Private[BoardView]
    version: int
    """The number of this state: it rises by one with every committed change of any seat. Pass it to
    `seatAvailability(sinceVersion:)` to go on from here."""
    as_of: datetime
    """When the seats changed to this state, by the server's clock."""
    total: int
    """How many seats and standing places the event has: the sum of the next four."""
    available: int
    """How many are free."""
    held: int
    """How many are in somebody's reservation."""
    sold: int
    """How many are bought."""
    blocked: int
    """How many the organiser keeps from sale."""
    states: SeatStates
    """The state of every seat by its index: the smallest way to paint a whole map."""

    @soon_field(list[SectionAvailability])
    def sections(self, info: Info) -> Soon[CountedSections]:
        """Seats counted by section, in the order of the seat map."""
        facts = facts_of_public(info.context, self.view.event_id)
        return then(facts, lambda facts: CountedSections(facts, self.view))

    @classmethod
    def of(cls, view: BoardView) -> Availability:
        """Show a board."""
        return cls(
            view=view,
            version=view.version,
            as_of=view.as_of,
            total=view.seat_count,
            available=view.available,
            held=view.held,
            sold=view.sold,
            blocked=view.blocked,
            states=SeatStates(view.states_base64),
        )


@strawberry.type
class SeatChange:
    """A seat, and what it is now."""

    __slots__ = ("index", "status")

    index: int
    """Which seat: its index in the seat map."""
    status: SeatStatus
    """What it is now, whatever it was before."""


@strawberry.type
class AvailabilitySnapshot:
    """All seats, to start from or to start again from: forget what you knew of this event."""

    availability: Availability
    """The seats as they stand."""

    @classmethod
    def of(cls, message: LiveSnapshot) -> AvailabilitySnapshot:
        """Show a message of the live side."""
        return cls(availability=Availability.of(message.view))


@strawberry.type
class AvailabilityDelta:
    """What changed: apply it to exactly `fromVersion`, and the result is `version`.

    An empty one ends a stale time: what you show is true again.
    """

    message: strawberry.Private[LiveDelta]
    from_version: int
    """The version it applies to: the `version` of the message before."""
    version: int
    """The version it leads to. Pass the last one you have to `sinceVersion` after a broken line."""
    as_of: datetime
    """When the last of these changes was made, by the server's clock."""
    available: int
    """How many seats of the whole event are free now."""

    @list_field(at_most=CHANGES)
    def changes(self) -> list[SeatChange]:
        """Seats that changed, each once, with what they are now."""
        indexes, states = self.message.seat_indexes, self.message.states
        return [
            SeatChange(index=index, status=SeatStatus(state))
            for index, state in zip(indexes, states, strict=True)
        ]

    @soon_field(list[SectionAvailability])
    def sections(self, info: Info) -> Soon[list[SectionAvailability]]:
        """Sections with a seat that changed, counted anew."""
        return sections_of(info.context, self.message.event_id, self.message.sections)

    @classmethod
    def of(cls, message: LiveDelta) -> AvailabilityDelta:
        """Show a message of the live side."""
        return cls(
            message=message,
            from_version=message.from_version,
            version=message.version,
            as_of=message.as_of,
            available=message.available,
        )


@strawberry.type
class AvailabilityStale:
    """The server cannot see the newest seats for a while, so what you show may be behind.

    Reserving may still work. The next delta, perhaps an empty one, ends it.
    """

    since: datetime
    """Since when."""
    version: int
    """The last version you were told; it still holds as a place to resume from."""

    @classmethod
    def of(cls, message: LiveStale) -> AvailabilityStale:
        """Show a message of the live side."""
        return cls(since=message.since, version=message.version)


SeatAvailabilityMessage = Annotated[
    AvailabilitySnapshot | AvailabilityDelta | AvailabilityStale,
    strawberry.union(
        "SeatAvailabilityMessage",
        description="What a subscriber to an event's seats is told. First a snapshot, or what was"
        " missed since `sinceVersion`; then a delta whenever something changed, merged over about"
        " 50 to 100 ms. Versions only rise.",
    ),
]


def message_of(
    message: LiveMessage,
) -> AvailabilitySnapshot | AvailabilityDelta | AvailabilityStale:
    """Show any message of the live side."""
    match message:
        case LiveSnapshot():
            return AvailabilitySnapshot.of(message)
        case LiveDelta():
            return AvailabilityDelta.of(message)
        case LiveStale():
            return AvailabilityStale.of(message)
