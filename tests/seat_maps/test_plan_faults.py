"""What keeps a plan from being read: every fault with its place, all of them at once."""

import json
from typing import Any

import pytest

from box_office.seating_plan import (
    DECORATIONS_MAX,
    FINDINGS_LISTED_MAX,
    SEATING_PLAN_BYTES_MAX,
    SEATS_MAX,
    PlanFaults,
    PlanOptions,
    SeatingPlan,
    limits,
    read_seating_plan,
)
from models import Seat, SeatMap, Section
from tests.seat_maps.plans import faults_of, plan, read, row, seat, small_plan, zone


def only_fault(data: bytes) -> tuple[str, str]:
    outcome = read_seating_plan(data)
    assert isinstance(outcome, PlanFaults)
    (fault,) = outcome.faults
    return fault.place, fault.message


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b" \n ", "is empty"),
        (b"zones: []", "is not JSON: line 1, column 1"),
        (b'{"zones": [\n{"name": ]}', "is not JSON: line 2, column 10"),
        (b"\x89PNG\r\n\x1a\n", "is not text in UTF-8"),
        (b"[]", "must be an object with zones and categories, is a list"),
        (b"null", "must be an object with zones and categories, is null"),
        (b"false", "must be an object with zones and categories, is false"),
        (b"0", "must be an object with zones and categories, is a number"),
        (b"12", "is a number"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"zones":' * 100_000 + b"1" + b"}" * 100_000, "nested too deeply"),
        (b'{"zones": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
    ],
)
def test_what_is_no_plan_at_all_is_one_fault_of_the_file(data: bytes, said: str) -> None:
    place, message = only_fault(data)

    assert place == "$"
    assert said in message


@pytest.mark.parametrize("more", [0, 1])
def test_a_file_may_be_as_large_as_the_limit_and_no_larger(more: int) -> None:
    data = json.dumps(small_plan()).encode()
    padded = data.ljust(SEATING_PLAN_BYTES_MAX + more)

    outcome = read_seating_plan(padded)

    assert isinstance(outcome, PlanFaults if more else SeatingPlan)


def test_a_file_in_utf_16_or_with_a_byte_order_mark_is_read() -> None:
    text = json.dumps(small_plan())

    assert isinstance(read_seating_plan(text.encode("utf-8-sig")), SeatingPlan)
    assert isinstance(read_seating_plan(text.encode("utf-16")), SeatingPlan)


@pytest.mark.parametrize(
    ("spoilt", "place", "said"),
    [
        (seat(x="left"), "position.x", "must be a number, is the text 'left'"),
        (seat(y=True), "position.y", "must be a number, is true"),
        (seat(x=None), "position.x", "is missing"),
        (seat(x=float("nan")), "position.x", "must be a finite number"),
        (seat(y=float("inf")), "position.y", "must be a finite number"),
        (seat(x=1_000_001), "position.x", "is beyond 1,000,000"),
        (seat(x=10**400), "position.x", "is beyond 1,000,000"),
        (seat() | {"position": None}, "position", "must be an object with x and y"),
        (seat() | {"position": [1, 2]}, "position", "must be an object with x and y"),
        (seat(category="Z"), "category", "'Z' is not among the plan's categories"),
        (seat(category=None), "category", "is missing"),
        (seat(category=["A"]), "category", "must be a text, is a list"),
        (seat(number={}), "seat_number", "must be a text, is an object"),
        (seat(number="1\0"), "seat_number", "contains a NUL character"),
        (seat(number="\ud83c"), "seat_number", "lone surrogate, U+D83C"),
        (seat(number="1\x1b"), "seat_number", "the control character U+001B"),
        (seat(number="9" * 41), "seat_number", "shorten it to 40"),
    ],
)
def test_a_spoilt_seat_is_a_fault_at_its_place(spoilt: Any, place: str, said: str) -> None:
    faults = faults_of(plan(zone(row(seat(), spoilt))))

    assert list(faults) == [f"zones[0].rows[0].seats[1].{place}"]
    assert said in faults[f"zones[0].rows[0].seats[1].{place}"]


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"NaN", b"Infinity", b"9" * 5_000])
def test_a_number_that_is_no_place_is_a_fault_at_its_place(number: bytes) -> None:
    data = json.dumps(plan(zone(row(seat(x=77_777))))).encode().replace(b"77777", number)

    place, message = only_fault(data)

    assert place == "zones[0].rows[0].seats[0].position.x"
    assert "must be a finite number" in message


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (plan() | {"zones": None}, "zones"),
        (plan() | {"zones": {}}, "zones"),
        (plan(zone(row(seat()))) | {"name": "a\0b"}, "name"),
        (plan(zone(row(seat()))) | {"name": "n" * 201}, "name"),
        (plan(zone(row(seat()))) | {"size": 12}, "size"),
        (plan(zone(row(seat()))) | {"size": {"width": "wide"}}, "size.width"),
        (plan(zone(row(seat()))) | {"categories": [{"name": "A"}, {}]}, "categories[1].name"),
        (plan(zone(row(seat()))) | {"categories": [{"name": "A"}, 5]}, "categories[1]"),
        (plan(zone(row(seat()), name="z" * 201)), "zones[0].name"),
        (plan(zone(row(seat()), x="0")), "zones[0].position.x"),
        (plan(zone(row(seat(), number="r" * 41))), "zones[0].rows[0].row_number"),
        (plan(zone(row(seat(), number=True))), "zones[0].rows[0].row_number"),
        (plan(zone(row(seat()), rows="A")), "zones[0].rows"),
        (
            plan(zone(row(seat()), areas=[{"position": {"x": float("nan")}}])),
            "zones[0].areas[0].position.x",
        ),
        (
            plan(zone(row(seat()), areas=[{"shape": "circle", "circle": {"radius": "big"}}])),
            "zones[0].areas[0].circle.radius",
        ),
    ],
)
def test_a_fault_anywhere_is_named_at_its_place(document: Any, place: str) -> None:
    assert list(faults_of(document)) == [place]


@pytest.mark.parametrize("document", [plan(), plan(zone()), plan(zone(row()))])
def test_a_plan_without_seats_is_a_fault(document: Any) -> None:
    assert "hold no seats" in faults_of(document)["zones"]


def test_all_faults_are_told_at_once() -> None:
    document = plan(
        zone(row(seat(x="left", category="Z")), name="a\0"), zone(row(seat(y=None)), x=[])
    )

    assert list(faults_of(document)) == [
        "zones[0].name",
        "zones[0].rows[0].seats[0].category",
        "zones[0].rows[0].seats[0].position.x",
        "zones[1].position.x",
        "zones[1].rows[0].seats[0].position.y",
    ]


def test_of_a_thousand_faults_the_first_are_listed_and_the_rest_counted() -> None:
    outcome = read(plan(zone(row(*(seat(category="Z") for _ in range(1_000))))))

    assert isinstance(outcome, PlanFaults)
    assert len(outcome.faults) == FINDINGS_LISTED_MAX
    assert outcome.more == 1_000 - FINDINGS_LISTED_MAX


@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_a_seat_map_has_no_more_than_so_many_seats(beyond: int) -> None:
    document = plan(zone(row(seat())), zone(name="Floor"))

    outcome = read(document, PlanOptions({"Floor": SEATS_MAX - 1 + beyond}))

    assert isinstance(outcome, PlanFaults if beyond > 0 else SeatingPlan)


@pytest.mark.parametrize("beyond", [0, 1])
def test_a_plan_has_no_more_than_so_many_decorations(beyond: int) -> None:
    words = {"shape": "text", "text": "Bar"}
    document = plan(zone(row(seat()), areas=[words] * (DECORATIONS_MAX + beyond)))

    assert isinstance(read(document), PlanFaults if beyond else SeatingPlan)


def test_a_label_for_an_unknown_category_is_a_fault() -> None:
    faults = faults_of(small_plan(), PlanOptions(labels={"Z": "Stalls", "A": "a\0"}))

    assert set(faults) == {"label Z", "label A"}


def test_names_are_as_long_as_their_columns() -> None:
    columns = {
        limits.PLAN_NAME_LENGTH_MAX: SeatMap.__table__.c.name,  # type: ignore[attr-defined]
        limits.SECTION_NAME_LENGTH_MAX: Section.__table__.c.name,  # type: ignore[attr-defined]
        limits.CATEGORY_LENGTH_MAX: Seat.__table__.c.category,  # type: ignore[attr-defined]
    }
    assert all(column.type.length == length for length, column in columns.items())
    assert Seat.__table__.c.row.type.length == limits.ROW_LENGTH_MAX  # type: ignore[attr-defined]
    assert Seat.__table__.c.number.type.length == limits.NUMBER_LENGTH_MAX  # type: ignore[attr-defined]
