"""All broadcasts of this server: one for each subscription that is asked for, however often."""

import secrets
from collections.abc import Awaitable, Callable

from box_office.live import LiveMessage, LiveStory, UnknownEvent
from onsale.graphql.answers import Answer
from onsale.graphql.broadcast import Broadcast, Subscriber, answered
from onsale.graphql.operations import Operation
from onsale.graphql.served_schema import ServedSchema
from onsale.graphql.sharing import Key, Shared, Sharing
from schema.availability import message_of
from schema.context import Context


class Broadcasts:
    """Finds who asks for the same, and tells it to them as one."""

    def __init__(self, schema: ServedSchema, make_context: Callable[[str], Context]) -> None:
        """Share the subscriptions of `schema`.

        `make_context` gives the surroundings of an execution for nobody in particular, by its
        request id: what is told to all must not know of any of them.
        """
        self._sharing = Sharing(schema)
        self._make_context = make_context
        self._broadcasts: dict[Key, Broadcast] = {}

    def look(self, operation: Operation) -> Shared | None:
        """Say what can be shared of an operation; None: it needs an execution of its own."""
        return self._sharing.look(operation)

    def enter_at_once(self, shared: Shared, subscriber: Subscriber) -> bool:
        """Let somebody into a broadcast that is on, if nothing has to be waited for."""
        broadcast = self._broadcasts.get(shared.key)
        return broadcast is not None and broadcast.enter_at_once(subscriber, shared.since_version)

    async def enter(self, shared: Shared, subscriber: Subscriber) -> bool:
        """Let somebody in; False: an execution of its own has to say what is wrong."""
        broadcast = self._broadcasts.get(shared.key)
        if broadcast is None:
            broadcast = self._broadcasts[shared.key] = self._begin(shared)
        try:
            await broadcast.enter(subscriber, shared.since_version)
        except Exception:  # noqa: BLE001 - the execution meets it again, and tells it in its words.
            return False
        return True

    def __len__(self) -> int:
        return len(self._broadcasts)

    def _begin(self, shared: Shared) -> Broadcast:
        request_id = f"live-{secrets.token_hex(8)}"

        async def open_story(listener: Callable[[], None]) -> LiveStory:
            event_id = self._sharing.event_of(shared)
            if event_id is None:
                raise UnknownEvent
            return await self._make_context(request_id).live.story(event_id, listener)

        def over() -> None:
            if self._broadcasts.get(shared.key) is broadcast:
                del self._broadcasts[shared.key]

        broadcast = Broadcast(open_story, self._execution(shared.operation), request_id, over)
        return broadcast

    def _execution(self, operation: Operation) -> Callable[[LiveMessage, str], Awaitable[Answer]]:
        plan, variables = operation.plan, operation.request.variables

        def execute(message: LiveMessage, request_id: str) -> Awaitable[Answer]:
            context = self._make_context(request_id)
            return answered(
                lambda: plan.run_event(message_of(message), variables, context), request_id
            )

        return execute
