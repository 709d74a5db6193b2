"""What is drawn beside the seats: the stage, bars, aisles and words."""

from __future__ import annotations

import re
from collections.abc import Callable

from box_office.seating_plan.findings import Findings, Place
from box_office.seating_plan.geometry import (
    ellipse_corners,
    moved,
    rectangle_corners,
    turned,
)
from box_office.seating_plan.limits import TEXT_LENGTH_MAX
from box_office.seating_plan.plan import Decoration, Ellipse, Point, Polygon, Rectangle, Text
from box_office.seating_plan.values import (
    JsonObject,
    read_color,
    read_number,
    read_object,
    read_position,
    read_text,
)

_STAGE = re.compile(r"\b(stage|b[uü]hne|sc[eè]ne|escenario|palco|scena|podium)\b", re.IGNORECASE)
_TEXT_SIZE = 16.0
_TRIANGLE = 3


def read_area(
    area: JsonObject, origin: Point, place: Place, findings: Findings
) -> list[Decoration]:
    """Read one area of a zone that stands at `origin`: its shape, then its words."""
    x, y = read_position(area, place, findings)
    corner = (origin[0] + x, origin[1] + y)
    rotation = (read_number(area, "rotation", place, findings) or 0.0) % 360
    text = _read_words(area, corner, rotation, place, findings)
    shape = _read_shape(area, corner, rotation, place, findings)
    if shape is None:
        return [] if text is None else [text]
    return [shape] if text is None else [shape, text]


def corners_of(shape: Decoration) -> list[Point]:
    """Give the corners of a shape; words have none."""
    match shape:
        case Rectangle():
            return rectangle_corners((shape.x, shape.y), shape.width, shape.height, shape.rotation)
        case Ellipse():
            return ellipse_corners(
                (shape.x, shape.y), shape.radius_x, shape.radius_y, shape.rotation
            )
        case Polygon():
            return list(shape.points)
        case Text():
            return []


def _read_shape(
    area: JsonObject, corner: Point, rotation: float, place: Place, findings: Findings
) -> Decoration | None:
    name = read_text(area, "shape", place, findings, TEXT_LENGTH_MAX) or "rectangle"
    if name == "text":
        return None
    read = _SHAPES.get(name)
    if read is None:
        known = ", ".join([*_SHAPES, "text"])
        findings.warn(place.key("shape"), f"is none of {known}; the area was left out.")
        return None
    return read(area, corner, rotation, place, findings)


def _read_rectangle(
    area: JsonObject, corner: Point, rotation: float, place: Place, findings: Findings
) -> Rectangle | None:
    # The oldest version of the format has width and height on the area itself.
    size = read_object(area, "rectangle", place, findings)
    size, place_of_size = (area, place) if size is None else (size, place.key("rectangle"))
    width = _read_length(size, "width", place_of_size, findings)
    height = _read_length(size, "height", place_of_size, findings)
    if width is None or height is None:
        return None
    fill, border, is_stage = _looks(area, place, findings)
    return Rectangle(*corner, width, height, rotation, fill=fill, border=border, is_stage=is_stage)


def _read_circle(
    area: JsonObject, corner: Point, rotation: float, place: Place, findings: Findings
) -> Ellipse | None:
    circle = read_object(area, "circle", place, findings) or {}
    radius = _read_length(circle, "radius", place.key("circle"), findings)
    if radius is None:
        return None
    fill, border, is_stage = _looks(area, place, findings)
    return Ellipse(*corner, radius, radius, rotation, fill=fill, border=border, is_stage=is_stage)


def _read_ellipse(
    area: JsonObject, corner: Point, rotation: float, place: Place, findings: Findings
) -> Ellipse | None:
    ellipse = read_object(area, "ellipse", place, findings) or {}
    place_of_radius = place.key("ellipse")
    radius = read_object(ellipse, "radius", place_of_radius, findings) or {}
    radius_x = _read_length(radius, "x", place_of_radius.key("radius"), findings)
    radius_y = _read_length(radius, "y", place_of_radius.key("radius"), findings)
    if radius_x is None or radius_y is None:
        return None
    fill, border, is_stage = _looks(area, place, findings)
    return Ellipse(
        *corner, radius_x, radius_y, rotation, fill=fill, border=border, is_stage=is_stage
    )


def _read_polygon(
    area: JsonObject, corner: Point, rotation: float, place: Place, findings: Findings
) -> Polygon | None:
    polygon = read_object(area, "polygon", place, findings) or {}
    flat = _read_points(polygon, place.key("polygon"), findings)
    if len(flat) < _TRIANGLE:
        findings.warn(place.key("polygon"), "has fewer than 3 points and was left out.")
        return None
    fill, border, is_stage = _looks(area, place, findings)
    points = tuple(moved((turned(point, rotation) for point in flat), corner))
    return Polygon(points, fill=fill, border=border, is_stage=is_stage)


_ReadShape = Callable[[JsonObject, Point, float, Place, Findings], Decoration | None]
_SHAPES: dict[str, _ReadShape] = {
    "rectangle": _read_rectangle,
    "circle": _read_circle,
    "ellipse": _read_ellipse,
    "polygon": _read_polygon,
}


def _read_points(polygon: JsonObject, place: Place, findings: Findings) -> list[Point]:
    points: list[Point] = []
    listed = polygon.get("points")
    if listed is not None and not isinstance(listed, list):
        findings.fault(place.key("points"), "must be a list of points with x and y.")
        return points
    for index, point in enumerate(listed or []):
        place_of_point = place.key("points").item(index)
        if not isinstance(point, dict):
            findings.fault(place_of_point, "must be an object with x and y.")
            continue
        x = read_number(point, "x", place_of_point, findings)
        y = read_number(point, "y", place_of_point, findings)
        if x is not None and y is not None:
            points.append((x, y))
    return points


def _read_length(owner: JsonObject, key: str, place: Place, findings: Findings) -> float | None:
    """Read a width or a radius. A shape that lacks one cannot be drawn, which hurts no sale."""
    if owner.get(key) is None:
        findings.warn(place.key(key), "is missing; the area was left out.")
        return None
    length = read_number(owner, key, place, findings)
    return None if length is None else abs(length)


def _looks(
    area: JsonObject, place: Place, findings: Findings
) -> tuple[str | None, str | None, bool]:
    """Read an area's colours, and whether its words call it the stage."""
    text = area.get("text")
    words = text.get("text") if isinstance(text, dict) else text
    is_stage = isinstance(words, str) and _STAGE.search(words) is not None
    fill = read_color(area, "color", place, findings)
    return fill, read_color(area, "border_color", place, findings), is_stage


def _read_words(
    area: JsonObject, corner: Point, rotation: float, place: Place, findings: Findings
) -> Text | None:
    """Read the words on an area: an object with a place of its own, or, long ago, a text."""
    if not isinstance(area.get("text"), dict):
        text = read_text(area, "text", place, findings, TEXT_LENGTH_MAX)
        return None if text is None else Text(*corner, text, _TEXT_SIZE, None, rotation)
    words, place = area["text"], place.key("text")
    text = read_text(words, "text", place, findings, TEXT_LENGTH_MAX)
    ((x, y),) = moved([turned(read_position(words, place, findings), rotation)], corner)
    size = abs(read_number(words, "size", place, findings) or _TEXT_SIZE)
    color = read_color(words, "color", place, findings)
    return None if text is None else Text(x, y, text, size, color, rotation)
