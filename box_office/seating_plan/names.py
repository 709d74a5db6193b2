"""Names that repeat are told apart: the second "Balcony" becomes "Balcony (2)"."""

from collections.abc import Container
from itertools import count


def unused_name(name: str, taken: Container[str], length_max: int) -> str:
    """Give the name, or the first of "name (2)", "name (3)" … that nothing else has."""
    if name not in taken:
        return name
    for number in count(2):
        ending = f" ({number})"
        candidate = name[: length_max - len(ending)].rstrip() + ending
        if candidate not in taken:
            return candidate
    raise AssertionError("Counting never ends.")
