"""Finding events."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import strawberry

from box_office.event_types import event_types
from box_office.events import count_events, events_page
from schema.context import Info
from schema.event_types import EventType
from schema.events import Event, EventBy, EventFilter, EventSort
from schema.pagination import After, Before, Connection, First, Last, page_of
from schema.soon import Soon, soon_field


@strawberry.type
class EventQuery:
    """What can be asked about events."""

    @strawberry.field
    async def events(  # noqa: PLR0917 - GraphQL passes arguments by name.
        self,
        info: Info,
        filter: Annotated[  # noqa: A002 - the argument's name in the API.
            EventFilter | None,
            strawberry.argument(description="Which events; without it, all that are public."),
        ] = None,
        sort: Annotated[
            EventSort | None,
            strawberry.argument(description="In which order; without it, the earliest first."),
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Event]:
        """Public events, past ones too, a page at a time.

        For what is to come, ask with `filter: { startsFrom: … }`.
        """
        database = info.context.box_office.database
        order = sort or EventSort()
        wanted = (filter or EventFilter()).wanted()
        page = page_of(order.cursors(), first, after, last, before)
        return Connection.of(
            await events_page(database, wanted, order.wanted(), page),
            order.cursors(),
            Event.of,
            partial(count_events, database, wanted),
        )

    @soon_field(Event | None)
    def event(
        self,
        info: Info,
        by: Annotated[EventBy, strawberry.argument(description="By its id or by its slug.")],
    ) -> Soon[Event | None]:
        """One public event; null when there is none by this id or slug."""
        return by.find(info.context)

    @strawberry.field
    async def event_types(self, info: Info) -> list[EventType]:
        """Kinds of events, by name: what a visitor may choose from."""
        return [EventType.of(row) for row in await event_types(info.context.box_office.database)]
