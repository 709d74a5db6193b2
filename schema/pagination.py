"""Pages of lists that grow, as clients ask for them and turn them over."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar
from uuid import UUID

import strawberry

from box_office.pages import Key, Page, PageOf
from schema.errors import bad_input

PAGE_SIZE = 20
PAGE_SIZE_MAX = 100

First = Annotated[
    int | None,
    strawberry.argument(
        description=f"How many from the start of the list, or after `after`: 1 to {PAGE_SIZE_MAX}."
        f" {PAGE_SIZE} when neither this nor `last` is given."
    ),
]
After = Annotated[
    str | None,
    strawberry.argument(description="Only what comes after this cursor: `pageInfo.endCursor`."),
]
Last = Annotated[
    int | None,
    strawberry.argument(
        description=f"How many from the end of the list, or before `before`: 1 to {PAGE_SIZE_MAX}."
        " Not together with `first`. They come in the list's order all the same."
    ),
]
Before = Annotated[
    str | None,
    strawberry.argument(description="Only what comes before this cursor: `pageInfo.startCursor`."),
]


@dataclass(frozen=True, slots=True)
class CursorKind:
    """Which list a cursor belongs to: one of another list, or sorted otherwise, is refused."""

    name: str
    value: type[datetime | str] | None = None


def page_of(
    kind: CursorKind,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> Page:
    """Read what a client says of the page it wants. Refuses what makes no sense, and says why."""
    if first is not None and last is not None:
        raise bad_input("Ask for `first` or for `last`, not for both.")
    size = first if first is not None else last
    if size is not None and not 1 <= size <= PAGE_SIZE_MAX:
        asked = "first" if first is not None else "last"
        raise bad_input(f"`{asked}` is {size}; ask for 1 to {PAGE_SIZE_MAX}.")
    return Page(
        size=PAGE_SIZE if size is None else size,
        after=None if after is None else _read(after, kind, "after"),
        before=None if before is None else _read(before, kind, "before"),
        backwards=last is not None,
    )


def write_cursor(key: Key, kind: CursorKind) -> str:
    """Write a row's place in a list. Opaque to clients."""
    value = key.value.astimezone(UTC).isoformat() if isinstance(key.value, datetime) else key.value
    text = json.dumps([kind.name, value, key.id.hex], separators=(",", ":"))
    return urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def read_cursor(text: str, kind: CursorKind) -> Key | None:
    """Read a cursor of this kind. Anything we would not have written ourselves is none."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", text, re.ASCII):
        return None
    try:
        padded = text + "=" * (-len(text) % 4)
        name, value, key_id = json.loads(urlsafe_b64decode(padded))
        if kind.value is datetime:
            value = datetime.fromisoformat(value)
        key = Key(value, UUID(hex=key_id))
        return key if name == kind.name and write_cursor(key, kind) == text else None
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def _read(cursor: str, kind: CursorKind, argument: str) -> Key:
    key = read_cursor(cursor, kind)
    if key is None:
        raise bad_input(
            f"`{argument}` is no cursor of this list, sorted like this; send a `cursor` as you got"
            " it, with the same `sort`."
        )
    return key


@strawberry.type
class PageInfo:
    """Where a page stands in its list, and how to turn it over."""

    has_next_page: bool
    """Whether there is more after this page: ask with `after: endCursor`."""
    has_previous_page: bool
    """Whether there is more before this page: ask with `last` and `before: startCursor`."""
    start_cursor: str | None
    """The cursor of the page's first item; null when the page is empty."""
    end_cursor: str | None
    """The cursor of the page's last item; null when the page is empty."""


T = TypeVar("T")
Row = TypeVar("Row")


@strawberry.type
class Edge(Generic[T]):
    """An item of a page, and its place in the list."""

    cursor: str
    """The item's place in the list: what `after` and `before` take. It stays good when items are
    added or removed, even this one."""
    node: T
    """The item."""


@strawberry.type
class Connection(Generic[T]):
    """One page of a list. Items that join the list meanwhile move nobody's page."""

    edges: list[Edge[T]]
    """The items of this page, each with its cursor."""
    nodes: list[T]
    """The items of this page, for who needs no cursors."""
    page_info: PageInfo
    """Whether there is more, and the cursors to get it."""
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field
    async def total_count(self) -> int | None:
        """How many items the whole list has. Counted only when you ask, so ask when you show it."""
        return await self.count()

    @classmethod
    def of(
        cls,
        page: PageOf[Row],
        kind: CursorKind,
        node: Callable[[Row], T],
        count: Callable[[], Awaitable[int]],
    ) -> Connection[T]:
        """Show a page that was read."""
        nodes = [node(row) for row in page.rows]
        cursors = [write_cursor(key, kind) for key in page.keys]
        return cls(
            edges=[Edge(cursor=c, node=n) for c, n in zip(cursors, nodes, strict=True)],
            nodes=nodes,
            page_info=PageInfo(
                has_next_page=page.has_next,
                has_previous_page=page.has_previous,
                start_cursor=cursors[0] if cursors else None,
                end_cursor=cursors[-1] if cursors else None,
            ),
            count=count,
        )
