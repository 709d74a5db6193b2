"""What tells that a value is not what compiled code expects, so that graphql-core has to look."""

from typing import Any

from graphql import Undefined
from strawberry.execution import optimized_is_awaitable

#: How many classes are remembered as not awaitable; classes made while running are not kept.
CLASSES_MAX = 2_000


class Odd(Exception):  # noqa: N818 - a sign, not an error.
    """Something that compiled code does not do. It never leaves the package."""


class NotCompilable(Exception):  # noqa: N818 - a sign, too.
    """A document, or a type, of which no compiled code is made. It never leaves the package."""


class _AwaitableClasses(dict[type, bool]):
    """Whether instances of a class can be awaited; asked once for each class."""

    def ask(self, value: Any) -> bool:
        """Look at a value, and remember its class."""
        awaitable = optimized_is_awaitable(value)
        if len(self) < CLASSES_MAX:
            self[value.__class__] = awaitable
        return awaitable


_AWAITABLE = _AwaitableClasses()


def is_awaitable(value: Any) -> bool:
    """Tell whether a value can be awaited, as Strawberry does, at the price of a dictionary."""
    awaitable = _AWAITABLE.get(value.__class__)
    return _AWAITABLE.ask(value) if awaitable is None else awaitable


def check_value(value: Any) -> None:
    """Raise Odd for what graphql-core treats in its own way before it looks at the type."""
    if value is None or value is Undefined or isinstance(value, Exception) or is_awaitable(value):
        raise Odd
