"""The figures of docs/performance.md, between two marks, with its plots."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.figures import amount
from bench.plots import draw
from bench.processes import ROOT, BenchError
from bench.report import Report
from bench.rows import ROWS
from bench.tables import QUICK, Cells, bound, figure, measured_verdicts, parts

PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- figures -->\n", "<!-- end of figures -->\n"


def write_page(report: Report, results: Path, page: Path = PAGE) -> None:
    """Put the figures between the marks, and the plots beside the page. Raises BenchError."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise BenchError(f"{page.name} has lost the marks of its figures.")
    plots = dict(_plots(report))
    images = page.parent / "images"
    images.mkdir(exist_ok=True)
    for old in images.glob("performance-*.svg"):
        old.unlink()
    for name, (_, picture) in plots.items():
        (images / name).write_text(picture)
    pictures = [f"![{title}](images/{name})" for name, (title, _) in plots.items()]
    figures = "\n\n".join([*_paragraphs(report, results), *pictures])
    page.write_text(f"{before}{begin}\n{figures}\n\n{end}{after}")


def _plots(report: Report) -> Iterator[tuple[str, tuple[str, str]]]:
    """Draw what can be drawn: file name, title, picture."""
    for row in ROWS:
        for plot in row.plots:
            picture = draw(plot, report.medians(row.name))
            if picture is not None:
                yield f"performance-{plot.name}.svg", (plot.title, picture)


def _paragraphs(report: Report, results: Path) -> Iterator[str]:
    yield _circumstances(report, results)
    if report.is_quick:
        yield f"**{QUICK}**"
    yield _goals(report)
    for row, fault in report.faults.items():
        yield f"**{row} could not be measured:** {fault}"
    for part in parts(report):
        yield f"**{part.title}**"
        yield _table(part.columns, part.lines)
        if part.note:
            yield part.note
    yield from report.bottlenecks()


def _goals(report: Report) -> str:
    """Say of each goal whether it was reached, and what comes after it."""
    lines = [
        (
            f"{verdict.row}: {verdict.goal.aim}{' (quoted)' if verdict.goal.is_quoted else ''}",
            bound(verdict.goal),
            "" if verdict.goal.then is None else amount(verdict.goal.then),
            figure(verdict),
            verdict.word if verdict.word == "reached" else f"**{verdict.word}**",
        )
        for verdict in measured_verdicts(report)
    ]
    return _table(("goal", "reach", "then", "found", ""), lines)


def _circumstances(report: Report, results: Path) -> str:
    """Say when and on what, without which a figure means nothing."""
    machine = report.machine
    packages = (f"{name} {number}" for name, number in machine["packages"].items())
    software = ", ".join([*report.conditions["programs"], f"Python {machine['python']}", *packages])
    lifted = ", ".join(f"`{name}={value}`" for name, value in report.conditions["lifted"].items())
    return (
        f"`{report.command}`, {report.began_at:%Y-%m-%d %H:%M} UTC, {report.seconds:.0f} s, commit"
        f" {machine['commit']}; every round is in `bench/results/{results.name}`.\n\n"
        f"{machine['cores']} cores ({machine['cpu']}), {machine['memory_gib']} GiB, data on"
        f" {machine['data_on']}, load average before {machine['load_average_before'][0]}."
        f" {software}. Limits by address are lifted, for all load comes from one: {lifted}. Limits"
        " by buyer are on."
    )


def _table(columns: Cells, lines: Iterable[Cells]) -> str:
    rule = ("---", *["---:"] * (len(columns) - 1))
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (columns, rule, *lines))
