"""Inputs with defaults, absences, choices and nests."""

import strawberry

from tests.compiled.nasty.scalars import Colour, Loose, Odd


@strawberry.input
class Point:
    x: int
    y: int = 7
    label: str | None = None


@strawberry.input
class Filter:
    name: str | None = None
    number: int | None = strawberry.UNSET
    colour: Colour = Colour.GREEN
    points: list[Point] | None = None
    main: Point = strawberry.field(default_factory=lambda: Point(x=1))
    inner: "Filter | None" = None
    odd: Odd | None = None
    grid: list[list[int] | None] = strawberry.field(default_factory=list)
    from_number: float = 0.5


@strawberry.input
class Patch:
    """Absent, null and a value are three things."""

    title: strawberry.Maybe[str | None]
    count: strawberry.Maybe[int]
    colours: strawberry.Maybe[list[Colour] | None]


@strawberry.input(one_of=True)
class Choice:
    text: str | None = strawberry.UNSET
    number: int | None = strawberry.UNSET
    point: Point | None = strawberry.UNSET
    loose: Loose | None = strawberry.UNSET
