"""Importing a plan with an event on it: all is stored, or nothing and every fault is told."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from box_office.database import Database
from box_office.seating_plan import SEATING_PLAN_BYTES_MAX
from onsale.import_request import ImportRequest
from onsale.importing import ImportSummary, import_seat_map
from tests.seat_maps.plans import PLANS, plan, row, seat, small_plan, zone
from tests.seat_maps.test_reading_plans import REAL_PLAN


@pytest.fixture
def request_for(tmp_path: Path) -> ImportRequest:
    """An import of the small plan with an event, to be spoilt."""
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(small_plan()))
    return ImportRequest(
        file=file,
        venue="House",
        city="Leeds",
        country="GB",
        time_zone="Europe/London",
        labels=("A=Parkett",),
        event="An Evening",
        starts="2031-07-01T19:30",
        currency="EUR",
        prices=("Parkett=12.50", "B=8"),
    )


async def imported(database: Database, request: ImportRequest) -> ImportSummary:
    outcome = await import_seat_map(database, request)
    assert isinstance(outcome, ImportSummary), outcome
    return outcome


async def faults_of(database: Database, request: ImportRequest) -> list[str]:
    outcome = await import_seat_map(database, request)
    assert isinstance(outcome, list)
    return [str(fault).removeprefix(f"{request.file.parent}/") for fault in outcome]


async def rows(database: Database, statement: str) -> list[tuple[Any, ...]]:
    async with database.engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(sa.text(statement))]


async def count_stored(database: Database) -> int:
    counts = await rows(
        database,
        "SELECT (SELECT count(*) FROM venues) + (SELECT count(*) FROM seat_maps)"
        " + (SELECT count(*) FROM events) + (SELECT count(*) FROM event_types)",
    )
    return int(counts[0][0])


async def test_a_plan_alone_becomes_a_seat_map(
    database: Database, request_for: ImportRequest
) -> None:
    only_the_map = replace(request_for, event=None, starts=None, currency=None, prices=())

    summary = await imported(database, only_the_map)

    assert (summary.version, summary.seat_count, summary.event_slug) == (1, 3, None)
    assert summary.categories == ("Parkett", "B")


async def test_a_plan_with_an_event_is_on_sale(
    database: Database, request_for: ImportRequest
) -> None:
    summary = await imported(database, replace(request_for, performers=("Ann",)))

    assert summary.event_slug == "an-evening"
    assert await rows(
        database, "SELECT event_status(events), starts_at::text, ends_at::text FROM events"
    ) == [("ON_SALE", "2031-07-01 18:30:00+00", "2031-07-01 21:30:00+00")]
    assert await rows(
        database, "SELECT name, price_minor, color FROM price_levels ORDER BY position"
    ) == [("Parkett", 1250, "#AA0000"), ("B", 800, "#00BB00")]


async def test_the_country_is_the_time_zones_unless_it_is_given(
    database: Database, request_for: ImportRequest
) -> None:
    await imported(database, replace(request_for, country=None, time_zone="Asia/Tokyo"))
    await imported(database, replace(request_for, country="fr", city="Lyon"))

    assert await rows(database, "SELECT city, country_code FROM venues ORDER BY 1") == [
        ("Leeds", "JP"),
        ("Lyon", "FR"),
    ]


async def test_a_wrong_time_zone_is_one_fault(
    database: Database, request_for: ImportRequest
) -> None:
    faults = await faults_of(database, replace(request_for, country=None, time_zone="Leeds"))

    assert [fault.split(":")[0] for fault in faults] == ["--time-zone"]


async def test_importing_again_is_the_next_version(
    database: Database, request_for: ImportRequest
) -> None:
    await imported(database, request_for)

    again = await imported(database, request_for)

    assert (again.version, again.event_slug) == (2, "an-evening-2")


async def test_moments_are_by_the_venues_clock_or_their_own_offset(
    database: Database, request_for: ImportRequest
) -> None:
    moments = replace(
        request_for,
        starts="2031-01-01 19:30",
        ends="2031-01-01T23:30+02:00",
        sales_open="2030-12-01T09:00",
        sales_close="2031-01-01T18:00Z",
    )

    await imported(database, moments)

    assert await rows(
        database,
        "SELECT starts_at::text, ends_at::text, sales_open_at::text, sales_close_at::text"
        " FROM events",
    ) == [
        (
            *("2031-01-01 19:30:00+00", "2031-01-01 21:30:00+00"),
            *("2030-12-01 09:00:00+00", "2031-01-01 18:00:00+00"),
        )
    ]


async def test_a_zone_can_stand(database: Database, request_for: ImportRequest) -> None:
    request_for.file.write_text(json.dumps(plan(zone(name="Pit"), zone(row(seat())))))
    standing = replace(
        request_for, general_admission=("Pit=250",), labels=(), prices=("Pit=20", "A=30")
    )

    summary = await imported(database, standing)

    assert summary.seat_count == 251
    assert await rows(
        database, "SELECT price_level, count(*) FROM event_seats GROUP BY 1 ORDER BY 1"
    ) == [(0, 1), (1, 250)]


async def test_an_untidy_plan_is_imported_with_warnings(
    database: Database, request_for: ImportRequest
) -> None:
    untidy = replace(
        request_for,
        file=PLANS / "untidy.json",
        labels=("9f0c1d5e-33aa-4c61-8f25-0d6f2b1f7e10=Hall",),
        prices=("Hall=10", "unused=5"),
    )

    summary = await imported(database, untidy)

    said = [str(warning) for warning in summary.warnings]
    assert any(
        line.startswith(f"{PLANS}/untidy.json: zones[1].name: 'Hall' repeats") for line in said
    )
    assert "--price: unused: is a category of no seat; its price was left out." in said
    assert await rows(database, "SELECT name FROM price_levels") == [("Hall",)]


@pytest.mark.skipif(not REAL_PLAN.exists(), reason="NO REAL PLAN HERE: shared/plans is absent")
async def test_a_real_plan_goes_on_sale(database: Database, request_for: ImportRequest) -> None:
    categories = [c["name"] for c in json.loads(REAL_PLAN.read_bytes())["categories"]]
    real = replace(
        request_for, file=REAL_PLAN, labels=(), prices=tuple(f"{name}=10" for name in categories)
    )

    summary = await imported(database, real)

    assert summary.seat_count == 300
    assert await rows(
        database, 'SELECT count(DISTINCT (section_id, "row", "number")) FROM seats'
    ) == [(300,)]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"file": Path("/no/such/plan.json")}, "plan.json: cannot be read: No such file"),
        ({"file": Path("/")}, "/: cannot be read: Is a directory."),
        ({"time_zone": "Leeds"}, "--time-zone: 'Leeds' is no time zone"),
        ({"country": "England"}, "--country: 'ENGLAND' is no country"),
        (
            {"country": None, "time_zone": "UTC"},
            "--country: The time zone UTC belongs to no country; give one, such as GB.",
        ),
        ({"venue": ""}, "--venue: Write something here"),
        ({"labels": ("A",)}, "--label: 'A' is not of the form CATEGORY=LABEL."),
        ({"labels": ("Z=x",)}, "plan.json: label Z: is for no category of the plan"),
        ({"general_admission": ("A=many",)}, "--general-admission: 'many' is no number of places"),
        ({"general_admission": ("Z=5",)}, "plan.json: general admission Z: is neither a zone"),
        ({"starts": None}, "--starts: is missing"),
        ({"starts": "tomorrow"}, "--starts: 'tomorrow' is no date and time"),
        ({"starts": "0001-01-01T00:00"}, "--starts: '0001-01-01T00:00' is no date and time"),
        ({"starts": "2031-03-30T01:30"}, "--starts: 2031-03-30T01:30 does not exist there"),
        ({"starts": "2020-05-01T19:30"}, "--starts: 2020-05-01T19:30 is past"),
        ({"sales_close": "2020-05-01T19:30"}, "--sales-close: 2020-05-01T19:30 is past"),
        ({"ends": "2031-06-01T19:30"}, "--ends: The event ends before it starts."),
        ({"currency": None}, "--currency: '' is no currency"),
        ({"currency": "EURO"}, "--currency: 'EURO' is no currency"),
        ({"prices": ("A=1",)}, "--price: Give 'B' a price."),
        ({"prices": ("A=1", "B=x")}, "--price: B: 'x' is not an amount"),
        ({"prices": ("A=1", "B=1.001")}, "--price: B: 1.001 has too many decimals"),
        ({"prices": ("A=1", "B=1", "Z=1")}, "--price: No seat has the category 'Z'."),
        ({"prices": ("A=1", "B=1", "B=2")}, "--price: 'B' is given twice."),
        ({"event": None}, "--starts: is about an event; give its title with --event, too."),
        ({"seats_per_buyer": 0}, "--seats-per-buyer: A buyer may have at least 1 seat."),
        ({"reservation_seconds": 0}, "--reservation-seconds: Seats are held for 1 to"),
    ],
)
async def test_a_mistake_is_told_by_its_option_and_nothing_is_stored(
    database: Database, request_for: ImportRequest, changes: dict[str, Any], said: str
) -> None:
    faults = await faults_of(database, replace(request_for, **changes))

    assert any(fault.startswith(said) for fault in faults), faults
    assert await count_stored(database) == 0


async def test_missing_prices_are_told_in_the_order_of_the_plans_categories(
    database: Database, request_for: ImportRequest
) -> None:
    names = ("C", "A", "B")
    seats = [seat(str(number), category=name) for number, name in enumerate(sorted(names))]
    categories = [{"name": name} for name in names]
    request_for.file.write_text(json.dumps(plan(zone(row(*seats)), categories=categories)))

    faults = await faults_of(database, replace(request_for, prices=("D=1",)))

    assert faults == [
        "--price: Give 'C' a price.",
        "--price: Give 'Parkett' a price.",
        "--price: Give 'B' a price.",
        "--price: No seat has the category 'D'.",
    ]


async def test_faults_of_plan_venue_and_event_are_told_together(
    database: Database, request_for: ImportRequest
) -> None:
    request_for.file.write_text(json.dumps(plan(zone(row(seat(x="left", category="Z"))))))

    faults = await faults_of(
        database,
        replace(request_for, time_zone="Leeds", event="", starts="soon", labels=("nonsense",)),
    )

    assert [fault.split(": ")[0] for fault in faults] == [
        *("--label", "plan.json", "plan.json", "--starts", "--time-zone", "--event"),
    ]
    assert await count_stored(database) == 0


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[" * 100_000, '{"zones": [{"name": "a\\u0000b"}]}', '{"zones": []}'),
        *("null", "false", "0", "7.5", '""', '"null"', "[]"),
    ],
)
async def test_what_is_no_plan_is_told_with_the_files_name(
    database: Database, request_for: ImportRequest, content: str
) -> None:
    request_for.file.write_text(content)

    faults = await faults_of(database, request_for)

    assert faults
    assert all(fault.startswith("plan.json: ") for fault in faults)
    assert await count_stored(database) == 0


async def test_a_file_beyond_the_limit_is_not_read_whole(
    database: Database, request_for: ImportRequest
) -> None:
    with request_for.file.open("wb") as file:
        file.truncate(SEATING_PLAN_BYTES_MAX * 100)  # A hole: it takes no room on the disk.

    (fault,) = await faults_of(database, request_for)

    assert "is larger than 64 MiB" in fault


async def test_a_thousand_faults_are_cut_short(
    database: Database, request_for: ImportRequest
) -> None:
    request_for.file.write_text(json.dumps(plan(zone(row(*[seat(category="Z")] * 1_000)))))

    faults = await faults_of(database, replace(request_for, labels=(), prices=("A=1",)))

    assert len(faults) == 51
    assert "950 more faults" in faults[-1]
