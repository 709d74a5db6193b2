"""The seats of an event, live."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import strawberry

from box_office.live import UnknownEvent
from schema.availability import SeatAvailabilityMessage, message_of
from schema.context import Info
from schema.errors import bad_input
from schema.ids import NodeKind, key_of

EventId = Annotated[
    strawberry.ID, strawberry.argument(description="The event to follow: an `Event.id`.")
]
SinceVersion = Annotated[
    int | None,
    strawberry.argument(
        description="The last version you have. You get only what came after it, if that is not"
        " too long ago, and a snapshot otherwise; without it, a snapshot."
    ),
]


@strawberry.type
class SeatAvailabilitySubscription:
    """What can be followed about seats."""

    @strawberry.subscription
    async def seat_availability(
        self, info: Info, event_id: EventId, since_version: SinceVersion = None
    ) -> AsyncGenerator[SeatAvailabilityMessage]:
        """Every change of an event's seats, as it happens. Open to everybody.

        First comes what you miss: a snapshot, or the changes since `sinceVersion`. Then every
        change, merged over about 50 to 100 ms. After a broken line, subscribe again with the last
        version.
        """
        key = key_of(event_id, NodeKind.EVENT)
        if key is None:
            raise bad_input("`eventId` is no id of an event; send `id` of an Event as you got it.")
        try:
            async with aclosing(info.context.live.follow(key, since_version)) as messages:
                async for message in messages:
                    yield message_of(message)
        except UnknownEvent:
            raise bad_input("There is no public event with this `eventId`.") from None
