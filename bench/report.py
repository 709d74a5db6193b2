"""What a run found, beside what was to be reached; and as JSON, for programs."""

from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from bench.figures import Figures, median_of
from bench.live import CHANGES_PER_SECOND, LiveFigures

RESULTS = Path(__file__).parent / "results"

TIMES_BASELINE_MIN = 4.0
AVAILABILITY_CPU_MS_MAX = 1.0
LIVE_P99_MS_MAX = 500.0
#: A server that slows the changes down has not kept up with them.
PACE_KEPT_MIN = 0.95


@dataclass(frozen=True, slots=True)
class Goal:
    """What was to be reached, and what was."""

    aim: str
    figure: str
    reached: bool


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a run found; rounds by the name of who was measured."""

    began_at: datetime
    command: str
    seconds: float
    machine: dict[str, Any]
    conditions: dict[str, Any]
    reservations: dict[str, list[Figures]]
    availability: dict[str, list[Figures]]
    live: list[LiveFigures]

    def goals(self) -> list[Goal]:
        """Compare with what was to be reached."""
        reserving = {name: median_of(rounds) for name, rounds in self.reservations.items()}
        onsale, baseline = reserving["onsale"], reserving["baseline"]
        times = onsale.requests_per_second / baseline.requests_per_second
        cpu_ms = median_of(self.availability["onsale"]).server_cpu_us / 1e3
        live = LiveFigures.median_of(self.live)
        return [
            Goal(
                f"reservations: at least {TIMES_BASELINE_MIN:g} times the baseline",
                f"{times:.1f} times",
                times >= TIMES_BASELINE_MIN,
            ),
            Goal(
                f"availability: at most {AVAILABILITY_CPU_MS_MAX:g} ms of server CPU",
                f"{cpu_ms:.2f} ms",
                cpu_ms <= AVAILABILITY_CPU_MS_MAX,
            ),
            Goal(
                f"live: p99 under {LIVE_P99_MS_MAX:g} ms, nothing missed",
                f"{live.p99_ms:.0f} ms at {live.changes_per_second:.1f} changes/s,"
                f" {live.missed:.0f} missed",
                live.p99_ms < LIVE_P99_MS_MAX
                and live.changes_per_second >= CHANGES_PER_SECOND * PACE_KEPT_MIN
                and not live.missed,
            ),
        ]

    def ratios(self) -> dict[str, float]:
        """Put the peers of one run in proportion: these travel between machines, rates do not."""
        reserving = {name: median_of(rounds) for name, rounds in self.reservations.items()}
        onsale, baseline, pgbench = (reserving[n] for n in ("onsale", "baseline", "pgbench"))
        reading = {name: median_of(rounds) for name, rounds in self.availability.items()}
        ratios = {
            "reservations_to_baseline": onsale.requests_per_second / baseline.requests_per_second,
            "reservations_to_pgbench": onsale.requests_per_second / pgbench.requests_per_second,
            "reservation_server_cpu_to_baseline": onsale.server_cpu_us / baseline.server_cpu_us,
            "availability_cpu_to_bare": reading["onsale"].server_cpu_us
            / reading["bare"].server_cpu_us,
        }
        return {name: round(ratio, 3) for name, ratio in ratios.items()}

    def bottlenecks(self) -> list[str]:
        """Name the rounds in which the load program decided the pace."""
        rounds = [
            (f"{what}, {name}, round {n}", figures)
            for what, measured in (
                ("reservations", self.reservations),
                ("availability", self.availability),
            )
            for name, all_rounds in measured.items()
            if name != "pgbench"
            for n, figures in enumerate(all_rounds, 1)
        ]
        return [
            f"The load program was the bottleneck: {where} ({figures.load_cpu_share:.0%} of a core)"
            for where, figures in rounds
            if figures.load_was_bottleneck
        ]

    def as_json(self) -> bytes:
        """Write it for programs."""
        return orjson.dumps(
            {
                "began_at": self.began_at,
                "command": self.command,
                "seconds": round(self.seconds, 1),
                "machine": self.machine,
                "conditions": self.conditions,
                "goals": [asdict(goal) for goal in self.goals()],
                "ratios": self.ratios(),
                "reservations": _json_of(self.reservations),
                "availability": _json_of(self.availability),
                "live": {
                    "median": LiveFigures.median_of(self.live).as_json(),
                    "rounds": [figures.as_json() for figures in self.live],
                },
                "bottlenecks": self.bottlenecks(),
            },
            option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE,
        )


def _json_of(measured: dict[str, list[Figures]]) -> dict[str, Any]:
    return {
        name: {
            "median": median_of(rounds).as_json(),
            "rounds": [figures.as_json() for figures in rounds],
        }
        for name, rounds in measured.items()
    }


def save(report: Report, name: str) -> Path:
    """Write the JSON file of a run."""
    file = RESULTS / f"{name}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(report.as_json())
    return file
