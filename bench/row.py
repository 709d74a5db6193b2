"""A row of the page: what is measured, against what, and what is to be reached."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from bench.figures import Measured, Round
from bench.stage import Stage

#: The medians of everybody who was measured, by their name.
Medians = Mapping[str, Round]


class Bound(Enum):
    """On which side of its figure a goal lies."""

    AT_LEAST = "≥"
    AT_MOST = "≤"


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to be reached, and how it is found in the medians of one run."""

    aim: str
    bound: Bound
    reach: float
    #: What comes after it, if anything.
    then: float | None
    #: Behind the figure, such as " ms" or " times".
    unit: str
    #: Raises KeyError when somebody it needs was not measured.
    find: Callable[[Medians], float]
    #: Whether the other side of it was measured elsewhere, and is only quoted.
    is_quoted: bool = False

    def found(self, medians: Medians) -> float | None:
        """Give the figure; None when it was not measured."""
        try:
            return self.find(medians)
        except (KeyError, ZeroDivisionError):
            return None

    def is_reached(self, found: float) -> bool:
        """Tell whether this figure reaches it."""
        return found >= self.reach if self.bound is Bound.AT_LEAST else found <= self.reach


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table of a row."""

    figure: str
    heading: str
    #: As `format` takes it.
    form: str = ",.0f"


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement."""

    name: str
    title: str
    columns: tuple[Column, ...]
    goals: tuple[Goal, ...]
    measure: Callable[[Stage], Awaitable[Measured]]
    #: What has to be known to read the table.
    note: str = ""
    plots: tuple["Plot", ...] = ()


@dataclass(frozen=True, slots=True)
class Plot:
    """Figures over a number that is part of the contenders' names, as in "onsale, 64 clients"."""

    name: str
    title: str
    #: Which figures, and what to call them where there are several: "p99_ms", "p99".
    figures: tuple[tuple[str, str], ...]
    #: What the number counts: the last word of the names.
    over: str
    vertical: str


#: HTTP load, as `figures.figures_of` has it.
LOAD_COLUMNS = (
    Column("rate", "a second"),
    Column("p50_ms", "p50 ms", ",.1f"),
    Column("p99_ms", "p99 ms", ",.1f"),
    Column("server_cpu_us", "server CPU µs"),
    Column("postgres_cpu_us", "PostgreSQL CPU µs"),
    Column("good_share", "succeeded", ".1%"),
)
