"""Whatever stands wherever in a plan: it is read, or its faults are told. Nothing else happens."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from box_office.seating_plan import PlanFaults, SeatingPlan, layout_of, read_seating_plan
from tests.seat_maps.plans import PLANS
from tests.seat_maps.test_layout import check

UNTIDY = (PLANS / "untidy.json").read_text(encoding="utf-8")

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**7), 10**7)
    | st.sampled_from([10**400, -0.0, 1e-300, "", " ", "1", "A", "wheelchair", "circle", "#fff"])
    | st.floats()
    | st.text(alphabet=st.characters(), max_size=60),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["x", "y", "name", "radius", "text"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(document: Any) -> list[tuple[Any, Any]]:
    """List every place of a document by what it is in and its key."""
    keys = list(document) if isinstance(document, dict) else range(len(document))
    found = [(document, key) for key in keys]
    inner = [document[key] for key in keys if isinstance(document[key], dict | list)]
    return found + [place for child in inner for place in places(child)]


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_a_plan_spoilt_anywhere_is_read_or_its_faults_are_told(data: st.DataObject) -> None:
    document = json.loads(UNTIDY)
    for _ in range(data.draw(st.integers(1, 3))):
        around, key = data.draw(st.sampled_from(places(document)))
        around[key] = data.draw(anything)

    outcome = read_seating_plan(json.dumps(document).encode())

    if isinstance(outcome, PlanFaults):
        assert all(fault.place and fault.message for fault in outcome.faults)
        assert outcome.faults
    else:
        assert_plan_holds(outcome)


def assert_plan_holds(plan: SeatingPlan) -> None:
    layout = check(layout_of(plan))
    assert sum(section["capacity"] for section in layout["sections"]) == plan.seat_count > 0
    assert all(0 <= x <= plan.width for x in plan.xs if x is not None)
    assert all(0 <= y <= plan.height for y in plan.ys if y is not None)
    for section in plan.sections:
        seats = range(section.first_seat_index, section.first_seat_index + section.capacity)
        assert len({(plan.rows[seat], plan.numbers[seat]) for seat in seats}) == section.capacity
    assert len({section.name for section in plan.sections}) == len(plan.sections)


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_bytes_of_any_kind_are_no_crash(data: bytes) -> None:
    outcome = read_seating_plan(data)

    assert isinstance(outcome, PlanFaults)
    assert outcome.faults
