"""What a run found; as JSON it is what the tables, the plots and the page are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import orjson

from bench.figures import BOTTLENECK_CPU_SHARE, Measured, median_of
from bench.processes import BenchError
from bench.row import Goal, Medians, Row

RESULTS = Path(__file__).parent / "results"
#: What is stored as it is.
STORED = ("command", "seconds", "is_quick", "machine", "conditions", "only", "faults")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was to be reached, and what was."""

    row: str
    goal: Goal
    #: None: it was not measured.
    found: float | None

    @property
    def word(self) -> str:
        """Say whether it was reached."""
        if self.found is None:
            return "not measured"
        return "reached" if self.goal.is_reached(self.found) else "not reached"


@dataclass(slots=True)
class Report:
    """Everything a run found; rounds by row and by the name of who was measured."""

    began_at: datetime
    command: str
    seconds: float
    is_quick: bool
    machine: dict[str, Any]
    conditions: dict[str, Any]
    measured: dict[str, Measured] = field(default_factory=dict)
    #: The rows that were asked for, if not all were.
    only: list[str] = field(default_factory=list)
    #: Rows that could not be measured, and why.
    faults: dict[str, str] = field(default_factory=dict)

    def medians(self, row: str) -> Medians:
        """Give the medians of a row; none when it was not measured."""
        return {name: median_of(rounds) for name, rounds in self.measured.get(row, {}).items()}

    def verdicts(self, rows: tuple[Row, ...]) -> list[Verdict]:
        """Compare with what was to be reached."""
        return [
            Verdict(row.name, goal, goal.found(self.medians(row.name)))
            for row in rows
            for goal in row.goals
        ]

    def bottlenecks(self) -> list[str]:
        """Name the rounds in which the load program decided the pace."""
        return [
            f"The load program was the bottleneck: {row}, {name}, round {n}"
            f" ({one['load_cpu_share']:.0%} of a core)"
            for row, measured in self.measured.items()
            for name, rounds in measured.items()
            for n, one in enumerate(rounds, 1)
            if one.get("load_cpu_share", 0) >= BOTTLENECK_CPU_SHARE
        ]

    def as_json(self) -> bytes:
        """Write it for programs."""
        return orjson.dumps(
            {
                "began_at": self.began_at,
                "command": self.command,
                "seconds": round(self.seconds, 1),
                "is_quick": self.is_quick,
                "only": self.only,
                "machine": self.machine,
                "conditions": self.conditions,
                "rows": {
                    row: {
                        name: {
                            "median": _rounded(median_of(rounds)),
                            "rounds": [_rounded(one) for one in rounds],
                        }
                        for name, rounds in measured.items()
                    }
                    for row, measured in self.measured.items()
                },
                "faults": self.faults,
                "bottlenecks": self.bottlenecks(),
            },
            option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE,
        )

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read the JSON file of a run. Raises BenchError when it is none."""
        try:
            content = orjson.loads(file.read_bytes())
            return cls(
                began_at=datetime.fromisoformat(content["began_at"]),
                measured={
                    row: {name: one["rounds"] for name, one in measured.items()}
                    for row, measured in content["rows"].items()
                },
                **{name: content[name] for name in STORED},
            )
        except (OSError, ValueError, KeyError) as fault:
            raise BenchError(f"{file} is no result of a run: {fault!r}") from None

    def save(self, folder: Path = RESULTS) -> Path:
        """Write the JSON file of a run."""
        folder.mkdir(exist_ok=True)
        words = [f"{self.began_at:%Y-%m-%d}", *(["quick"] if self.is_quick else []), *self.only]
        file = folder / f"{'-'.join(words)}.json"
        file.write_bytes(self.as_json())
        return file


def _rounded(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in figures.items()}
