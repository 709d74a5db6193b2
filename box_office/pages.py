"""Pages of lists that grow: by key, never by number, so that a new row moves nobody's page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import sqlalchemy as sa

from box_office.database import Database
from box_office.reading import Columns, Rows, read_rows

Row = TypeVar("Row")

#: What a list can be sorted by; None: by nothing but the id.
SortValue = datetime | str | None


@dataclass(frozen=True, slots=True)
class Key:
    """A row's place in a sorted list: what it is sorted by, and its id, which decides ties."""

    value: SortValue
    id: UUID


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted: so many from the start, or backwards from the end."""

    size: int
    after: Key | None = None
    before: Key | None = None
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class PageOf(Generic[Row]):
    """A part of a list, always in the list's own order, and the key of each of its rows."""

    rows: Sequence[Row]
    keys: Sequence[Key]
    has_next: bool
    has_previous: bool


@dataclass(frozen=True, slots=True)
class Sorting:
    """How a list is sorted: by a column and, for ties, by id. Without a column: by id alone."""

    id: sa.SQLColumnExpression[UUID]
    value: sa.SQLColumnExpression[Any] | None = None
    descending: bool = False


async def read_page(
    database: Database, statement: Columns, page: Page, sorting: Sorting
) -> PageOf[Any]:
    """Read one page of a statement. Each row is what was selected, and two columns of our own."""
    value = sa.null() if sorting.value is None else sorting.value
    statement = statement.add_columns(value.label("page_value"), sorting.id.label("page_id"))
    downwards = sorting.descending is not page.backwards
    for key, is_beyond in ((page.after, sorting.descending), (page.before, not sorting.descending)):
        if key is not None:
            statement = statement.where(_beyond(sorting, key, downwards=is_beyond))
    columns = [sorting.id] if sorting.value is None else [sorting.value, sorting.id]
    order = [column.desc() if downwards else column.asc() for column in columns]
    # One more than asked tells whether there is more.
    return _page_of(
        await read_rows(database, statement.order_by(*order).limit(page.size + 1)), page
    )


def _beyond(sorting: Sorting, key: Key, *, downwards: bool) -> sa.ColumnElement[bool]:
    if sorting.value is None:
        return sorting.id < key.id if downwards else sorting.id > key.id
    here, there = sa.tuple_(sorting.value, sorting.id), (key.value, key.id)
    return here < there if downwards else here > there


def _page_of(found: Rows, page: Page) -> PageOf[Any]:
    more = len(found) > page.size
    rows = list(found[: page.size])
    if page.backwards:
        rows.reverse()
    return PageOf(
        rows=rows,
        keys=[Key(row.page_value, row.page_id) for row in rows],
        has_next=page.before is not None if page.backwards else more,
        has_previous=more if page.backwards else page.after is not None,
    )
