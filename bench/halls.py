"""Seating plans of any size, as pretix writes them."""

import json

SEATS_A_ROW = 50
ROWS_A_SECTION = 10
CATEGORY = "Seat"


def seating_plan(seats: int) -> str:
    """Draw a hall of so many seats in sections of 500, each in ten rows."""
    sections = [
        _section(first, min(SEATS_A_ROW * ROWS_A_SECTION, seats - first))
        for first in range(0, seats, SEATS_A_ROW * ROWS_A_SECTION)
    ]
    return json.dumps(
        {
            "name": f"A hall of {seats}",
            "size": {"width": SEATS_A_ROW * 20, "height": seats // SEATS_A_ROW * 20 + 20},
            "categories": [{"name": CATEGORY, "color": "#336699"}],
            "zones": sections,
        }
    )


def _section(first: int, seats: int) -> dict[str, object]:
    rows = range(0, seats, SEATS_A_ROW)
    return {
        "name": f"Section {first // (SEATS_A_ROW * ROWS_A_SECTION) + 1}",
        "position": {"x": 0, "y": first // SEATS_A_ROW * 20},
        "rows": [_row(n, min(SEATS_A_ROW, seats - start)) for n, start in enumerate(rows)],
        "areas": [],
    }


def _row(n: int, seats: int) -> dict[str, object]:
    return {
        "row_number": chr(ord("A") + n),
        "position": {"x": 0, "y": n * 20},
        "seats": [
            {
                "seat_number": str(seat + 1),
                "seat_guid": "",
                "position": {"x": seat * 20, "y": 0},
                "category": CATEGORY,
            }
            for seat in range(seats)
        ],
    }
