"""Lists are turned over page by page, both ways, whatever happens to them meanwhile."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from box_office.pages import Key
from schema.pagination import CursorKind, read_cursor, write_cursor
from tests.graphql.conftest import Api
from tests.graphql.programme import Programme

PAGE = """
query ($sort: EventSort, $first: Int, $after: String, $last: Int, $before: String) {
  events(sort: $sort, first: $first, after: $after, last: $last, before: $before) {
    edges { cursor node { title } } nodes { title }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
START = datetime(2027, 3, 1, 20, tzinfo=UTC)


async def page(api: Api, **asked: Any) -> tuple[list[str], dict[str, Any]]:
    found = (await api.ask(PAGE, **asked))["events"]
    assert [edge["node"] for edge in found["edges"]] == found["nodes"]
    if found["edges"]:
        assert found["pageInfo"]["startCursor"] == found["edges"][0]["cursor"]
        assert found["pageInfo"]["endCursor"] == found["edges"][-1]["cursor"]
    return [node["title"] for node in found["nodes"]], found["pageInfo"]


async def five_events(programme: Programme) -> list[str]:
    """Two pairs of them start together, so that the id decides."""
    titles = ["a", "b", "c", "d", "e"]
    for title, day in zip(titles, [0, 0, 1, 2, 2], strict=True):
        await programme.event(title, starts_at=START + timedelta(days=day))
    return titles


ORDERS = [(by, way) for by in ("STARTS_AT", "TITLE", "CITY") for way in ("ASC", "DESC")]


async def test_forward_pages_show_every_event_once(api: Api, programme: Programme) -> None:
    expected = await five_events(programme)

    for by, direction in ORDERS:
        for size in (1, 2, 5):
            sort, seen, cursor, more = {"by": by, "direction": direction}, list[str](), None, True
            while more:
                titles, info = await page(api, sort=sort, first=size, after=cursor)
                assert info["hasPreviousPage"] is (cursor is not None)
                seen += titles
                cursor, more = info["endCursor"], info["hasNextPage"]
            assert seen == (expected if direction == "ASC" else expected[::-1])


async def test_backward_pages_show_the_same_in_the_same_order(
    api: Api, programme: Programme
) -> None:
    expected = await five_events(programme)

    for by, direction in ORDERS:
        sort, seen, cursor, more = {"by": by, "direction": direction}, list[str](), None, True
        while more:
            titles, info = await page(api, sort=sort, last=2, before=cursor)
            assert info["hasNextPage"] is (cursor is not None)
            seen = titles + seen
            cursor, more = info["startCursor"], info["hasPreviousPage"]
        assert seen == (expected if direction == "ASC" else expected[::-1])


async def test_events_that_join_or_leave_move_nobodys_page(api: Api, programme: Programme) -> None:
    await five_events(programme)
    _, info = await page(api, first=2)

    await programme.event("before all", starts_at=START - timedelta(days=1))
    await programme.execute("UPDATE events SET state = 'DRAFT' WHERE title = 'b'")
    await programme.event("after the page", starts_at=START + timedelta(hours=1))

    titles, _ = await page(api, first=2, after=info["endCursor"])
    assert titles == ["after the page", "c"]


async def test_a_range_between_two_cursors_can_be_asked_for(api: Api, programme: Programme) -> None:
    await five_events(programme)
    found = (await api.ask(PAGE))["events"]["edges"]

    titles, _ = await page(api, after=found[0]["cursor"], before=found[4]["cursor"])

    assert titles == ["b", "c", "d"]


async def test_a_page_has_twenty_items_unless_asked_otherwise(
    api: Api, programme: Programme
) -> None:
    for day in range(21):
        await programme.event(f"{day:02}", starts_at=START + timedelta(days=day))

    titles, info = await page(api)

    assert len(titles) == 20
    assert info["hasNextPage"] is True


async def test_a_page_has_one_to_a_hundred_items(api: Api) -> None:
    for argument in ("first", "last"):
        for size in (1, 100):
            assert await api.codes(PAGE, **{argument: size}) == []
        for size in (-1, 0, 101, -(2**31), 2**31 - 1):
            (error,) = await api.errors(PAGE, **{argument: size})
            assert error["extensions"] == {"code": "BAD_USER_INPUT"}
            assert argument in error["message"]


async def test_a_page_is_asked_for_from_one_end(api: Api) -> None:
    assert await api.codes(PAGE, first=2, last=2) == ["BAD_USER_INPUT"]


async def test_an_empty_list_is_a_page_without_cursors(api: Api) -> None:
    titles, info = await page(api)

    assert titles == []
    assert info == {
        "hasNextPage": False,
        "hasPreviousPage": False,
        "startCursor": None,
        "endCursor": None,
    }


async def test_the_whole_list_is_counted_when_asked(api: Api, programme: Programme) -> None:
    await five_events(programme)

    found = await api.ask(
        """{ events(first: 2) { totalCount nodes { title } }
             some: events(filter: {startsFrom: "2027-03-02T00:00:00Z"}) { totalCount } }"""
    )

    assert found["events"]["totalCount"] == 5
    assert found["some"]["totalCount"] == 3


async def test_a_foreign_cursor_is_bad_user_input(api: Api, programme: Programme) -> None:
    await five_events(programme)
    _, info = await page(api, first=2)
    cursor = info["endCursor"]
    by_title = (await page(api, sort={"by": "TITLE"}, first=1))[1]["endCursor"]
    downwards = (await page(api, sort={"direction": "DESC"}, first=1))[1]["endCursor"]

    for foreign in (
        "",
        "x",
        "2",
        cursor + "=",
        cursor[:-1],
        " " + cursor,
        by_title,
        downwards,
        "\ud800",
        "A" * 10_000,
        encode('["events STARTS_AT ASC","2027-03-01",""]'),
        encode("[[[[[[[[[[]]]]]]]]]]"),
        encode("NaN"),
        encode("[" * 10_000),
        encode('{"a":1}'),
    ):
        for argument in ("after", "before"):
            (error,) = await api.errors(PAGE, **{argument: foreign})
            assert error["extensions"] == {"code": "BAD_USER_INPUT"}, foreign
            assert argument in error["message"]


def encode(text: str) -> str:
    return urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "value", [datetime(1, 1, 1, tzinfo=UTC), datetime(2027, 3, 1, 20, 0, 0, 1, tzinfo=UTC)]
)
def test_a_cursor_of_moments_says_what_was_written_into_it(value: datetime) -> None:
    kind, key = CursorKind("moments", datetime), Key(value, uuid4())

    assert read_cursor(write_cursor(key, kind), kind) == key


@pytest.mark.parametrize("value", ["", "hamlet", 'ĳ \U0001f3ad " \\'])
def test_a_cursor_of_words_says_what_was_written_into_it(value: str) -> None:
    kind, key = CursorKind("words", str), Key(value, uuid4())

    assert read_cursor(write_cursor(key, kind), kind) == key


def test_a_cursor_of_ids_says_what_was_written_into_it() -> None:
    kind, key = CursorKind("ids"), Key(None, uuid4())

    assert read_cursor(write_cursor(key, kind), kind) == key
