"""Draw the seating plans of the demo's venues: `python demo/make_plans.py` writes demo/plans/.

The files have the format that docs/seating-plans.md describes; they are committed, so that nobody
has to run this. Which zones stand is said in demo/programme.py, as an organiser says it on import.
"""

import json
import math
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PLANS = Path(__file__).parent / "plans"
#: From seat to seat, and from row to row.
SEAT_WIDTH = 22
ROW_DEPTH = 26

Json = dict[str, Any]


def theatre() -> Json:
    """Draw 1,087 seats: stalls and a balcony in arcs around the stage."""
    centre = (760.0, -40.0)
    stalls = zone("Stalls", centre)
    stalls["rows"] = [
        arc(string.ascii_uppercase[row], 300 + ROW_DEPTH * row, 20 + row, stalls_category(row))
        for row in range(19)
    ]
    for seat in (*stalls["rows"][-1]["seats"][:3], *stalls["rows"][-1]["seats"][-3:]):
        seat["accessible"] = True
    balcony = zone("Balcony", centre)
    balcony["rows"] = [
        arc(letter, 880 + ROW_DEPTH * row, 60 + 2 * row, "Balcony" if row < 4 else "Upper balcony")  # noqa: PLR2004
        for row, letter in enumerate("ABCDEFGH")
    ]
    stalls["areas"] = [
        rectangle("Stage", (-330, 60), (660, 150), "#3B2F2F"),
        label("STALLS", (0, 260)),
        label("BALCONY", (0, 840)),
    ]
    return plan(
        "The Lantern Theatre",
        {
            "Premium": "#B3202C",
            "Stalls": "#E07A1F",
            "Balcony": "#2A6F97",
            "Upper balcony": "#6C8EAD",
        },
        [stalls, balcony],
        (1520, 1080),
    )


def stalls_category(row: int) -> str:
    """Sell the first six rows dearer."""
    return "Premium" if row < 6 else "Stalls"  # noqa: PLR2004 - the dearer rows.


def arena() -> Json:
    """Draw 18,000 seats in two rings of blocks around a floor for 2,000 standing."""
    centre = (2800.0, 2800.0)
    floor = zone("Floor", centre)
    floor["areas"] = [
        {"shape": "circle", "color": "#DDE5EC", "position": xy(0, 0), "circle": {"radius": 1450}},
        rectangle("Stage", (-500, -1300), (1000, 380), "#1F2933"),
        label("FLOOR", (0, 0), 90),
    ]
    lower = ring(centre, 101, blocks=24, rows=15, seats=20, radius=1740, category="Lower")
    upper = ring(centre, 201, blocks=36, rows=20, seats=15, radius=2180, category="Upper")
    return plan(
        "Aurora Arena",
        {"Floor": "#0B7A75", "Lower": "#D1495B", "Upper": "#30638E"},
        [floor, *lower, *upper],
        (5600, 5600),
    )


def ring(
    centre: tuple[float, float],
    first_number: int,
    *,
    blocks: int,
    rows: int,
    seats: int,
    radius: int,
    category: str,
) -> Iterator[Json]:
    """Draw a ring of numbered blocks, clockwise from the stage."""
    for block in range(blocks):
        placed = zone(str(first_number + block), centre)
        direction = 360 * (block + 0.5) / blocks - 90
        placed["rows"] = [
            arc(
                string.ascii_uppercase[row],
                radius + ROW_DEPTH * row,
                seats,
                category,
                direction=direction,
                guid=placed["name"],
                decimals=None,
            )
            for row in range(rows)
        ]
        yield placed


def club() -> Json:
    """Draw a club without a single seat: a floor and a gallery, both standing."""
    floor, gallery = zone("Floor", (0, 0)), zone("Gallery", (0, 0))
    floor["areas"] = [
        {
            "shape": "polygon",
            "color": "#E8DFF5",
            "position": xy(40, 160),
            "polygon": {"points": [xy(0, 0), xy(720, 0), xy(720, 420), xy(560, 520), xy(0, 520)]},
        },
        rectangle("Stage", (200, 30), (400, 110), "#2D1E2F"),
        rectangle("Bar", (620, 700), (140, 40), "#A26769"),
        label("FLOOR", (400, 420), 28),
    ]
    gallery["areas"] = [
        rectangle("", (40, 700), (540, 80), "#FCE1E4"),
        label("GALLERY", (310, 745)),
    ]
    return plan(
        "Club Yozora", {"Floor": "#5F0F40", "Gallery": "#9A031E"}, [floor, gallery], (800, 800)
    )


def plan(name: str, categories: dict[str, str], zones: list[Json], size: tuple[int, int]) -> Json:
    """Put a plan together."""
    return {
        "name": name,
        "size": {"width": size[0], "height": size[1]},
        "categories": [{"name": key, "color": color} for key, color in categories.items()],
        "zones": zones,
    }


def zone(name: str, position: tuple[float, float]) -> Json:
    """Begin a zone; positions within it are relative to its own."""
    return {"name": name, "position": xy(*position), "rows": [], "areas": []}


def arc(
    row: str,
    radius: int,
    seats: int,
    category: str,
    *,
    direction: float = 90,
    guid: str = "",
    decimals: int | None = 1,
) -> Json:
    """Draw a row on a circle around its zone's position; `direction` is its middle, in degrees."""
    angles = [
        math.radians(direction) - SEAT_WIDTH / radius * (seat - (seats - 1) / 2)
        for seat in range(seats)
    ]
    prefix = guid or category
    return {
        "row_number": row,
        "position": xy(0, 0),
        "seats": [
            {
                "seat_guid": f"{prefix}-{row}-{number}",
                "seat_number": str(number),
                "position": xy(
                    round(radius * math.cos(angle), decimals),
                    round(radius * math.sin(angle), decimals),
                ),
                "category": category,
            }
            for number, angle in enumerate(angles, start=1)
        ],
    }


def rectangle(
    text: str, position: tuple[float, float], size: tuple[float, float], color: str
) -> Json:
    """Draw a rectangle with words in its middle."""
    width, height = size
    words = {"text": text, "position": xy(width / 2, height / 2), "color": "#FFFFFF", "size": 20}
    return {
        "shape": "rectangle",
        "color": color,
        "position": xy(*position),
        "rectangle": {"width": width, "height": height},
        "text": words,
    }


def label(text: str, position: tuple[float, float], size: int = 20) -> Json:
    """Write words on the plan."""
    words = {"text": text, "position": xy(0, 0), "color": "#52606D", "size": size}
    return {"shape": "text", "position": xy(*position), "text": words}


def xy(x: float, y: float) -> Json:
    """Say a position."""
    return {"x": x, "y": y}


def written(drawn: Json) -> str:
    """Write a plan as JSON, a row a line, so that a change shows what changed."""
    text = json.dumps(drawn, separators=(",", ":"))
    lines = text.replace('{"row_number"', '\n{"row_number"').replace('{"name"', '\n{"name"')
    return lines.lstrip() + "\n"


def main() -> None:
    """Write every plan to its file."""
    PLANS.mkdir(exist_ok=True)
    for draw in (theatre, arena, club):
        (PLANS / f"{draw.__name__}.json").write_text(written(draw()), encoding="utf-8")


if __name__ == "__main__":
    main()
