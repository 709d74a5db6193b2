"""`doctor`: what is wrong here, and what to do next."""
# ruff: noqa: PLC0415 - what is heavy is imported when it is needed: see onsale/commands/__init__.py.

import asyncio
import json
import os
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from onsale.doctoring.findings import Finding

COLORS = {"ok": "green", "warning": "yellow", "wrong": "bold red"}


def doctor(
    *, as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False
) -> None:
    """Look at settings, ports, versions, migrations, clock and connections. Starts nothing.

    Exit code 1: something is wrong.
    """
    from onsale.doctoring.examining import examine
    from onsale.doctoring.findings import State

    # Not asyncio.run: at its end it would wait for name servers that do not answer.
    loop = asyncio.new_event_loop()
    findings, broken_off = loop.run_until_complete(examine())
    if as_json:
        print(json.dumps([asdict(each) for each in findings], indent=2))  # noqa: T201 - the answer.
    else:
        _say(findings)
    code = int(any(each.state is State.WRONG for each in findings))
    if broken_off:
        sys.stdout.flush()
        os._exit(code)  # Threads that wait for a name server cannot be called off.
    loop.close()
    raise typer.Exit(code)


def _say(findings: "list[Finding]") -> None:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for each in findings:
        says = Text(each.says)
        if each.next:
            says.append(f"\n→ {each.next}", "bold")
        table.add_row(Text(each.state.value, COLORS[each.state]), each.check, says)
    Console().print(table)
