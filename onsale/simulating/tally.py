"""What is counted while the crowd is at it."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """How often what happened, and how long it took."""

    #: By operation: the seconds of every call that was answered.
    seconds: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    #: By operation and code: expected refusals.
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    #: In people's words: "reserved", "purchased", "left with nothing" …
    done: Counter[str] = field(default_factory=Counter)
    #: Answers that no client may get, by what they were.
    unexpected: Counter[str] = field(default_factory=Counter)
    #: By such an answer: the last one's request id, by which the server's log knows it.
    request_ids: dict[str, str] = field(default_factory=dict)
    #: Calls whose answer never came, each asked again.
    unanswered: int = 0


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value that this share of all does not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(math.ceil(share * len(ranked)) - 1, 0)]
