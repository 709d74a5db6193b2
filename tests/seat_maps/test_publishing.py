"""Publishing seat maps and events on real PostgreSQL."""

import asyncio
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from box_office.database import Database
from box_office.publishing import NewEvent, NewPrice, analyze_seats, publish_event
from box_office.seat_maps import (
    NewVenue,
    SeatGeometries,
    find_or_make_venue,
    load_seat_geometry,
    publish_seat_map,
)
from box_office.seating_plan import PlanOptions, SeatingPlan
from models import Event, EventState, SeatMap, SectionKind, Venue
from tests.seat_maps.plans import big_plan, plan, read_well, row, seat, small_plan, zone

VENUE = NewVenue(name="House", city="Leeds", country_code="GB", time_zone="Europe/London")
SOON = datetime(2031, 5, 1, 18, tzinfo=UTC)


async def publish(database: Database, plan: SeatingPlan) -> SeatMap:
    async with database.session() as session:
        venue = await find_or_make_venue(session, VENUE)
        assert isinstance(venue, Venue)
        seat_map = await publish_seat_map(session, venue, plan)
        await session.commit()
        return seat_map


async def put_on_sale(database: Database, new: NewEvent) -> Event:
    async with database.session() as session:
        event = await publish_event(session, new)
        assert isinstance(event, Event), event
        await session.commit()
        return event


async def refusals_of(database: Database, new: NewEvent) -> dict[tuple[str, ...], str]:
    async with database.session() as session:
        refusals = await publish_event(session, new)
    assert isinstance(refusals, list)
    return {refusal.path or (): refusal.message for refusal in refusals}


def new_event(seat_map: SeatMap, **changes: Any) -> NewEvent:
    return replace(
        NewEvent(
            seat_map_id=seat_map.id,
            title="An Évening",
            type_name="Talk",
            starts_at=SOON,
            ends_at=SOON + timedelta(hours=2),
            currency_code="EUR",
            prices=(
                NewPrice(category="A", amount="12.50", label="Parkett", color="#AA0000"),
                NewPrice(category="B", amount="8"),
            ),
        ),
        **changes,
    )


async def rows(
    database: Database, statement: str, values: Mapping[str, object] | None = None
) -> list[tuple[Any, ...]]:
    async with database.engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(sa.text(statement), values)]


async def count_events(database: Database) -> int:
    return int((await rows(database, "SELECT count(*) FROM events"))[0][0])


@pytest.fixture
async def seat_map(database: Database) -> SeatMap:
    return await publish(database, read_well(small_plan()))


async def test_a_published_seat_map_keeps_sections_seats_and_its_file(
    database: Database, seat_map: SeatMap
) -> None:
    assert seat_map.version == 1
    assert seat_map.layout_hash == hashlib.sha256(seat_map.layout).hexdigest()[:16]
    assert json.loads(seat_map.layout)["number"] == ["1", "2", "1"]
    assert await rows(
        database, 'SELECT seat_index, "row", "number", x, y, category FROM seats ORDER BY 1'
    ) == [(0, "A", "1", 100, 100, "A"), (1, "A", "2", 120, 100, "A"), (2, "B", "1", 100, 130, "B")]
    assert await rows(database, "SELECT name, kind, capacity, category FROM sections") == [
        ("Stalls", "RESERVED", 3, None)
    ]


async def test_seat_maps_of_a_venue_are_numbered_even_when_published_at_once(
    database: Database,
) -> None:
    small = read_well(small_plan())

    published = await asyncio.gather(*(publish(database, small) for _ in range(4)))

    assert sorted(seat_map.version for seat_map in published) == [1, 2, 3, 4]
    assert len({seat_map.venue_id for seat_map in published}) == 1


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"time_zone": "Europe/Leeds"}, "time_zone"),
        ({"country_code": "XX"}, "country_code"),
        ({"country_code": "gb"}, "country_code"),
        ({"name": " "}, "name"),
        ({"name": "n" * 201}, "name"),
        ({"city": "a\0b"}, "city"),
    ],
)
async def test_a_venue_that_makes_no_sense_is_refused(
    database: Database, changes: dict[str, str], path: str
) -> None:
    async with database.session() as session:
        refusals = await find_or_make_venue(session, replace(VENUE, **changes))

    assert isinstance(refusals, list)
    assert {refusal.path for refusal in refusals} == {(path,)}


@pytest.mark.usefixtures("seat_map")
async def test_a_known_venue_is_not_moved_to_another_time_zone(database: Database) -> None:
    async with database.session() as session:
        refusals = await find_or_make_venue(session, replace(VENUE, time_zone="Europe/Paris"))

    assert isinstance(refusals, list)
    assert "keeps the time of Europe/London" in refusals[0].message


async def test_geometry_says_where_every_seat_is(database: Database) -> None:
    document = plan(
        zone(row(seat("1", accessible=True), seat("2", x=20))),
        zone(name="Floor"),
        zone(row(seat())),
    )
    seat_map = await publish(database, read_well(document, PlanOptions({"Floor": 2})))

    geometry = await load_seat_geometry(database, seat_map.id)

    assert geometry.seat_count == 5
    assert geometry.rows == ("A", "A", None, None, "A")
    assert geometry.numbers == ("1", "2", None, None, "1")
    assert [geometry.x(i) for i in range(5)] == [100, 120, None, None, 100]
    assert [geometry.y(i) for i in range(5)] == [100, 100, None, None, 100]
    assert [geometry.is_accessible(i) for i in range(5)] == [True, False, False, False, False]
    assert [geometry.sections[geometry.section_positions[i]].name for i in range(5)] == [
        *("Stalls", "Stalls", "Floor", "Floor", "Stalls (2)"),
    ]
    assert geometry.sections[1].kind is SectionKind.GENERAL_ADMISSION
    assert geometry.sections[0].outline is not None


async def test_the_geometry_of_no_seat_map_is_a_lookup_error(database: Database) -> None:
    with pytest.raises(LookupError):
        await load_seat_geometry(database, uuid4())


async def test_geometry_is_loaded_once_however_many_ask(
    database: Database, seat_map: SeatMap
) -> None:
    geometries = SeatGeometries(database)

    asked = await asyncio.gather(*(geometries.get(seat_map.id) for _ in range(8)))

    assert all(geometry is asked[0] for geometry in asked)
    assert await geometries.get(seat_map.id) is asked[0]


async def test_a_reader_who_gives_up_takes_nothing_from_the_others(
    database: Database, seat_map: SeatMap
) -> None:
    geometries = SeatGeometries(database)
    impatient = asyncio.create_task(geometries.get(seat_map.id))
    await asyncio.sleep(0)
    patient = asyncio.create_task(geometries.get(seat_map.id))
    await asyncio.sleep(0)

    impatient.cancel()

    assert (await patient).seat_count == 3


@pytest.mark.parametrize(("seats_max", "kept"), [(5, False), (6, True), (7, True)])
async def test_geometry_is_kept_up_to_so_many_seats(
    database: Database, seat_map: SeatMap, seats_max: int, kept: bool
) -> None:
    other = await publish(database, read_well(small_plan()))
    geometries = SeatGeometries(database, seats_max)

    first = await geometries.get(seat_map.id)
    await geometries.get(other.id)

    assert (await geometries.get(seat_map.id) is first) is kept


async def test_a_failed_load_is_forgotten(database: Database) -> None:
    geometries = SeatGeometries(database)

    for _ in range(2):
        with pytest.raises(LookupError):
            await geometries.get(uuid4())


async def test_a_published_event_has_a_row_for_every_seat_with_its_price(
    database: Database, seat_map: SeatMap
) -> None:
    event = await put_on_sale(database, new_event(seat_map, blocked_seat_indexes=(1,)))
    await analyze_seats(database)

    assert await rows(
        database, "SELECT seat_index, state, price_level FROM event_seats ORDER BY seat_index"
    ) == [(0, 0, 0), (1, 3, 0), (2, 0, 1)]
    assert await rows(
        database, "SELECT position, name, price_minor, color FROM price_levels ORDER BY 1"
    ) == [(0, "Parkett", 1250, "#AA0000"), (1, "B", 800, None)]
    assert await rows(
        database, "SELECT version, seat_count, available, held, sold, blocked FROM event_ledgers"
    ) == [(0, 3, 2, 0, 0, 1)]
    assert (event.slug, event.type_key, event.state) == ("an-evening", "talk", EventState.PUBLISHED)
    assert await rows(database, "SELECT reltuples FROM pg_class WHERE relname = 'event_seats'") == [
        (3.0,)
    ]


async def test_general_admission_gets_its_categorys_price(database: Database) -> None:
    seat_map = await publish(database, read_well(small_plan(), PlanOptions({"B": 4})))

    await put_on_sale(database, new_event(seat_map))

    assert await rows(
        database, "SELECT seat_index, price_level FROM event_seats ORDER BY seat_index"
    ) == [(0, 0), (1, 0), (2, 1), (3, 1), (4, 1), (5, 1)]


async def test_performers_are_billed_in_order_and_searched_for_without_accents(
    database: Database, seat_map: SeatMap
) -> None:
    for bill in (("Zoë", "Ann"), ("Ann", "Bob", "Ann")):
        await put_on_sale(database, new_event(seat_map, performers=bill, description="Ça va"))

    assert await rows(database, "SELECT name FROM performers ORDER BY name") == [
        ("Ann",),
        ("Bob",),
        ("Zoë",),
    ]
    billed = await rows(
        database,
        "SELECT slug, string_agg(name, ',' ORDER BY position) FROM event_performers"
        " JOIN performers ON performers.id = performer_id JOIN events ON events.id = event_id"
        " GROUP BY slug ORDER BY slug",
    )
    assert billed == [("an-evening", "Zoë,Ann"), ("an-evening-2", "Ann,Bob")]
    ((text,),) = await rows(database, "SELECT search_text FROM events WHERE slug = 'an-evening'")
    assert text == "an evening ca va talk zoe ann house leeds"


async def test_events_of_one_title_get_slugs_of_their_own_even_at_once(
    database: Database, seat_map: SeatMap
) -> None:
    events = await asyncio.gather(
        *(put_on_sale(database, new_event(seat_map, performers=("B", "A"))) for _ in range(4))
    )

    assert {event.slug for event in events} == {
        *("an-evening", "an-evening-2", "an-evening-3", "an-evening-4"),
    }


@pytest.mark.parametrize(("title", "slug"), [("!!!", "event"), ("日本の夜", "ri-ben-noye")])
async def test_any_title_has_a_slug(
    database: Database, seat_map: SeatMap, title: str, slug: str
) -> None:
    assert (await put_on_sale(database, new_event(seat_map, title=title))).slug == slug


@pytest.mark.parametrize("length", [199, 200, 201])
async def test_a_title_is_as_long_as_its_column(
    database: Database, seat_map: SeatMap, length: int
) -> None:
    new = new_event(seat_map, title="t" * length)
    if length <= 200:
        assert len((await put_on_sale(database, new)).slug) <= 120
    else:
        assert ("title",) in await refusals_of(database, new)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"title": ""}, ("title",)),
        ({"title": "a\0b"}, ("title",)),
        ({"type_name": "?!"}, ("type",)),
        ({"performers": ("Ann", "")}, ("performers", "1")),
        ({"currency_code": "EURO"}, ("currency_code",)),
        ({"starts_at": SOON.replace(tzinfo=None)}, ("starts_at",)),
        ({"ends_at": SOON - timedelta(1)}, ("ends_at",)),
        ({"sales_open_at": SOON}, ("sales_open_at",)),
        ({"reservation_seconds": 0}, ("reservation_seconds",)),
        ({"reservation_seconds": 86_401}, ("reservation_seconds",)),
        ({"seats_per_buyer_max": 0}, ("seats_per_buyer_max",)),
        ({"blocked_seat_indexes": (3,)}, ("blocked_seat_indexes",)),
        ({"blocked_seat_indexes": (1, 1)}, ("blocked_seat_indexes",)),
        ({"prices": (NewPrice(category="A", amount="1"),)}, ("prices", "B")),
        ({"currency_code": "JPY"}, ("prices", "A")),
        ({"seat_map_id": UUID(int=1)}, ("seat_map",)),
    ],
)
async def test_an_event_that_makes_no_sense_is_refused(
    database: Database, seat_map: SeatMap, changes: dict[str, Any], path: tuple[str, ...]
) -> None:
    assert list(await refusals_of(database, new_event(seat_map, **changes))) == [path]
    assert await count_events(database) == 0


async def test_all_that_is_wrong_with_an_event_is_said_at_once(
    database: Database, seat_map: SeatMap
) -> None:
    prices = (NewPrice(category="A", amount="12.505"), NewPrice(category="Z", amount="1"))

    refusals = await refusals_of(database, new_event(seat_map, title=" ", prices=prices))

    assert set(refusals) == {("title",), ("prices", "A"), ("prices", "B"), ("prices", "Z")}
    assert "EUR has 2" in refusals["prices", "A"]
    assert "No seat has" in refusals["prices", "Z"]


async def test_categories_of_one_label_share_a_price_level_and_must_share_the_price(
    database: Database, seat_map: SeatMap
) -> None:
    same = tuple(NewPrice(category=c, amount="9", label="All") for c in "AB")
    await put_on_sale(database, new_event(seat_map, prices=same))

    assert await rows(database, "SELECT name FROM price_levels") == [("All",)]
    other = (same[0], replace(same[1], amount="10"))
    assert ("prices", "B") in await refusals_of(database, new_event(seat_map, prices=other))


@pytest.mark.parametrize("state", list(EventState))
async def test_an_event_starts_in_the_state_it_is_given(
    database: Database, seat_map: SeatMap, state: EventState
) -> None:
    event = await put_on_sale(database, new_event(seat_map, state=state))

    assert await rows(database, "SELECT state FROM events") == [(state.value,)]
    assert event.state is state


async def test_fifty_thousand_seats_are_stored_and_put_on_sale_in_seconds(
    database: Database,
) -> None:
    big = read_well(big_plan(50_000))

    started = time.perf_counter()
    seat_map = await publish(database, big)
    await put_on_sale(database, new_event(seat_map))
    stored = time.perf_counter() - started

    assert await rows(database, "SELECT count(*) FROM event_seats") == [(50_000,)]
    assert (await load_seat_geometry(database, seat_map.id)).seat_count == 50_000
    assert stored < 30
