"""One subscriber's place in an event's story: nothing but the version it was told."""

from box_office.live import LiveDelta, LiveMessage, LiveSnapshot
from subscriptions.watch import EventWatch


class Follower:
    """Gives the next message when it is asked for. However long that takes, nothing piles up."""

    __slots__ = ("_fits", "_generation", "_has_begun", "_knows_stale", "_version", "_watch")

    def __init__(self, watch: EventWatch, since_version: int | None = None) -> None:
        """Begin after `since_version`, or with all seats when there is none."""
        self._watch = watch
        self._version = -1 if since_version is None else since_version
        self._generation = watch.generation
        self._knows_stale = False
        self._has_begun = False
        #: Whether the viewer has what a delta from `_version` is applied to.
        self._fits = True

    def first_message(self) -> LiveMessage:
        """Tell what came after `since_version`, be it nothing; all seats if that cannot be told."""
        self._has_begun = True
        return self._missed()

    def next_message(self) -> LiveMessage | None:
        """Tell what happened since the last message, or the first one; None when nothing did."""
        if not self._has_begun:
            return self.first_message()
        watch = self._watch
        stale_since = watch.stale_since
        if self._knows_stale:
            if stale_since is not None:
                return None
            self._knows_stale = False
            return self._missed()
        if self._version != watch.told.version or self._generation != watch.generation:
            return self._missed()
        if stale_since is None:
            return None
        self._knows_stale = True
        return watch.stale(self._version)

    def begin_anew(self, *, at_once: bool) -> None:
        """Tell all seats next, now or once something changes: what came last was not understood."""
        self._fits = False
        if at_once:
            self._version = -1

    def _missed(self) -> LiveDelta | LiveSnapshot:
        """Give a delta from the version told last, or a snapshot when too much came since."""
        watch = self._watch
        goes_on = self._fits and self._generation == watch.generation
        delta = watch.delta(self._version) if goes_on else None
        if delta is None:
            return self._all_seats()
        self._version = delta.version
        return delta

    def _all_seats(self) -> LiveSnapshot:
        self._version = self._watch.told.version
        self._generation = self._watch.generation
        self._fits = True
        return self._watch.snapshot()
