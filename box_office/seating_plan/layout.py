"""The published file of a seat map: JSON of columns by seat index, described in its JSON Schema.

docs/layout.schema.json is that schema. Columns and not objects: 20,000 seats are 25 KB compressed
this way, and 760 KB as an object a seat.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import orjson

from box_office.seating_plan.plan import (
    Decoration,
    Ellipse,
    PlanSection,
    Polygon,
    Rectangle,
    SeatingPlan,
    Shape,
    Text,
)

#: Grows when a reader of the old file could misunderstand the new one.
LAYOUT_VERSION: Final = 1


def layout_of(plan: SeatingPlan) -> bytes:
    """Write the file that `layoutUrl` leads to. The same plan always gives the same bytes."""
    row_names, row_firsts = _rows(plan)
    return orjson.dumps(
        {
            "version": LAYOUT_VERSION,
            "name": plan.name,
            "width": plan.width,
            "height": plan.height,
            "seatCount": plan.seat_count,
            "sections": [_section(section) for section in plan.sections],
            "rows": {"name": row_names, "firstSeatIndex": row_firsts},
            "x": plan.xs,
            "y": plan.ys,
            "number": plan.numbers,
            "accessible": [index for index, is_so in enumerate(plan.accessible) if is_so],
            "decorations": [_decoration(decoration) for decoration in plan.decorations],
        }
    )


def _rows(plan: SeatingPlan) -> tuple[list[str], list[int]]:
    """List the rows: a row goes to the next one's first seat, or to the end of its section."""
    names: list[str] = []
    firsts: list[int] = []
    for section in plan.sections:
        before = None
        first = section.first_seat_index
        for index, row in enumerate(plan.rows[first : first + section.capacity], start=first):
            if row is not None and row != before:
                names.append(row)
                firsts.append(index)
            before = row
    return names, firsts


def _section(section: PlanSection) -> dict[str, Any]:
    return {
        "name": section.name,
        "kind": section.kind.value,
        "firstSeatIndex": section.first_seat_index,
        "capacity": section.capacity,
        "outline": section.outline,
    }


def _decoration(decoration: Decoration) -> dict[str, Any]:
    kind = type(decoration).__name__.lower()
    return {"kind": kind} | {
        name: value
        for name, value in _facts(decoration)
        if value is not None and value is not False
    }


def _facts(decoration: Decoration) -> Iterator[tuple[str, Any]]:
    """Give a decoration's facts by their names in the file."""
    match decoration:
        case Rectangle():
            yield from (("x", decoration.x), ("y", decoration.y))
            yield from (("width", decoration.width), ("height", decoration.height))
            yield from (("rotation", decoration.rotation), *_looks(decoration))
        case Ellipse():
            yield from (("x", decoration.x), ("y", decoration.y))
            yield from (("radiusX", decoration.radius_x), ("radiusY", decoration.radius_y))
            yield from (("rotation", decoration.rotation), *_looks(decoration))
        case Polygon():
            yield from (("points", decoration.points), *_looks(decoration))
        case Text():
            yield from (("x", decoration.x), ("y", decoration.y), ("text", decoration.text))
            yield from (("size", decoration.size), ("color", decoration.color))
            yield ("rotation", decoration.rotation)


def _looks(shape: Shape) -> tuple[tuple[str, Any], ...]:
    return ("fill", shape.fill), ("border", shape.border), ("stage", shape.is_stage)
