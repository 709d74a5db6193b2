"""The arrows of docs/architecture.md: every change of a state that there may be."""

import re
from collections import Counter
from collections.abc import Iterable

from tests.machines.ground import Arrow
from tests.servers import ROOT

DOCUMENT = ROOT / "docs" / "architecture.md"
#: What the diagrams are about, in their order.
SUBJECTS = ("reservations", "orders", "payments")
DIAGRAM = re.compile(r"```mermaid\nstateDiagram-v2\n(.*?)```", re.DOTALL)
ARROW = re.compile(r"([A-Z_]+|\[\*\]) --> ([A-Z_]+|\[\*\])")

#: A table, a state before (None: a new row) and the state after.
Step = tuple[str, str | None, str]


def documented() -> set[Step]:
    """Read the diagrams. Arrows to the end, or back to where they begin, change no state."""
    diagrams = DIAGRAM.findall(DOCUMENT.read_text(encoding="utf-8"))
    return {
        (subject, None if before == "[*]" else before, after)
        for subject, diagram in zip(SUBJECTS, diagrams, strict=True)
        for before, after in ARROW.findall(diagram)
        if after not in {"[*]", before}
    }


def steps(arrows: Iterable[Arrow]) -> Counter[Step]:
    """Count what was taken."""
    return Counter((arrow.subject, arrow.before, arrow.after) for arrow in arrows)


def shown(taken: Counter[Step]) -> str:
    """Say how often each was taken, the rarest first."""
    return "\n".join(
        f"{count:8,} {subject}: {before or 'new'} → {after}"
        for (subject, before, after), count in sorted(taken.items(), key=lambda each: each[1])
    )
