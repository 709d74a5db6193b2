"""`python -m bench`: measure, print the figures, keep them in bench/results."""

import asyncio
import signal
import sys
import time
from collections.abc import Coroutine
from typing import Annotated, Any

import typer
import uvloop
from rich.console import Console

from bench.processes import BenchError
from bench.report import Report, save
from bench.run import FULL, QUICK, run
from bench.tables import show, write_readme

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    *,
    quick: Annotated[
        bool, typer.Option("--quick", help="One short round of everything: about a minute.")
    ] = False,
    readme: Annotated[
        bool, typer.Option("--readme", help="Put the figures into bench/README.md, too.")
    ] = False,
) -> None:
    """Measure onsale beside its peers, on a PostgreSQL and a Valkey of its own."""
    console, began = Console(), time.monotonic()
    command = " ".join(["python -m bench", *sys.argv[1:]])

    def say(text: str) -> None:
        console.print(
            f"[dim]{time.monotonic() - began:5.0f} s[/dim]  {text}", highlight=False, soft_wrap=True
        )

    try:
        report = uvloop.run(end_in_order(run(QUICK if quick else FULL, command, say)))
        name = f"{report.began_at:%Y-%m-%d}{'-quick' if quick else ''}"
        results = save(report, name)
        if readme:
            write_readme(report, results)
    except asyncio.CancelledError:
        sys.exit(128 + signal.SIGTERM)
    except BenchError as fault:
        console.print(f"bench: {fault}", style="red", markup=False, highlight=False)
        sys.exit(1)
    show(report, console)
    console.print(f"\nAll rounds are in bench/results/{results.name}.", highlight=False)


async def end_in_order(running: Coroutine[Any, Any, Report]) -> Report:
    """Take SIGTERM as Ctrl-C is taken: what was started is stopped, and the folder removed."""
    task = asyncio.ensure_future(running)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


if __name__ == "__main__":
    app()
