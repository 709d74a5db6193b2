"""What PostgreSQL complained about during a race."""

import re
from collections import Counter
from pathlib import Path

#: Rolls back cleanly and is tried again, or tells of a row that another server has just written.
EXPECTED = {
    "deadlock detected",
    "canceling statement due to lock timeout",
    "a reservation of this buyer was just committed",
    'duplicate key value violates unique constraint "uq_reservations_one_open_per_buyer_and_event"',
    'duplicate key value violates unique constraint "pk_idempotency_keys"',
}


class PostgresLog:
    """The log of the tests' own PostgreSQL, from the moment this was made."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._start = path.stat().st_size

    def errors(self) -> Counter[str]:
        """Count the errors by what they say."""
        with self._path.open("rb") as log:
            log.seek(self._start)
            text = log.read().decode()
        return Counter(re.findall(r"(?:ERROR|FATAL|PANIC):  (.*)", text))

    def unexpected(self) -> dict[str, int]:
        """Give the errors that no retry of ours answers."""
        return {what: count for what, count in self.errors().items() if what not in EXPECTED}
