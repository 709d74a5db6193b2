"""What a reader finds wrong with a plan: faults that stop the import, and warnings that do not."""

from __future__ import annotations

from dataclasses import dataclass, field

from box_office.seating_plan.limits import FINDINGS_LISTED_MAX


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in the file, such as `zones[0].rows[3].seats[12]`.

    A link to the place around it: one is made for every seat, and hardly one is ever printed.
    """

    around: Place | None = None
    step: str = ""

    def key(self, name: str) -> Place:
        """Give the place of a field of this object."""
        return Place(self, f".{name}")

    def item(self, index: int) -> Place:
        """Give the place of an item of this list."""
        return Place(self, f"[{index}]")

    def __str__(self) -> str:
        steps: list[str] = []
        place: Place | None = self
        while place is not None:
            steps.append(place.step)
            place = place.around
        return "".join(reversed(steps)).lstrip(".") or "$"


@dataclass(frozen=True, slots=True)
class PlanFault:
    """One thing that keeps a plan from being read: where it is, what is wrong and what to do."""

    place: str
    message: str


@dataclass(frozen=True, slots=True)
class PlanWarning:
    """One thing that was put right on the way: where it is and what was done."""

    place: str
    message: str


@dataclass(frozen=True, slots=True)
class PlanFaults:
    """Why a plan cannot be read: the first faults, and how many more there are."""

    faults: tuple[PlanFault, ...]
    more: int = 0


@dataclass(slots=True)
class Findings:
    """Collects all that is found while a plan is read."""

    _faults: list[PlanFault] = field(default_factory=list)
    _fault_count: int = 0
    _warnings: list[PlanWarning] = field(default_factory=list)
    _warning_count: int = 0

    def fault(self, place: Place, message: str) -> None:
        """Note what keeps the plan from being read."""
        self._fault_count += 1
        if len(self._faults) < FINDINGS_LISTED_MAX:
            self._faults.append(PlanFault(str(place), message))

    def warn(self, place: Place, message: str) -> None:
        """Note what was put right on the way."""
        self._warning_count += 1
        if len(self._warnings) < FINDINGS_LISTED_MAX:
            self._warnings.append(PlanWarning(str(place), message))

    def faults(self) -> PlanFaults | None:
        """Give what keeps the plan from being read; None when nothing does."""
        if not self._fault_count:
            return None
        return PlanFaults(tuple(self._faults), self._fault_count - len(self._faults))

    def warnings(self) -> tuple[PlanWarning, ...]:
        """Give what was put right: the first ones, and a line that counts the rest."""
        more = self._warning_count - len(self._warnings)
        rest = (PlanWarning("$", f"{more} more warnings of these kinds."),) if more else ()
        return (*self._warnings, *rest)
