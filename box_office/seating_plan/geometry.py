"""Points, turned and enclosed."""

import math
from collections.abc import Iterable

from box_office.seating_plan.plan import Point

#: Half of a seat's width: pretix draws a seat with a radius of 10.
SEAT_REACH = 10.0
_ELLIPSE_CORNERS = 32


def turned(point: Point, rotation: float) -> Point:
    """Turn a point clockwise about the origin, by degrees; y points down."""
    if not rotation:
        return point
    x, y = point
    cosine, sine = math.cos(math.radians(rotation)), math.sin(math.radians(rotation))
    return x * cosine - y * sine, x * sine + y * cosine


def moved(points: Iterable[Point], by: Point) -> list[Point]:
    """Move every point."""
    return [(x + by[0], y + by[1]) for x, y in points]


def rectangle_corners(corner: Point, width: float, height: float, rotation: float) -> list[Point]:
    """Give the corners of a rectangle turned about its upper left corner."""
    flat = [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)]
    return moved((turned(point, rotation) for point in flat), corner)


def ellipse_corners(
    centre: Point, radius_x: float, radius_y: float, rotation: float
) -> list[Point]:
    """Give a polygon that looks like the ellipse."""
    angles = [2 * math.pi * step / _ELLIPSE_CORNERS for step in range(_ELLIPSE_CORNERS)]
    flat = ((radius_x * math.cos(angle), radius_y * math.sin(angle)) for angle in angles)
    return moved((turned(point, rotation) for point in flat), centre)


def area_of(polygon: list[Point]) -> float:
    """Measure a polygon without crossings."""
    following = [*polygon[1:], *polygon[:1]]
    return abs(sum(x * v - u * y for (x, y), (u, v) in zip(polygon, following, strict=True))) / 2


def outline_of(seats: Iterable[Point]) -> tuple[Point, ...]:
    """Enclose seats, each with its width, by the smallest convex polygon."""
    reach = SEAT_REACH
    corners = [
        (x + right, y + down)
        for x, y in convex_hull(seats)
        for right in (-reach, reach)
        for down in (-reach, reach)
    ]
    return tuple(convex_hull(corners))


def convex_hull(points: Iterable[Point]) -> list[Point]:
    """Give the smallest convex polygon around the points, by Andrew's monotone chain."""
    ordered = sorted(set(points))
    if len(ordered) <= 2:  # noqa: PLR2004 - two points enclose nothing.
        return ordered
    return _half_hull(ordered)[:-1] + _half_hull(reversed(ordered))[:-1]


def _half_hull(ordered: Iterable[Point]) -> list[Point]:
    hull: list[Point] = []
    for point in ordered:
        while len(hull) > 1 and _turns_away(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    return hull


def _turns_away(first: Point, second: Point, third: Point) -> bool:
    (ax, ay), (bx, by), (cx, cy) = first, second, third
    return (bx - ax) * (cy - ay) - (by - ay) * (cx - ax) <= 0
