"""How fast a client may send."""

import time


class Pace:
    """How many messages a client may still send: some at once, and then so many a second."""

    def __init__(self, per_second: float, at_once: int) -> None:
        self._per_second = per_second
        self._most = self._left = float(at_once)
        self._looked_at = time.monotonic()

    def allows_one(self) -> bool:
        """Count a message."""
        now = time.monotonic()
        regained = (now - self._looked_at) * self._per_second
        self._left = min(self._left + regained, self._most) - 1
        self._looked_at = now
        return self._left >= 0
