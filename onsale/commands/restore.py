"""`restore`: a backup takes the database's place, and everybody comes to know."""
# ruff: noqa: PLC0415 - what is heavy is imported when it is needed: see onsale/commands/__init__.py.

import asyncio
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import Progress

from onsale.settings import Settings, StartError

AGAIN = "The database is restored; for the rest, later: python -m onsale restore --compare"


def restore(
    file: Annotated[Path | None, typer.Argument(help="What `backup` wrote.")] = None,
    *,
    already_done: Annotated[
        bool,
        typer.Option(help="The database was restored by other means: only do what comes after."),
    ] = False,
    compare: Annotated[
        bool, typer.Option(help="Only compare with the payment provider, once more.")
    ] = False,
    disconnect: Annotated[
        bool, typer.Option(help="Send away whoever is connected to the database.")
    ] = False,
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M:%S%z"],
            help="With --already-done or --compare: ask the provider for what changed since then, "
            "such as 2026-11-20T18:00:00+00:00. Without it: since a day before the last payment.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
) -> None:
    """Put a backup in the database's place, then compare the books with the payment provider."""
    given = Settings.read()
    if [file is not None, already_done, compare].count(True) != 1:
        raise StartError("Name either the backup's file, or --already-done, or --compare.")
    from onsale.commands.reaching import console_of, reached, ready

    console = console_of(given)
    if file is not None:
        with reached(given) as settings:
            _ask_first(file, yes=yes)
            was_in_use = asyncio.run(_restore(settings, file, console, disconnect=disconnect))
            asyncio.run(_compare(settings, console, was_in_use=was_in_use))
        return
    with ready(given) as settings:
        # A comparison that is repeated may follow so soon that payments are still under way.
        was_in_use = compare or asyncio.run(_prepare(settings, since))
        asyncio.run(_compare(settings, console, since, was_in_use=was_in_use))


def _ask_first(file: Path, *, yes: bool) -> None:
    if not yes:
        typer.confirm(f"What was sold since {file} was written will be undone. Go on?", abort=True)


async def _restore(settings: Settings, file: Path, console: Console, *, disconnect: bool) -> bool:
    """Restore, and tell whether the replaced database was in use until then."""
    from onsale import backups

    tools = await backups.Tools.find(settings)
    with console.status("Restoring …") as status:

        def step(words: str) -> None:
            status.update(f"{words} …")

        restored = await backups.restore(tools, file, disconnect=disconnect, step=step)
    _say(
        console,
        f"{file} is restored. The database that was there is kept as {restored.kept}; drop it when "
        "nothing in it is missed.",
    )
    return restored.was_in_use


async def _prepare(settings: Settings, since: datetime | None) -> bool:
    """Do what follows a restore, and tell whether anybody uses the database meanwhile."""
    from onsale import backups

    url = backups.url_of(settings)
    others = await backups.count_others(url)
    await backups.prepare(url, since=since)
    return others > 0


async def _compare(
    settings: Settings, console: Console, since: datetime | None = None, *, was_in_use: bool
) -> None:
    """Compare with the provider, and say what was found. What waits is an exit code of 1."""
    from box_office.providers import ProviderUnreachable
    from box_office.restoring import SAID_ONE_BY_ONE, Comparison, compare_with_provider
    from onsale.app import open_parts

    async def wait(seconds: float) -> None:
        _say(
            console,
            f"Waiting {seconds:.0f} s: payments that servers had begun before the restore may "
            "still reach the provider.",
        )
        await asyncio.sleep(seconds)

    found: dict[UUID, Comparison] = {}
    async with open_parts(settings) as parts:
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task("Comparing with the payment provider", total=None)
            comparing = compare_with_provider(
                parts.box_office,
                since=since,
                counted=lambda total: progress.update(task, total=total),
                wait=wait if was_in_use else None,
            )
            try:
                async for payment_id, came_to in comparing:
                    found[payment_id] = came_to
                    progress.update(task, completed=len(found))
                    if came_to in SAID_ONE_BY_ONE:
                        _say(console, f"Payment {payment_id}: {came_to}")
            except ProviderUnreachable as fault:
                raise StartError(
                    f"The payment provider does not answer ({fault}). {AGAIN}"
                ) from None
    _say(console, f"{len(found)} payments compared with the provider.")
    for came_to, count in sorted(Counter(found.values()).items()):
        _say(console, f"  {count} {came_to}")
    if Comparison.WAITS in found.values():
        raise StartError(f"Not every payment could be compared. {AGAIN}")


def _say(console: Console, words: str) -> None:
    console.print(words, highlight=False, markup=False, soft_wrap=True)
