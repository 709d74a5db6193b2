"""What differs from run to run, by name: the first id seen is `<id 1>` wherever it comes again.

Everything else is compared word for word. The names are given in the order of the whole tour, so
an answer that has the right shape but speaks of another order or ticket is found, too.
"""

import re
from typing import Any

#: By the field it stands in, and then by its shape: a code of a refusal is no code of a ticket.
KINDS = {
    "id": ("id", re.compile(r"[A-Za-z0-9_-]{23}")),
    "code": ("code", re.compile(r"[2-9A-HJ-NP-Z]{10}|[2-9A-HJ-NP-Z]{20}")),
    "layoutUrl": ("layout", re.compile(r"/layouts/[A-Za-z0-9_-]{23}-[0-9a-f]{16}\.json")),
    "startsAt": ("time", re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:00Z")),
}


class Names:
    """The names given so far to what one tour has shown."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, str], str] = {}

    def settle(self, answer: Any, field: str = "") -> Any:
        """Replace what differs from run to run in an answer."""
        if isinstance(answer, dict):
            return {name: self.settle(value, name) for name, value in answer.items()}
        if isinstance(answer, list):
            return [self.settle(value, field) for value in answer]
        kind, shape = KINDS.get(field, ("", None))
        if shape is None or not isinstance(answer, str) or not shape.fullmatch(answer):
            return answer
        before = sum(known == kind for known, _ in self._given)
        return self._given.setdefault((kind, answer), f"<{kind} {before + 1}>")
