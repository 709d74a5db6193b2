"""Reading seating plans, tidy and untidy."""

import json
import random
import time

import pytest

from box_office.seating_plan import (
    SEATS_MAX,
    Ellipse,
    PlanOptions,
    Polygon,
    Rectangle,
    SeatingPlan,
    Text,
    read_seating_plan,
)
from models import SectionKind
from tests.seat_maps.plans import (
    PLANS,
    ROOT,
    big_plan,
    faults_of,
    plan,
    read_well,
    row,
    seat,
    small_plan,
    warnings_of,
    zone,
)

REAL_PLAN = ROOT.parent / "shared" / "plans" / "hall-300-seats.json"


@pytest.fixture(scope="module")
def untidy() -> SeatingPlan:
    outcome = read_seating_plan((PLANS / "untidy.json").read_bytes())
    assert isinstance(outcome, SeatingPlan), outcome
    return outcome


def test_positions_of_seat_row_and_zone_add_up() -> None:
    placed = read_well(plan(zone(row(seat(x=1, y=2), x=10, y=20), x=100, y=200)))

    assert (placed.xs, placed.ys) == ((111.0,), (222.0,))


def test_seat_indexes_are_dense_section_after_section_and_row_after_row() -> None:
    placed = read_well(
        plan(
            zone(row(seat("1"), number="A"), row(seat("2"), number="B"), name="One"),
            zone(row(seat("3"), seat("4", x=20)), name="Two"),
        )
    )

    assert placed.seat_count == 4
    assert [(s.name, s.first_seat_index, s.capacity) for s in placed.sections] == [
        ("One", 0, 2),
        ("Two", 2, 2),
    ]
    assert placed.rows == ("A", "B", "A", "A")
    assert placed.numbers == ("1", "2", "3", "4")


def test_a_row_drawn_in_two_pieces_is_one_row() -> None:
    placed = read_well(
        plan(
            zone(
                row(seat("1"), number="A"),
                row(seat("1"), number="B", y=30),
                row(seat("2"), number="A", x=100),
            )
        )
    )

    assert placed.rows == ("A", "A", "B")
    assert placed.numbers == ("1", "2", "1")


def test_numbers_are_read_as_names_and_names_are_tidied(untidy: SeatingPlan) -> None:
    assert set(untidy.rows) == {"5", "Loge 1"}
    assert "1" in untidy.numbers


def test_a_repeated_number_is_told_apart_by_its_place(untidy: SeatingPlan) -> None:
    numbered = list(zip(untidy.numbers[:4], untidy.xs[:4], strict=True))

    # The leftmost of the two keeps its number, though it comes later in the file.
    assert numbered == [("1", 111.38), ("2 (2)", 131.75), ("2", 121.75), ("4", 141.75)]
    assert "repeats" in warnings_of(untidy)["zones[0].rows[0].seats[1]"]


def test_repeated_numbers_get_the_same_names_in_whatever_order_they_come() -> None:
    seats = [seat("7", x=20 * n) for n in range(6)] + [seat("7 (3)", x=200)]
    names = []
    for chance in range(5):
        random.Random(chance).shuffle(seats)
        placed = read_well(plan(zone(row(*seats))))
        names.append(sorted(zip(placed.xs, placed.numbers, strict=True)))

    assert all(order == names[0] for order in names)
    assert [number for _, number in names[0]] == [
        *("7", "7 (2)", "7 (4)", "7 (5)", "7 (6)", "7 (7)", "7 (3)"),
    ]


def test_a_name_as_long_as_its_column_is_still_told_apart() -> None:
    placed = read_well(plan(zone(row(seat("n" * 40), seat("n" * 40, x=20)))))

    assert placed.numbers == ("n" * 40, "n" * 36 + " (2)")


def test_repeated_guids_are_one_warning_and_change_nothing(untidy: SeatingPlan) -> None:
    warnings = [text for place, text in warnings_of(untidy).items() if "seat_guid" in place]

    assert len(warnings) == 1
    assert "3 seats have 2 distinct guids" in warnings[0]


def test_a_seat_without_a_number_is_called_by_its_place_in_the_row(untidy: SeatingPlan) -> None:
    assert untidy.numbers[3] == "4"
    assert "called 4" in warnings_of(untidy)["zones[0].rows[0].seats[3].seat_number"]


def test_repeated_zone_names_are_told_apart(untidy: SeatingPlan) -> None:
    assert [section.name for section in untidy.sections] == ["Hall", "Hall (2)"]
    assert "repeats" in warnings_of(untidy)["zones[1].name"]


def test_every_kind_of_area_is_drawn_where_it_stands(untidy: SeatingPlan) -> None:
    stage, words, circle, ellipse, polygon, bar, room, cloakroom = untidy.decorations

    assert isinstance(stage, Rectangle)
    assert stage.is_stage
    assert (stage.x, stage.y, stage.width, stage.rotation) == (100.25, 50, 50.5, 90)
    assert isinstance(words, Text)
    assert (words.text, words.x, words.y, words.size) == ("Stage", 95.25, 55, 16)
    assert isinstance(circle, Ellipse)
    assert (circle.radius_x, circle.radius_y) == (9.75, 9.75)
    assert isinstance(ellipse, Ellipse)
    assert (ellipse.radius_x, ellipse.radius_y) == (5, 3)
    assert isinstance(polygon, Polygon)
    assert list(polygon.points) == [(103.25, 53), (112.25, 53), (112.25, 62)]
    assert isinstance(bar, Text)
    assert isinstance(room, Rectangle)
    assert room.fill is None, "what is no colour never reaches a browser"
    assert isinstance(cloakroom, Text)
    assert "left out" in warnings_of(untidy)["zones[0].areas[5].shape"]


def test_accessible_seats_are_known(untidy: SeatingPlan) -> None:
    assert [index for index, is_so in enumerate(untidy.accessible) if is_so] == [1]


def test_unused_categories_are_kept_and_not_used(untidy: SeatingPlan) -> None:
    assert [category.name for category in untidy.categories][1:] == ["unused"]
    assert len(untidy.used_categories()) == 1


def test_a_label_is_what_people_read() -> None:
    placed = read_well(small_plan(), PlanOptions(labels={"A": "Parkett"}))

    assert [(c.name, c.label, c.color) for c in placed.categories] == [
        ("A", "Parkett", "#AA0000"),
        ("B", "B", "#00BB00"),
    ]


def test_a_section_is_outlined_around_its_seats() -> None:
    placed = read_well(plan(zone(row(seat("1"), seat("2", x=40)))))

    assert placed.sections[0].outline is not None
    assert set(placed.sections[0].outline) == {(90, 90), (150, 90), (150, 110), (90, 110)}


def test_a_plan_too_small_for_its_seats_grows() -> None:
    placed = read_well(plan(zone(row(seat(x=-300, y=0), seat("2", x=900)))))

    assert placed.xs == (10.0, 1210.0)
    assert (placed.width, placed.height) == (1220, 400)
    assert "too small" in warnings_of(placed)["size"]


def test_a_plan_grows_by_what_a_seat_at_its_edge_reaches_over_it() -> None:
    size = {"width": 100, "height": 100}
    over = read_well(plan(zone(row(seat()), x=1, y=1), size=size))
    within = read_well(plan(zone(row(seat()), x=10, y=90), size=size))

    assert (over.xs, over.ys, over.width, over.height) == ((10.0,), (10.0,), 109, 109)
    assert warnings_of(over)["size"] == (
        "is too small for the seats, each 20 wide; 109 by 109 here."
    )
    assert (within.xs, within.ys, within.width, within.height) == ((10.0,), (90.0,), 100, 100)
    assert within.warnings == ()


@pytest.mark.parametrize("size", [None, {}, {"width": 0, "height": -5}, {"width": None}])
def test_a_plan_without_a_size_gets_that_of_what_is_drawn(size: object) -> None:
    placed = read_well(plan(zone(row(seat())), size=size))

    assert (placed.width, placed.height) == (110, 110)


class TestGeneralAdmission:
    def test_a_zone_takes_so_many_whatever_seats_are_drawn(self) -> None:
        document = plan(zone(row(seat("1"), seat("2", x=20)), name="Pit"), zone(row(seat("1"))))
        placed = read_well(document, PlanOptions(general_admission={"Pit": 500}))

        pit, stalls = placed.sections
        assert (pit.kind, pit.capacity, pit.category) == (SectionKind.GENERAL_ADMISSION, 500, "A")
        assert (stalls.kind, stalls.first_seat_index) == (SectionKind.RESERVED, 500)
        assert placed.rows[:501] == (None,) * 500 + ("A",)
        assert (placed.xs[0], placed.seat_categories[0]) == (None, "A")

    def test_a_category_takes_so_many_and_leaves_the_other_seats(self) -> None:
        placed = read_well(small_plan(), PlanOptions(general_admission={"B": 80}))

        assert [(s.name, s.kind.value, s.capacity) for s in placed.sections] == [
            ("Stalls", "RESERVED", 2),
            ("B", "GENERAL_ADMISSION", 80),
        ]

    def test_a_zone_without_seats_stands_within_its_drawing(self) -> None:
        drawing = {
            "shape": "rectangle",
            "position": {"x": 0, "y": 0},
            "rectangle": {"width": 9, "height": 9},
        }
        placed = read_well(
            plan(zone(name="Floor", areas=[drawing]), categories=None),
            PlanOptions(general_admission={"Floor": 3}),
        )

        (floor,) = placed.sections
        assert list(floor.outline or ()) == [(100, 100), (109, 100), (109, 109), (100, 109)]
        assert [c.name for c in placed.used_categories()] == ["Floor"]

    def test_a_zone_may_be_called_by_its_id(self) -> None:
        document = plan(zone(row(seat()), name="Floor", zone_id="ground"))
        placed = read_well(document, PlanOptions(general_admission={"ground": 3}))

        assert placed.sections[0].capacity == 3

    @pytest.mark.parametrize(("name", "capacity"), [("Nowhere", 5), ("A", 0), ("A", SEATS_MAX + 1)])
    def test_what_makes_no_sense_is_a_fault(self, name: str, capacity: int) -> None:
        faults = faults_of(small_plan(), PlanOptions(general_admission={name: capacity}))

        assert f"general admission {name}" in faults


def test_fifty_thousand_seats_are_read_in_a_few_seconds() -> None:
    data = json.dumps(big_plan(50_000)).encode()

    started = time.perf_counter()
    outcome = read_seating_plan(data)

    assert isinstance(outcome, SeatingPlan)
    assert outcome.seat_count == 50_000
    assert time.perf_counter() - started < 10


@pytest.mark.skipif(not REAL_PLAN.exists(), reason="NO REAL PLAN HERE: shared/plans is absent")
def test_a_real_plan_of_300_seats_is_read() -> None:
    outcome = read_seating_plan(REAL_PLAN.read_bytes())

    assert isinstance(outcome, SeatingPlan)
    assert outcome.seat_count == 300
    named = {(outcome.rows[i], outcome.numbers[i]) for i in range(300)}
    assert len(named) == 300
    assert all(0 <= x <= outcome.width for x in outcome.xs if x is not None)
    assert any("260 distinct guids" in warning.message for warning in outcome.warnings)
