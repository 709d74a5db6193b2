"""Production's limits, made so small that every world meets them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from box_office import availability
from subscriptions import board, boards, catching_up, ring, watch

SMALL: tuple[tuple[Any, str, float], ...] = (
    (availability, "CHANGES_MAX", 6),
    (board, "HELD_BACK_MAX", 2),
    (boards, "EARLY_CHANGES_MAX", 2),
    (catching_up, "CATCH_UP_VERSIONS_MAX", 4),
    (catching_up, "RECENT_VERSIONS_MAX", 8),
    (ring, "RECENT_VERSIONS_MAX", 8),
    (ring, "RECENT_SEATS_MAX", 20),
    (ring, "RECENT_SECONDS", 1.5),
    (watch, "DELTAS_MAX", 1),
)


@contextmanager
def replaced(owner: Any, name: str, by: Any) -> Iterator[None]:
    """Put something else in production's place; fail loudly when there is no such place."""
    before = vars(owner).get(name)
    assert before is not None, f"{owner.__name__}.{name} is no more: what replaces it shows nothing"
    setattr(owner, name, by)
    try:
        yield
    finally:
        setattr(owner, name, before)


@contextmanager
def small_limits() -> Iterator[None]:
    """Make all of them small within the block."""
    with ExitStack() as stack:
        for owner, name, value in SMALL:
            stack.enter_context(replaced(owner, name, value))
        yield
