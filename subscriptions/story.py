"""One event's story as it is told to many viewers by somebody who keeps their places."""

from collections.abc import Awaitable, Callable
from contextlib import ExitStack

from subscriptions.follower import Follower
from subscriptions.watch import EventWatch

#: Asks the database for what came after a version, so that a delta from there can be had.
Reach = Callable[[EventWatch, int], Awaitable[None]]


class Story:
    """Follows an event once, however many are told of it (see `box_office.live.LiveStory`)."""

    def __init__(self, watch: EventWatch, listener: Callable[[], None], reach: Reach) -> None:
        self._watch = watch
        self._reach = reach
        self._end = ExitStack()
        self._end.enter_context(watch.followed())
        watch.listen(listener)
        self._end.callback(watch.unlisten, listener)

    @property
    def closed(self) -> bool:
        """Whether nothing more comes."""
        return self._watch.closed

    def place_at_once(self, since_version: int | None) -> Follower | None:
        """Let a viewer in if nothing has to be asked for that."""
        if since_version is None or self._watch.reaches(since_version):
            return Follower(self._watch, since_version)
        return None

    async def place(self, since_version: int | None) -> Follower:
        """Let a viewer in; whatever the database says, there is at least a snapshot to tell."""
        if since_version is not None and not self._watch.reaches(since_version):
            await self._reach(self._watch, since_version)
        return Follower(self._watch, since_version)

    def leave(self) -> None:
        """Follow no more. The second time does nothing."""
        self._end.close()
