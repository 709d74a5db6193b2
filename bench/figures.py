"""Figures of a round, by name, and the median of several rounds."""

import math
from collections.abc import Sequence
from statistics import median

from bench.load.http import Outcome

#: From here on the load program itself decides how fast it goes.
BOTTLENECK_CPU_SHARE = 0.85

#: What one round found. `rate` is what succeeded a second, `…_cpu_us` microseconds of CPU for each
#: of it, `load_cpu_share` the CPU of the load program by wall clock.
Round = dict[str, float]
#: All rounds of everybody who was measured, by their name.
Measured = dict[str, list[Round]]


def figures_of(
    outcome: Outcome, good: int, server_cpu_seconds: float, postgres_cpu_seconds: float
) -> Round:
    """Count a round of HTTP load. Only requests that succeeded count for the rate and the CPU."""
    counted = max(good, 1)
    return {
        "rate": good / outcome.seconds,
        "p50_ms": percentile(outcome.latencies, 50) * 1e3,
        "p99_ms": percentile(outcome.latencies, 99) * 1e3,
        "server_cpu_us": server_cpu_seconds / counted * 1e6,
        "postgres_cpu_us": postgres_cpu_seconds / counted * 1e6,
        "good_share": good / max(outcome.requests, 1),
        "load_cpu_share": outcome.own_cpu_share,
        "requests": outcome.requests,
    }


def median_of(rounds: Sequence[Round]) -> Round:
    """Give the median of each figure, over the rounds that have it."""
    names = dict.fromkeys(name for one in rounds for name in one)
    return {name: median(one[name] for one in rounds if name in one) for name in names}


def percentile(ascending: Sequence[float], percent: float) -> float:
    """Give the smallest value that so many percent do not exceed; 0 of nothing."""
    if not ascending:
        return 0.0
    rank = math.ceil(len(ascending) * percent / 100)
    return ascending[max(rank, 1) - 1]


def amount(value: float) -> str:
    """Write a number with three figures that mean something."""
    if value == 0 or abs(value) >= 100:  # noqa: PLR2004 - three figures.
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"  # noqa: PLR2004 - three figures.
