"""`python -m bench`: measure, print the figures, keep them in bench/results."""

import asyncio
import signal
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop
from rich.console import Console

from bench.page import write_page
from bench.plan import FULL, QUICK
from bench.processes import BenchError
from bench.report import Report
from bench.rows import NOT_QUICK, ROWS
from bench.run import run
from bench.tables import show

WIDTH_OF_A_FILE = 160

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    *,
    quick: Annotated[
        bool, typer.Option("--quick", help="One short round of most rows: a minute and more.")
    ] = False,
    only: Annotated[
        list[str] | None, typer.Option(help="Of all rows this one; may be repeated.")
    ] = None,
    page: Annotated[
        bool, typer.Option("--page", help="Put the figures into docs/performance.md, too.")
    ] = False,
    of: Annotated[
        Path | None, typer.Option(help="Measure nothing; show this result of an earlier run.")
    ] = None,
) -> None:
    """Measure onsale beside its peers, on a PostgreSQL and a Valkey of its own."""
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH_OF_A_FILE
    try:
        if of is None:
            report = _measured(console, only or [], quick=quick)
            results = report.save()
        else:
            report, results = Report.read(of), of
        if page:
            write_page(report, results)
    except asyncio.CancelledError:
        sys.exit(128 + signal.SIGTERM)
    except BenchError as fault:
        console.print(f"bench: {fault}", style="red", markup=False, highlight=False)
        sys.exit(1)
    show(report, console)
    console.print(f"\nAll rounds are in {results}.", highlight=False)
    sys.exit(1 if report.faults else 0)


def _measured(console: Console, only: list[str], *, quick: bool) -> Report:
    """Run the rows that were asked for. Raises BenchError for a name that none of them has."""
    began = time.monotonic()
    if unknown := set(only) - {row.name for row in ROWS}:
        raise BenchError(
            f"There is no row {', '.join(unknown)}: there are {', '.join(r.name for r in ROWS)}."
        )

    def say(text: str) -> None:
        console.print(
            f"[dim]{time.monotonic() - began:5.0f} s[/dim]  {text}", highlight=False, soft_wrap=True
        )

    usual = [row for row in ROWS if not (quick and row in NOT_QUICK)]
    rows = [row for row in ROWS if row.name in only] or usual
    command = " ".join(["python -m bench", *sys.argv[1:]])
    report = uvloop.run(_end_in_order(run(rows, QUICK if quick else FULL, command, say)))
    report.only = only
    return report


async def _end_in_order(running: Coroutine[Any, Any, Report]) -> Report:
    """Take SIGTERM as Ctrl-C is taken: what was started is stopped, and the folder removed."""
    task = asyncio.ensure_future(running)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


if __name__ == "__main__":
    app()
