"""Figures of a round, and the median of several rounds."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from statistics import median
from typing import Any, Self

from bench.http_load import BOTTLENECK_CPU_SHARE, Load


@dataclass(frozen=True, slots=True)
class Figures:
    """What every measurement tells; figures of several rounds are medians, field by field."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    #: Of the server process, user and system.
    server_cpu_us: float
    #: Of PostgreSQL, all its processes.
    postgres_cpu_us: float
    #: Of all requests, those whose answer was the one hoped for.
    success_share: float
    #: CPU of the load program by wall clock.
    load_cpu_share: float
    requests: float

    @classmethod
    def of(cls, load: Load, server_cpu_seconds: float, postgres_cpu_seconds: float) -> Self:
        """Count a round. Only requests that succeeded count for the rate and the CPU."""
        good = max(load.good, 1)
        return cls(
            requests_per_second=load.good / load.seconds,
            p50_ms=percentile(load.latencies, 50) * 1e3,
            p99_ms=percentile(load.latencies, 99) * 1e3,
            server_cpu_us=server_cpu_seconds / good * 1e6,
            postgres_cpu_us=postgres_cpu_seconds / good * 1e6,
            success_share=load.good / max(load.requests, 1),
            load_cpu_share=load.own_cpu_share,
            requests=load.requests,
        )

    @property
    def load_was_bottleneck(self) -> bool:
        """Whether the load program was as busy as a program can be."""
        return self.load_cpu_share >= BOTTLENECK_CPU_SHARE

    def as_json(self) -> dict[str, float]:
        """Round to what means something."""
        return {name: round(value, 3) for name, value in asdict(self).items()}


def median_of(rounds: Sequence[Figures]) -> Figures:
    """Give the median of each figure."""
    values: dict[str, Any] = {
        field.name: median(getattr(figures, field.name) for figures in rounds)
        for field in fields(Figures)
    }
    return Figures(**values)


def percentile(ascending: Sequence[float], percent: float) -> float:
    """Give the smallest value that so many percent do not exceed; 0 of nothing."""
    if not ascending:
        return 0.0
    rank = math.ceil(len(ascending) * percent / 100)
    return ascending[max(rank, 1) - 1]
