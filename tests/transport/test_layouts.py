"""Layouts as files: packed as each client likes it, once for all of them."""

import asyncio
from collections.abc import AsyncIterator

import brotli
import pytest

from box_office.database import Database
from onsale import layouts as serving
from onsale.content_codings import Coding, has_one_of, taken_codings
from onsale.layouts import LayoutFile, Layouts
from tests.graphql.programme import Programme
from tests.graphql.test_loading import counting

BR, GZIP, PLAIN = Coding.BROTLI, Coding.GZIP, Coding.IDENTITY


@pytest.fixture
async def layouts(database: Database) -> AsyncIterator[Layouts]:
    layouts = Layouts(database)
    yield layouts
    await layouts.close()


@pytest.fixture
def programme(database: Database) -> Programme:
    return Programme(database)


async def packed_best(layouts: Layouts) -> None:
    """Wait until brotli is done with all that was asked for."""
    await asyncio.gather(*layouts._packing)


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("", [PLAIN]),
        ("gzip, deflate, br, zstd", [BR, GZIP, PLAIN]),
        ("GZIP", [GZIP, PLAIN]),
        ("x-gzip", [GZIP, PLAIN]),
        ("*", [BR, GZIP, PLAIN]),
        ("gzip;q=1.0, br;q=0.5", [GZIP, BR, PLAIN]),
        ("gzip;q=0.001", [GZIP, PLAIN]),
        ("identity, br;q=0.9, gzip; q = 0.8", [PLAIN, BR, GZIP]),
        ("gzip;q=0, br", [BR, PLAIN]),
        ("gzip;q=0.000, *", [BR, PLAIN]),
        ("identity;q=0, gzip", [GZIP]),
        ("*;q=0, br", [BR]),
        ("*;q=0", []),
        ("br;q=0, gzip;q=0, identity;q=0", []),
        ("gzip;q=7, br;quality=1, ,;q=1", [PLAIN]),
    ],
)
def test_clients_say_how_they_like_their_files_packed(header: str, taken: list[Coding]) -> None:
    assert taken_codings(header) == taken


@pytest.mark.parametrize(
    ("header", "has"),
    [
        ('"a-br"', True),
        ('W/"a-br"', True),
        ('"b", W/"a-br" ,"c"', True),
        (" * ", True),
        ("", False),
        ('"a"', False),
        ('"xa-br"', False),
        ("a-br", False),
        ('"b*"', False),
    ],
)
def test_clients_say_what_they_have(header: str, has: bool) -> None:
    assert has_one_of(header, '"a-br"') is has


async def test_many_who_ask_at_once_read_and_pack_once(
    layouts: Layouts, programme: Programme
) -> None:
    house = await programme.house()

    async with layouts._one_at_a_time:  # Or else it may be packed before anybody has looked.
        with counting(programme.database) as statements:
            files = await asyncio.gather(*(layouts.get(house.seat_map.id) for _ in range(20)))

        assert len(statements) == 1
        assert all(file is files[0] for file in files)
        assert len(layouts._packing) == 1


async def test_there_is_gzip_until_there_is_brotli(layouts: Layouts, programme: Programme) -> None:
    house = await programme.house()

    first = await layouts.get(house.seat_map.id)
    await packed_best(layouts)
    later = await layouts.get(house.seat_map.id)

    assert first is not None
    assert set(first.contents) == {PLAIN, GZIP}
    assert later is not None
    assert brotli.decompress(later.contents[BR]) == house.seat_map.layout
    assert layouts._bytes == later.size


async def test_each_way_to_pack_has_a_tag_of_its_own() -> None:
    file = LayoutFile("abc", {})

    assert [file.entity_tag(coding) for coding in Coding] == ['"abc-br"', '"abc-gzip"', '"abc"']


async def test_layouts_beyond_the_room_for_them_are_forgotten(
    layouts: Layouts, programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    houses = [await programme.house(name) for name in ("One", "Two", "Three")]
    for house in houses[:2]:
        await layouts.get(house.seat_map.id)
    await packed_best(layouts)
    monkeypatch.setattr(serving, "LAYOUT_CACHE_BYTES_MAX", layouts._bytes)

    await layouts.get(houses[2].seat_map.id)
    await packed_best(layouts)

    assert list(layouts._known) == [houses[1].seat_map.id, houses[2].seat_map.id]
    assert layouts._bytes == sum(file.size for file in layouts._known.values())


async def test_a_layout_that_is_being_packed_does_not_keep_a_server_from_its_end(
    layouts: Layouts, programme: Programme
) -> None:
    house = await programme.house()
    async with layouts._one_at_a_time:  # Another one is in the way, and takes long.
        await layouts.get(house.seat_map.id)

        await asyncio.wait_for(layouts.close(), 1)

    assert not layouts._packing
