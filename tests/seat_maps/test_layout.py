"""The published file of a seat map: what its JSON Schema says, and what clients count on."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from box_office.seating_plan import PlanOptions, SeatingPlan, layout_of, read_seating_plan
from demo.programme import HOUSES
from demo.seed import PLANS as DEMO_PLANS
from tests.seat_maps.plans import PLANS, ROOT, plan, read_well, row, seat, zone

SCHEMA = json.loads((ROOT / "docs" / "layout.schema.json").read_text(encoding="utf-8"))


def check(layout: bytes) -> dict[str, Any]:
    """Validate a layout and give it."""
    Draft202012Validator.check_schema(SCHEMA)
    document: dict[str, Any] = json.loads(layout)
    faults = [error.message for error in Draft202012Validator(SCHEMA).iter_errors(document)]
    assert faults == []
    return document


def published(file: Path, options: PlanOptions | None = None) -> dict[str, Any]:
    read = read_seating_plan(file.read_bytes(), options)
    assert isinstance(read, SeatingPlan), read
    return check(layout_of(read))


@pytest.mark.parametrize("house", HOUSES, ids=lambda house: house.plan)
def test_the_demos_layouts_are_as_the_schema_says(house: Any) -> None:
    file = DEMO_PLANS / f"{house.plan}.json"

    layout = published(file, PlanOptions(house.general_admission))

    assert len(layout["x"]) == len(layout["y"]) == len(layout["number"]) == layout["seatCount"]
    assert layout["sections"]


def test_an_untidy_plans_layout_is_as_the_schema_says() -> None:
    layout = published(PLANS / "untidy.json")

    assert layout["x"][:4] == [111.38, 131.75, 121.75, 141.75]
    assert layout["number"] == ["1", "2 (2)", "2", "4", "1", "1"]
    assert layout["rows"] == {"name": ["5", "Loge 1", "5"], "firstSeatIndex": [0, 4, 5]}
    assert layout["accessible"] == [1]
    assert layout["decorations"][0]["stage"] is True


def test_general_admission_has_no_places_and_no_rows() -> None:
    document = plan(zone(row(seat("1")), name="One"), zone(name="Floor"), zone(row(seat("1"))))

    layout = check(layout_of(read_well(document, PlanOptions({"Floor": 2}))))

    assert layout["x"] == [100, None, None, 100]
    assert layout["number"] == ["1", None, None, "1"]
    assert layout["rows"]["firstSeatIndex"] == [0, 3]
    assert [section["kind"] for section in layout["sections"]] == [
        *("RESERVED", "GENERAL_ADMISSION", "RESERVED"),
    ]


def test_the_same_plan_gives_the_same_bytes() -> None:
    document = plan(zone(row(seat("1"), seat("2", x=1 / 3))))

    assert layout_of(read_well(document)) == layout_of(read_well(document))
