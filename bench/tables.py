"""What a run found, for people: the goals and a table for each row."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from bench.figures import amount
from bench.report import Report, Verdict
from bench.row import Goal, Row
from bench.rows import ROWS

Cells = tuple[str, ...]
QUICK = (
    "A quick look: one short round, smaller events and audiences. What is reached here proves"
    " nothing; `make bench` measures."
)


@dataclass(frozen=True, slots=True)
class Part:
    """One row as a table."""

    title: str
    note: str
    columns: Cells
    lines: list[Cells]


def show(report: Report, console: Console) -> None:
    """Print the closing tables."""
    for part in parts(report):
        table = Table(title=part.title, title_justify="left", title_style="bold")
        for n, column in enumerate(part.columns):
            table.add_column(column, justify="right" if n else "left", no_wrap=not n)
        for line in part.lines:
            table.add_row(*line)
        console.print("\n", table, sep="")
        if part.note:
            console.print(part.note, style="dim", highlight=False, soft_wrap=True)
    console.print()
    for verdict in measured_verdicts(report):
        color = {"reached": "green", "not reached": "red"}.get(verdict.word, "yellow")
        words = f"{verdict.row}: {in_words(verdict)}"
        console.print(
            f"[{color}]{verdict.word:12}[/{color}]  {words}", highlight=False, soft_wrap=True
        )
    for row, fault in report.faults.items():
        console.print(f"{row} could not be measured: {fault}", style="bold red", markup=False)
    for bottleneck in report.bottlenecks():
        console.print(
            f"[yellow]note[/yellow]          {bottleneck}", highlight=False, soft_wrap=True
        )
    if report.is_quick:
        console.print(QUICK, style="yellow", highlight=False, soft_wrap=True)


def measured_verdicts(report: Report) -> list[Verdict]:
    """Give the verdicts of the rows that were asked for."""
    return report.verdicts(tuple(row for row in ROWS if not report.only or row.name in report.only))


def in_words(verdict: Verdict) -> str:
    """Say what was found, of what, and what was to be reached."""
    return f"{figure(verdict)} {verdict.goal.aim}; the goal: {bound(verdict.goal)}"


def figure(verdict: Verdict) -> str:
    """Write what was found."""
    return "-" if verdict.found is None else f"{amount(verdict.found)}{verdict.goal.unit}"


def bound(goal: Goal) -> str:
    """Write what is to be reached."""
    return f"{goal.bound.value} {goal.reach:,g}{goal.unit}"


def parts(report: Report) -> Iterator[Part]:
    """Make the table of each row that was measured."""
    for row in ROWS:
        if medians := report.medians(row.name):
            columns = [
                column
                for column in row.columns
                if any(column.figure in figures for figures in medians.values())
            ]
            lines = [
                (
                    name,
                    *(
                        format(figures[one.figure], one.form) if one.figure in figures else ""
                        for one in columns
                    ),
                )
                for name, figures in medians.items()
            ]
            yield Part(_title(row, report), row.note, ("", *(c.heading for c in columns)), lines)


def _title(row: Row, report: Report) -> str:
    rounds = max(len(one) for one in report.measured[row.name].values())
    return f"{row.title}, {'one round' if rounds == 1 else f'median of {rounds} rounds'}"
