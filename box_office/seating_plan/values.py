"""Single values out of untidy JSON: what can be understood is, what cannot becomes a fault."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from box_office.seating_plan.findings import Findings, Place
from box_office.seating_plan.limits import COORDINATE_MAX
from box_office.storable import unstorable_character

JsonObject = dict[str, Any]

_COLOR = re.compile(r"#[0-9A-Fa-f]{3,8}|[A-Za-z]{1,30}|(?:rgb|hsl)a?\([0-9.,%/ deg]{1,26}\)")


def read_object(owner: JsonObject, key: str, place: Place, findings: Findings) -> JsonObject | None:
    """Read an object; None when there is none."""
    value = owner.get(key)
    if value is None or isinstance(value, dict):
        return value
    findings.fault(place.key(key), f"must be an object, is {kind_of(value)}.")
    return None


def read_items(
    owner: JsonObject, key: str, place: Place, findings: Findings
) -> Iterator[tuple[Place, JsonObject]]:
    """Go through a list of objects, each with its place. A null in the list is passed over."""
    value = owner.get(key)
    if value is None:
        return
    place = place.key(key)
    if not isinstance(value, list):
        findings.fault(place, f"must be a list, is {kind_of(value)}.")
        return
    for index, item in enumerate(value):
        if isinstance(item, dict):
            yield place.item(index), item
        elif item is None:
            findings.warn(place.item(index), "is null and was left out.")
        else:
            findings.fault(place.item(index), f"must be an object, is {kind_of(item)}.")


def read_text(
    owner: JsonObject, key: str, place: Place, findings: Findings, length_max: int
) -> str | None:
    """Read a name or number as text, tidied; None when there is none or it says nothing."""
    value = owner.get(key)
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = _spoken(float(value)) if abs(value) <= COORDINATE_MAX else value  # NaN stays, too.
    if not isinstance(value, str):
        findings.fault(place.key(key), f"must be a text, is {kind_of(value)}.")
        return None
    text = " ".join(value.split())
    if len(text) > length_max:
        findings.fault(
            place.key(key),
            f"is {len(text)} characters long; shorten it to {length_max}.",
        )
        return None
    if foreign := unstorable_character(text):
        findings.fault(place.key(key), f"contains {foreign}; remove it.")
        return None
    return text or None


def read_number(owner: JsonObject, key: str, place: Place, findings: Findings) -> float | None:
    """Read a coordinate or a length; None when there is none or it is at fault."""
    value = owner.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        findings.fault(place.key(key), f"must be a number, is {kind_of(value)}.")
    elif isinstance(value, float) and not math.isfinite(value):
        findings.fault(place.key(key), "must be a finite number; NaN and Infinity are no places.")
    elif abs(value) > COORDINATE_MAX:
        findings.fault(
            place.key(key), f"is beyond {COORDINATE_MAX:,}; scale the plan down or correct it."
        )
    else:
        return float(value)
    return None


def read_position(owner: JsonObject, place: Place, findings: Findings) -> tuple[float, float]:
    """Read where something stands within what is around it; the origin when that is missing."""
    position = read_object(owner, "position", place, findings) or {}
    place = place.key("position")
    x = read_number(position, "x", place, findings)
    y = read_number(position, "y", place, findings)
    return x or 0.0, y or 0.0


def read_color(owner: JsonObject, key: str, place: Place, findings: Findings) -> str | None:
    """Read a colour of CSS; what is none is left out, for it would reach browsers."""
    value = owner.get(key)
    if value is None or value == "":
        return None
    if isinstance(value, str) and _COLOR.fullmatch(value.strip()):
        return value.strip()
    findings.warn(place.key(key), "is no colour and was left out; write one such as #C8102E.")
    return None


def kind_of(value: object) -> str:
    """Say what a JSON value is, for people: the text "left", a list."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return "a number"
        case str():
            shown = value if len(value) <= 20 else value[:20] + "…"  # noqa: PLR2004 - a glimpse.
            return f"the text {shown!a}"
        case list():
            return "a list"
        case _:
            return "an object"


def _spoken(value: float) -> str:
    """Say the number as a person writes it: 5.0 is 5."""
    return str(int(value)) if value.is_integer() else str(value)
