"""What a run found, for people: the closing tables, and the figures of bench/README.md."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.figures import Figures, median_of
from bench.live import LiveFigures
from bench.processes import BenchError
from bench.report import Report

README = Path(__file__).parent / "README.md"
FIGURES_BEGIN, FIGURES_END = "<!-- figures -->\n", "<!-- end of figures -->\n"

Row = tuple[str, ...]

#: Microseconds are CPU a request, of the server process and of all of PostgreSQL.
COLUMNS = ("", "requests/s", "p50 ms", "p99 ms", "server µs", "database µs", "succeeded")
LIVE_COLUMNS = ("", "p50 ms", "p99 ms", "last one p50 ms", "last one at worst ms", "missed")


@dataclass(frozen=True, slots=True)
class Part:
    """One measurement as a table."""

    title: str
    columns: Row
    rows: list[Row]


def show(report: Report, console: Console) -> None:
    """Print the closing tables."""
    for part in _parts(report):
        table = Table(title=part.title, title_justify="left", title_style="bold")
        for n, column in enumerate(part.columns):
            table.add_column(column, justify="right" if n else "left")
        for row in part.rows:
            table.add_row(*row)
        console.print("\n", table, sep="")
    console.print("\nµs: CPU a request. Goals:", highlight=False)
    for goal in report.goals():
        word = "[green]reached[/green]" if goal.reached else "[red]missed [/red]"
        console.print(f"{word}  {goal.aim}: {goal.figure}", highlight=False)
    for bottleneck in report.bottlenecks():
        console.print(f"[yellow]note[/yellow]     {bottleneck}", highlight=False)


def write_readme(report: Report, results: Path) -> None:
    """Put the figures between the marks of bench/README.md. Raises BenchError without marks."""
    before, begin, rest = README.read_text().partition(FIGURES_BEGIN)
    _, end, after = rest.partition(FIGURES_END)
    if not (begin and end):
        raise BenchError(f"{README.name} has lost the marks of its figures.")
    README.write_text(before + begin + "\n" + _markdown(report, results) + "\n" + end + after)


def _markdown(report: Report, results: Path) -> str:
    goals = [
        (goal.aim, goal.figure, "reached" if goal.reached else "**missed**")
        for goal in report.goals()
    ]
    paragraphs = [_circumstances(report, results), _markdown_table(("goal", "found", ""), goals)]
    for part in _parts(report):
        paragraphs += [f"**{part.title}**", _markdown_table(part.columns, part.rows)]
    paragraphs.append("µs: CPU a request.")
    return "\n\n".join([*paragraphs, *report.bottlenecks()]) + "\n"


def _circumstances(report: Report, results: Path) -> str:
    """Say when and on what, without which a figure means nothing."""
    machine = report.machine
    packages = (f"{name} {number}" for name, number in machine["packages"].items())
    software = ", ".join([*report.conditions["programs"], f"Python {machine['python']}", *packages])
    return (
        f"`{report.command}`, {report.began_at:%Y-%m-%d %H:%M} UTC, {report.seconds:.0f} s, commit"
        f" {machine['commit']}; every round is in `results/{results.name}`.\n\n"
        f"{machine['cores']} cores ({machine['cpu']}), {machine['memory_gib']} GiB, data on"
        f" {machine['data_on']}, load average before {machine['load_average_before'][0]}."
        f" {software}."
    )


def _markdown_table(columns: Row, rows: Iterable[Row]) -> str:
    rule = ("---", *["---:"] * (len(columns) - 1))
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (columns, rule, *rows))


def _parts(report: Report) -> list[Part]:
    return [_reservations(report), _availability(report), _live(report)]


def _reservations(report: Report) -> Part:
    ratios = report.ratios()
    title = (
        f"Reservations of 2 random seats of an arena, {report.conditions['connections']}"
        f" connections, {_rounds(report)}: {ratios['reservations_to_baseline']:.1f} times the"
        f" baseline, {ratios['reservations_to_pgbench']:.2f} of pgbench"
    )
    return Part(title, COLUMNS, [_row(*measured) for measured in report.reservations.items()])


def _availability(report: Report) -> Part:
    title = (
        f"availability {{ version available states }} of {report.conditions['seats']:,} seats,"
        f" {_rounds(report)}: {report.ratios()['availability_cpu_to_bare']:.1f} times the CPU of a"
        " bare route with the same bytes"
    )
    return Part(title, COLUMNS, [_row(*measured) for measured in report.availability.items()])


def _live(report: Report) -> Part:
    live = LiveFigures.median_of(report.live)
    title = (
        f"{live.subscribers:.0f} subscribers, {live.changes_per_second:.1f} changes/s, from commit"
        f" to receipt, {_rounds(report)}: {live.server_cpu_us_a_delivery:.0f} µs of server CPU a"
        f" delivery, {live.server_cpu_share:.0%} of a core"
    )
    figures = (live.p50_ms, live.p99_ms, live.last_subscriber_p50_ms, live.last_subscriber_max_ms)
    milliseconds = [f"{figure:.0f}" for figure in figures]
    return Part(title, LIVE_COLUMNS, [("onsale", *milliseconds, f"{live.missed:.0f}")])


def _rounds(report: Report) -> str:
    rounds = len(report.live)
    return "one round" if rounds == 1 else f"median of {rounds} rounds"


def _row(name: str, rounds: list[Figures]) -> Row:
    figures = median_of(rounds)
    return (
        name,
        f"{figures.requests_per_second:,.0f}",
        f"{figures.p50_ms:.1f}",
        f"{figures.p99_ms:.1f}",
        f"{figures.server_cpu_us:,.0f}" if figures.server_cpu_us else "-",
        f"{figures.postgres_cpu_us:,.0f}",
        f"{figures.success_share:.1%}",
    )
