"""Seating plans as organisers have them: JSON files of zones, rows and seats, often untidy.

`read_seating_plan` turns the bytes of such a file into a `SeatingPlan`, or into all that is wrong
with it. The format is the one that pretix and several open editors write; docs/seating-plans.md
tells organisers about it. Nothing here knows the database.
"""

from box_office.seating_plan.findings import PlanFault, PlanFaults, PlanWarning
from box_office.seating_plan.layout import LAYOUT_VERSION, layout_of
from box_office.seating_plan.limits import (
    DECORATIONS_MAX,
    FINDINGS_LISTED_MAX,
    SEATING_PLAN_BYTES_MAX,
    SEATS_MAX,
)
from box_office.seating_plan.plan import (
    Decoration,
    Ellipse,
    PlanCategory,
    PlanSection,
    Polygon,
    Rectangle,
    SeatingPlan,
    Text,
)
from box_office.seating_plan.reading import PlanOptions, read_seating_plan

__all__ = [
    "DECORATIONS_MAX",
    "FINDINGS_LISTED_MAX",
    "LAYOUT_VERSION",
    "SEATING_PLAN_BYTES_MAX",
    "SEATS_MAX",
    "Decoration",
    "Ellipse",
    "PlanCategory",
    "PlanFault",
    "PlanFaults",
    "PlanOptions",
    "PlanSection",
    "PlanWarning",
    "Polygon",
    "Rectangle",
    "SeatingPlan",
    "Text",
    "layout_of",
    "read_seating_plan",
]
