"""Lists that keep their items by column, which can be answered without making an object of each."""

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Columns(Protocol):
    """A sequence of objects that also gives what it knows by column.

    It is a sequence to whoever wants objects, to graphql-core above all; a plan that selects
    nothing but plain data asks for the columns instead.
    """

    def __len__(self) -> int:
        """Count the items."""

    def __getitem__(self, index: int, /) -> Any:
        """Give one item as an object: the slow path."""

    def column(self, attribute: str) -> Sequence[Any] | None:
        """Give an attribute of all items, in order; None where it is not kept by column."""

    def blocks(self) -> Iterable[tuple[Hashable, int, int]]:
        """Divide the items into blocks, as (key, start, stop), together all and in order.

        Blocks with equal keys have equal content, for ever: their encoded bytes may be kept.
        """
