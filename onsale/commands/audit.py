"""`audit`: whether the books agree."""
# ruff: noqa: PLC0415 - what is heavy is imported when it is needed: see onsale/commands/__init__.py.

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from onsale.settings import Settings

if TYPE_CHECKING:
    from box_office.audit import Finding

ROWS_SHOWN_MAX = 5


def audit(
    *, as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False
) -> None:
    """Ask the books every question that must find nothing. Exit code 1: one found something."""
    given = Settings.read()
    from onsale.commands.reaching import database_url_of, ready

    with ready(given, quiet=as_json) as settings:
        findings = asyncio.run(_audit(database_url_of(settings), as_json=as_json))
    if as_json:
        from onsale.bookkeeping import shown

        print(json.dumps(shown(findings), indent=2))  # noqa: T201 - the answer.
    else:
        _say(findings)
    if findings:
        raise typer.Exit(1)


async def _audit(url: str, *, as_json: bool) -> "list[Finding]":
    """Ask, and show how far it is: a large house takes seconds."""
    from box_office.audit import ALWAYS, AT_REST, audit_and_note
    from box_office.database import Database

    database = await Database.connect(url)
    try:
        with Progress(console=Console(stderr=True), transient=True, disable=as_json) as progress:
            task = progress.add_task("Auditing", total=len(ALWAYS) + len(AT_REST))

            def asking(invariant: object) -> None:
                progress.update(task, advance=1, description=getattr(invariant, "sentence", ""))

            return await audit_and_note(database, asking)
    finally:
        await database.close()


def _say(findings: "list[Finding]") -> None:
    console = Console()
    if not findings:
        console.print("[green]The books agree.[/green]")
    for finding in findings:
        console.print(f"[bold red]Broken:[/bold red] {finding.invariant.sentence}")
        console.print(f"  {finding.count} times, such as:")
        for row in finding.rows[:ROWS_SHOWN_MAX]:
            console.print(f"  {row}", highlight=False, markup=False, soft_wrap=True)
