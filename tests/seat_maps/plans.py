"""Small seating plans to spoil: each test changes what it is about."""

import json
from pathlib import Path
from typing import Any

from box_office.seating_plan import PlanFaults, PlanOptions, SeatingPlan, read_seating_plan

ROOT = Path(__file__).parents[2]
PLANS = Path(__file__).parent / "plans"
Json = dict[str, Any]


def seat(number: Any = "1", x: Any = 0, y: Any = 0, category: Any = "A", **more: Any) -> Json:
    return {
        "seat_number": number,
        "seat_guid": f"guid-{number}-{x}-{y}",
        "position": {"x": x, "y": y},
        "category": category,
        **more,
    }


def row(*seats: Json, number: Any = "A", x: Any = 0, y: Any = 0) -> Json:
    return {"row_number": number, "position": {"x": x, "y": y}, "seats": list(seats)}


def zone(*rows: Json, name: Any = "Stalls", x: Any = 100, y: Any = 100, **more: Any) -> Json:
    return {"name": name, "position": {"x": x, "y": y}, "rows": list(rows), "areas": [], **more}


def plan(*zones: Json, **more: Any) -> Json:
    return {
        "name": "House",
        "categories": [{"name": "A", "color": "#AA0000"}, {"name": "B", "color": "#00BB00"}],
        "zones": list(zones),
        "size": {"width": 500, "height": 400},
        **more,
    }


def small_plan() -> Json:
    """Three numbered seats in two rows."""
    return plan(
        zone(row(seat("1"), seat("2", x=20)), row(seat("1", category="B"), number="B", y=30))
    )


def big_plan(seats: int, zones: int = 20, seats_a_row: int = 50) -> Json:
    rows = seats // zones // seats_a_row
    return plan(
        *(
            zone(
                *(
                    row(
                        *(
                            seat(str(n + 1), x=n * 20.125, category="AB"[z % 2])
                            for n in range(seats_a_row)
                        ),
                        number=r + 1,
                        y=r * 20.5,
                    )
                    for r in range(rows)
                ),
                name=f"Block {z + 1}",
                x=z % 5 * 1100,
                y=z // 5 * 1100,
            )
            for z in range(zones)
        ),
        size=None,
    )


def read(document: Json, options: PlanOptions | None = None) -> SeatingPlan | PlanFaults:
    return read_seating_plan(json.dumps(document).encode(), options)


def read_well(document: Json, options: PlanOptions | None = None) -> SeatingPlan:
    outcome = read(document, options)
    assert isinstance(outcome, SeatingPlan), outcome
    return outcome


def faults_of(document: Json, options: PlanOptions | None = None) -> dict[str, str]:
    outcome = read(document, options)
    assert isinstance(outcome, PlanFaults), "the plan was read"
    return {fault.place: fault.message for fault in outcome.faults}


def warnings_of(plan: SeatingPlan) -> dict[str, str]:
    return {warning.place: warning.message for warning in plan.warnings}
