"""Lists that keep their items by column, which can be answered without making an object of each."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import count
from math import isfinite
from typing import Any, Protocol, runtime_checkable

import orjson
from graphql import GRAPHQL_MAX_INT, GRAPHQL_MIN_INT

from compiled_documents.kept import KeptBlocks

#: Turns a part of a column into values to go out, in order. Raises where one of them is odd.
WriteColumn = Callable[[Sequence[Any]], Iterable[Any]]


@runtime_checkable
class Columns(Protocol):
    """A sequence of objects that also gives what it knows by column.

    It is a sequence to whoever wants objects, to graphql-core above all; a plan that selects
    nothing but plain data asks for the columns instead.
    """

    def __len__(self) -> int:
        """Count the items."""

    def __iter__(self) -> Iterator[Any]:
        """Give the items as objects: the slow path."""

    def column(self, attribute: str) -> Sequence[Any] | None:
        """Give an attribute of all items, in order; None where it is not kept by column.

        It is asked for once and sliced then, for such blocks alone as have to be written.
        """

    def blocks(self) -> Iterable[tuple[Hashable, int, int]]:
        """Divide the items into blocks, as (key, start, stop), together all and in order.

        Blocks with equal keys have equal content, for ever: their encoded bytes may be kept.
        """


#: Selections have numbers, so that kept bytes do not keep the plan that they were made by.
_NUMBERS = count()
#: Tells the key of a whole list from those of its blocks.
_WHOLE = object()


class ColumnsWriter:
    """Writes lists for one selection, block by block, and keeps what it wrote."""

    def __init__(
        self,
        columns: Sequence[tuple[str, WriteColumn]],
        rows: Callable[..., list[dict[str, Any]]],
        kept: KeptBlocks,
    ) -> None:
        """`rows` makes objects of columns; each column is (attribute, what writes its values)."""
        self._number = next(_NUMBERS)
        self._columns = columns
        self._rows = rows
        self._kept = kept
        #: The hash of what was asked for last.
        self._last_asked: int | None = None

    def write(self, items: Columns) -> orjson.Fragment | None:
        """Write a whole list; None: it has to be read item by item."""
        blocks = [*items.blocks()]
        block_keys = [block_key for block_key, _, _ in blocks]
        key = (self._number, items.__class__, _WHOLE, *block_keys)
        whole = self._kept.get(key)
        if whole is None:
            parts = self._parts(items, blocks)
            if parts is None:
                return None
            whole = _joined(parts)
            # It takes as much room as all its blocks: only what is asked for again is kept.
            asked = hash(key)
            if asked == self._last_asked:
                self._kept.keep(key, whole)
            self._last_asked = asked
        return orjson.Fragment(whole)

    def _parts(
        self, items: Columns, blocks: Iterable[tuple[Hashable, int, int]]
    ) -> list[bytes] | None:
        parts: list[bytes] = []
        columns: list[tuple[Sequence[Any], WriteColumn]] | None = None
        for block_key, start, stop in blocks:
            key = (self._number, items.__class__, block_key)
            part = self._kept.get(key)
            if part is None:
                columns = columns or self._columns_of(items)
                if columns is None:
                    return None
                part = self._written(columns, start, stop)
                self._kept.keep(key, part)
            parts.append(part)
        return parts

    def _columns_of(self, items: Columns) -> list[tuple[Sequence[Any], WriteColumn]] | None:
        columns = []
        for attribute, write in self._columns:
            column = items.column(attribute)
            if column is None:
                return None
            columns.append((column, write))
        return columns

    def _written(
        self, columns: list[tuple[Sequence[Any], WriteColumn]], start: int, stop: int
    ) -> bytes:
        """Write a block without the brackets of a list."""
        return orjson.dumps(self._rows(*(write(column[start:stop]) for column, write in columns)))[
            1:-1
        ]


def _joined(parts: list[bytes]) -> bytes:
    """Put a list together, with one copy of its bytes."""
    if not parts:
        return b"[]"
    parts[0] = b"[" + parts[0]
    parts[-1] += b"]"
    return b",".join(parts)


def one_by_one(complete: Callable[[Any], Any]) -> WriteColumn:
    """Write each value of a column."""
    return lambda column: [*map(complete, column)]


def each_once(complete: Callable[[Any], Any]) -> WriteColumn:
    """Write each object of a column once, however often it is in there."""

    def write(column: Sequence[Any]) -> Iterable[Any]:
        numbers = [*map(id, column)]
        written = {
            number: orjson.Fragment(orjson.dumps(complete(thing)))
            for number, thing in dict(zip(numbers, column, strict=True)).items()
        }
        return map(written.__getitem__, numbers)

    return write


def by_name(names: Mapping[int, str], complete: Callable[[Any], Any]) -> WriteColumn:
    """Write members of an enum, whose names are known by their identity."""

    def write(column: Sequence[Any]) -> Iterable[Any]:
        try:
            return [*map(names.__getitem__, map(id, column))]
        except KeyError:
            return [*map(complete, column)]

    return write


def unless_odd(
    are_plain: Callable[[Sequence[Any]], bool], complete: Callable[[Any], Any]
) -> WriteColumn:
    """Let a column through as it is where all its values may go out so."""
    return lambda column: column if are_plain(column) else [*map(complete, column)]


def are_texts(column: Sequence[Any]) -> bool:
    """Tell whether there are but strings."""
    return {str}.issuperset(map(type, column))


def are_truths(column: Sequence[Any]) -> bool:
    """Tell whether there are but true and false."""
    return {bool}.issuperset(map(type, column))


def are_ints(column: Sequence[Any]) -> bool:
    """Tell whether there are but numbers that GraphQL's Int can be."""
    return (
        {int}.issuperset(map(type, column))
        and min(column, default=0) >= GRAPHQL_MIN_INT
        and max(column, default=0) <= GRAPHQL_MAX_INT
    )


def are_floats(column: Sequence[Any]) -> bool:
    """Tell whether there are but finite numbers; of no other is the sum finite."""
    return {float}.issuperset(map(type, column)) and isfinite(sum(column))


#: What tells of a column of a built-in scalar that its values go out as they are.
PLAIN_COLUMNS: dict[str, Callable[[Sequence[Any]], bool]] = {
    "String": are_texts,
    "ID": are_texts,
    "Boolean": are_truths,
    "Int": are_ints,
    "Float": are_floats,
}
