"""Line charts as SVG, for the page: small files that are readable on light and on dark ground.

By hand, for the libraries that draw such charts (pygal, matplotlib) would be one more thing to lock
and install, and none of them lets the reader's colour scheme choose the colours of a picture.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from bench.figures import Round
from bench.row import Medians, Plot

WIDTH, HEIGHT = 800, 400
LEFT, RIGHT, TOP, BOTTOM = 76, 250, 68, 52
STEPS = 4
#: Told apart by those who see few colours (Okabe and Ito), the darker ones for light ground.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#b35c91", "#8a6d00")
COLORS_ON_DARK = ("#56b4e9", "#ff8c42", "#3ddcac", "#e09ac5", "#f0e442")
#: Around the point: a disc, a square, a triangle, a diamond, a triangle upside down.
MARKERS = (
    "M-4.5,0a4.5,4.5 0 1,0 9,0a4.5,4.5 0 1,0 -9,0z",
    "M-4,-4h8v8h-8z",
    "M0,-5.5L5,4H-5z",
    "M0,-6L5,0L0,6L-5,0z",
    "M0,5.5L5,-4H-5z",
)
#: Of a contender's first figure, its second, and so on.
DASHES = ("", ' stroke-dasharray="7 4"', ' stroke-dasharray="2 4"')

Points = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Scale:
    """Where a number lies on an axis, from 0 to 1; by its logarithm."""

    low: float
    high: float

    @classmethod
    def of(cls, numbers: Sequence[float]) -> "Scale":
        """Hold all of these."""
        return cls(min(numbers), max(numbers))

    def at(self, number: float) -> float:
        """Give the place of a number."""
        if self.low == self.high:
            return 0.5
        return math.log(number / self.low) / math.log(self.high / self.low)


@dataclass(frozen=True, slots=True)
class Line:
    """A contender's figure: which colour and which dashes, and its points."""

    name: str
    color: int
    dashes: int
    points: Points


def lines_of(plot: Plot, medians: Medians) -> list[Line]:
    """Take the points out of contenders called like "onsale, 64 clients"."""
    found: dict[str, list[tuple[float, Round]]] = {}
    for name, figures in medians.items():
        contender, _, rest = name.rpartition(", ")
        number, _, over = rest.partition(" ")
        if over == plot.over:
            found.setdefault(contender, []).append((float(number), figures))
    lines = []
    for color, (contender, measured) in enumerate(found.items()):
        for dashes, (figure, label) in enumerate(plot.figures):
            points = sorted((x, figures[figure]) for x, figures in measured if figure in figures)
            if points:
                lines.append(Line(f"{contender} {label}".strip(), color, dashes, points))
    return lines


def draw(plot: Plot, medians: Medians) -> str | None:
    """Draw it; nothing when no line has two points."""
    lines = lines_of(plot, medians)
    if not any(len(line.points) > 1 for line in lines):
        return None
    across = sorted({x for line in lines for x, _ in line.points})
    highest = _round_up(max(y for line in lines for _, y in line.points))
    horizontal = Scale.of(across)
    parts = [*_frame(plot, across, horizontal, highest)]
    for n, line in enumerate(lines):
        places = [(_x(horizontal, x), _y(y, highest)) for x, y in line.points]
        parts += _draw_line(n, line, places)
    return _document(plot.title, parts)


def _frame(plot: Plot, across: Sequence[float], scale: Scale, highest: float) -> Iterator[str]:
    """Draw the title, the axes and what they count."""
    yield f'<text class="title" x="{LEFT}" y="24">{escape(plot.title)}</text>'
    for step in range(STEPS + 1):
        value = highest * step / STEPS
        y = _y(value, highest)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="end" x="{LEFT - 8}" y="{y + 4:.1f}">{value:,.6g}</text>'
    for number in across:
        x = _x(scale, number)
        yield f'<text class="middle" x="{x:.1f}" y="{HEIGHT - BOTTOM + 20}">{number:,.0f}</text>'
    middle = (LEFT + WIDTH - RIGHT) / 2
    yield f'<text class="middle" x="{middle}" y="{HEIGHT - 10}">{escape(plot.over)}</text>'
    yield f'<text class="end" x="{LEFT - 8}" y="{TOP - 18}">{escape(plot.vertical)}</text>'


def _draw_line(n: int, line: Line, places: Points) -> Iterator[str]:
    """Draw a line, a marker at each point, and its name in the legend."""
    color, dashes = line.color % len(COLORS), DASHES[line.dashes % len(DASHES)]
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield f'<polyline class="line c{color}"{dashes} points="{corners}"/>'
    for x, y in places:
        yield _marker(color, x, y)
    x, y = WIDTH - RIGHT + 12, TOP + 12 + 24 * n
    yield f'<polyline class="line c{color}"{dashes} points="{x},{y} {x + 28},{y}"/>'
    yield _marker(color, x + 14, y)
    yield f'<text x="{x + 36}" y="{y + 5}">{escape(line.name)}</text>'


def _marker(color: int, x: float, y: float) -> str:
    place = f"translate({x:.1f},{y:.1f})"
    return f'<path class="f{color}" transform="{place}" d="{MARKERS[color]}"/>'


def _document(title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}"'
        f' height="{HEIGHT}" role="img" aria-label="{escape(title)}">\n<style>{_style()}</style>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _style() -> str:
    light = _colors(COLORS) + "text{fill:#24292f}.grid{stroke:#d0d7de}"
    dark = _colors(COLORS_ON_DARK) + "text{fill:#e6edf3}.grid{stroke:#3d444d}"
    return (
        "text{font:13px system-ui,sans-serif}.title{font-weight:600;font-size:15px}"
        ".end{text-anchor:end}.middle{text-anchor:middle}.line{fill:none;stroke-width:2}"
        f"{light}@media (prefers-color-scheme:dark){{{dark}}}"
    )


def _colors(colors: Sequence[str]) -> str:
    return "".join(
        f".c{n}{{stroke:{color}}}.f{n}{{fill:{color}}}" for n, color in enumerate(colors)
    )


def _x(scale: Scale, number: float) -> float:
    return LEFT + 16 + scale.at(number) * (WIDTH - RIGHT - LEFT - 32)


def _y(value: float, highest: float) -> float:
    return HEIGHT - BOTTOM - value / highest * (HEIGHT - BOTTOM - TOP)


def _round_up(value: float) -> float:
    """Find the next number that divides well into steps."""
    power = 10.0 ** math.floor(math.log10(value)) if value > 0 else 1.0
    return next(power * n for n in (1, 2, 4, 6, 8, 10) if power * n >= value)
