"""Reading a seating plan: the bytes of a file become columns by seat index, or all its faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from box_office.seating_plan.areas import corners_of
from box_office.seating_plan.findings import Findings, Place, PlanFaults
from box_office.seating_plan.geometry import SEAT_REACH
from box_office.seating_plan.limits import (
    CATEGORY_LENGTH_MAX,
    DECIMALS,
    DECORATIONS_MAX,
    PLAN_NAME_LENGTH_MAX,
    SEATS_MAX,
    SECTIONS_MAX,
)
from box_office.seating_plan.parsing import parse_plan
from box_office.seating_plan.plan import (
    Decoration,
    PlanCategory,
    PlanSection,
    Point,
    Polygon,
    SeatingPlan,
)
from box_office.seating_plan.sections import Arrangement, DraftSection, arrange, tell_seats_apart
from box_office.seating_plan.values import (
    JsonObject,
    read_color,
    read_items,
    read_number,
    read_object,
    read_text,
)
from box_office.seating_plan.zones import PlacedSeat, PlacedZone, ZoneReader
from models import SectionKind

_FILE = Place()
_NAMELESS = "Seating plan"


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What an organiser says about a plan that the file does not."""

    #: Capacity by zone or category: sold as so many standing places, whatever seats are drawn.
    general_admission: Mapping[str, int] = field(default_factory=dict)
    #: What people read, by category; many editors name categories by UUIDs.
    labels: Mapping[str, str] = field(default_factory=dict)


def read_seating_plan(data: bytes, options: PlanOptions | None = None) -> SeatingPlan | PlanFaults:
    """Read a seating plan; when it cannot be read, say everything that is wrong with it."""
    options = options or PlanOptions()
    findings = Findings()
    document = parse_plan(data, findings)
    if document is None:
        return findings.faults() or PlanFaults(())
    name = read_text(document, "name", _FILE, findings, PLAN_NAME_LENGTH_MAX)
    size = _read_size(document, findings)
    categories = _read_categories(document, options.labels, findings)
    known = frozenset(category.name for category in categories)
    zones = ZoneReader(known, findings).read(document)
    arrangement = arrange(zones, categories, options.general_admission, findings)
    _check_counts(zones, arrangement, findings)
    _warn_of_repeated_guids(zones, findings)
    if faults := findings.faults():
        return faults
    for section in arrangement.sections:
        tell_seats_apart(section, findings)
    decorations = [decoration for zone in zones for decoration in zone.decorations]
    plan = _assemble(name or _NAMELESS, arrangement, decorations, findings)
    return _fit(plan, size, findings)


def _read_size(document: JsonObject, findings: Findings) -> tuple[float, float]:
    """Read the size the file gives; zeros when it gives none."""
    size = read_object(document, "size", _FILE, findings) or {}
    place = _FILE.key("size")
    width = read_number(size, "width", place, findings) or 0.0
    height = read_number(size, "height", place, findings) or 0.0
    return max(width, 0.0), max(height, 0.0)


def _read_categories(
    document: JsonObject, labels: Mapping[str, str], findings: Findings
) -> list[PlanCategory]:
    categories: dict[str, PlanCategory] = {}
    for place, category in read_items(document, "categories", _FILE, findings):
        name = read_text(category, "name", place, findings, CATEGORY_LENGTH_MAX)
        color = read_color(category, "color", place, findings)
        if name is None:
            if category.get("name") in (None, ""):
                findings.fault(place.key("name"), "is missing; name the category.")
        elif name in categories:
            findings.warn(place.key("name"), f"{name!r} repeats; the first one counts.")
        else:
            categories[name] = PlanCategory(name, name, color)
    for name, label in labels.items():
        key = f"label {name}"
        tidied = read_text({key: label}, key, _FILE, findings, CATEGORY_LENGTH_MAX)
        if name not in categories:
            known = ", ".join(categories)
            findings.fault(
                _FILE.key(key), f"is for no category of the plan; there are: {known[:500]}."
            )
        elif tidied is not None:
            categories[name] = replace(categories[name], label=tidied)
    return list(categories.values())


def _check_counts(zones: Sequence[PlacedZone], drawn: Arrangement, findings: Findings) -> None:
    seat_count = sum(section.capacity for section in drawn.sections)
    place = _FILE.key("zones")
    if seat_count > SEATS_MAX:
        findings.fault(place, f"hold {seat_count:,} seats; a seat map has at most {SEATS_MAX:,}.")
    elif not seat_count and findings.faults() is None:
        findings.fault(
            place, "hold no seats; draw rows with seats or declare a zone general admission."
        )
    if len(drawn.sections) > SECTIONS_MAX:
        findings.fault(place, f"are {len(drawn.sections):,}; at most {SECTIONS_MAX:,} have seats.")
    decoration_count = sum(len(zone.decorations) for zone in zones)
    if decoration_count > DECORATIONS_MAX:
        findings.fault(
            place, f"hold {decoration_count:,} areas and texts; at most {DECORATIONS_MAX:,}."
        )


def _warn_of_repeated_guids(zones: Sequence[PlacedZone], findings: Findings) -> None:
    """Say that guids repeat: nobody is known by them here, yet the file should be put right."""
    seats = [seat for zone in zones for seat in zone.seats if seat.guid is not None]
    counted = Counter(seat.guid for seat in seats)
    if len(counted) == len(seats):
        return
    first = next(seat for seat in seats if counted[seat.guid] > 1)
    findings.warn(
        first.place.key("seat_guid"),
        f"{len(seats)} seats have {len(counted)} distinct guids, {first.guid!r} repeats;"
        " seats are known by zone, row and number.",
    )


def _assemble(
    name: str, drawn: Arrangement, decorations: Iterable[Decoration], findings: Findings
) -> SeatingPlan:
    """Count the seats through and lay them out in columns."""
    seated: list[Sequence[PlacedSeat | None]] = [
        section.seats or [None] * section.capacity for section in drawn.sections
    ]
    seats = list(chain.from_iterable(seated))
    standing = chain.from_iterable(
        [section.category or ""] * section.capacity for section in drawn.sections
    )
    return SeatingPlan(
        name=name,
        width=0.0,
        height=0.0,
        categories=tuple(drawn.categories),
        sections=tuple(_counted_through(drawn.sections)),
        xs=tuple(None if seat is None else seat.x for seat in seats),
        ys=tuple(None if seat is None else seat.y for seat in seats),
        rows=tuple(None if seat is None else seat.row for seat in seats),
        numbers=tuple(None if seat is None else seat.number for seat in seats),
        seat_categories=tuple(
            category if seat is None else seat.category
            for seat, category in zip(seats, standing, strict=True)
        ),
        accessible=tuple(seat is not None and seat.accessible for seat in seats),
        decorations=tuple(decorations),
        warnings=findings.warnings(),
    )


def _counted_through(sections: Sequence[DraftSection]) -> Iterable[PlanSection]:
    first = 0
    for section in sections:
        numbered = section.standing is None
        yield PlanSection(
            name=section.name,
            kind=SectionKind.RESERVED if numbered else SectionKind.GENERAL_ADMISSION,
            capacity=section.capacity,
            first_seat_index=first,
            category=section.category,
            outline=section.outline,
        )
        first += section.capacity


def _fit(plan: SeatingPlan, size: tuple[float, float], findings: Findings) -> SeatingPlan:
    """Make the plan large enough for all its seats, and start it at (0, 0)."""
    outlines = [point for section in plan.sections for point in section.outline or ()]
    drawn = list(chain.from_iterable(corners_of(shape) for shape in plan.decorations))
    # A drawing may reach over the edge of a plan with a size, and is cut off there; a seat may not.
    inside = outlines if all(size) and outlines else outlines + drawn
    left = min((x for x, _ in inside), default=0.0)
    top = min((y for _, y in inside), default=0.0)
    shift = (_rounded(max(-left, 0.0)), _rounded(max(-top, 0.0)))
    right = max((x for x, _ in inside), default=0.0)
    bottom = max((y for _, y in inside), default=0.0)
    # What the plan gains on the left it does not lose on the right, nor what is drawn there.
    width = _rounded(max(size[0], right) + shift[0])
    height = _rounded(max(size[1], bottom) + shift[1])
    if all(size) and (width, height) != (_rounded(size[0]), _rounded(size[1])):
        findings.warn(
            _FILE.key("size"),
            f"is too small for the seats, each {2 * SEAT_REACH:g} wide;"
            f" {width:g} by {height:g} here.",
        )
    # A plan of nothing but standing zones without a drawing still has a size.
    width, height = width or 20 * SEAT_REACH, height or 20 * SEAT_REACH
    fitted = replace(plan, width=width, height=height)
    return replace(_moved_plan(fitted, shift), warnings=findings.warnings())


def _moved_plan(plan: SeatingPlan, shift: Point) -> SeatingPlan:
    right, down = shift
    return replace(
        plan,
        xs=tuple(None if x is None else _rounded(x + right) for x in plan.xs),
        ys=tuple(None if y is None else _rounded(y + down) for y in plan.ys),
        sections=tuple(
            replace(section, outline=_moved_points(section.outline, shift))
            for section in plan.sections
        ),
        decorations=tuple(_moved_decoration(shape, shift) for shape in plan.decorations),
    )


def _moved_decoration(decoration: Decoration, shift: Point) -> Decoration:
    if isinstance(decoration, Polygon):
        return replace(decoration, points=_moved_points(decoration.points, shift) or ())
    return replace(
        decoration, x=_rounded(decoration.x + shift[0]), y=_rounded(decoration.y + shift[1])
    )


def _moved_points(points: tuple[Point, ...] | None, shift: Point) -> tuple[Point, ...] | None:
    if points is None:
        return None
    return tuple((_rounded(x + shift[0]), _rounded(y + shift[1])) for x, y in points)


def _rounded(coordinate: float) -> float:
    return round(coordinate, DECIMALS)
