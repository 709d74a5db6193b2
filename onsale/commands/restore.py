"""`restore`: a backup takes the database's place, and everybody comes to know."""
# ruff: noqa: PLC0415 - what is heavy is imported when it is needed: see onsale/commands/__init__.py.

import asyncio
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from onsale.settings import Settings, StartError


def restore(
    file: Annotated[Path | None, typer.Argument(help="What `backup` wrote.")] = None,
    *,
    already_done: Annotated[
        bool,
        typer.Option(help="The database was restored by other means: only do what comes after."),
    ] = False,
    disconnect: Annotated[
        bool, typer.Option(help="Send away whoever is connected to the database.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
) -> None:
    """Put a backup in the database's place, then compare the books with the payment provider."""
    given = Settings.read()
    if (file is None) is not already_done:
        raise StartError("Name either the backup's file, or --already-done.")
    from onsale.commands.reaching import console_of, reached, ready

    console = console_of(given)
    if file is not None:
        with reached(given) as settings:
            _ask_first(file, yes=yes)
            asyncio.run(_restore(settings, file, console, disconnect=disconnect))
            asyncio.run(_compare(settings, console))
        return
    with ready(given) as settings:
        asyncio.run(_step_over(settings))
        asyncio.run(_compare(settings, console))


def _ask_first(file: Path, *, yes: bool) -> None:
    if not yes:
        typer.confirm(f"What was sold since {file} was written will be undone. Go on?", abort=True)


async def _restore(settings: Settings, file: Path, console: Console, *, disconnect: bool) -> None:
    from onsale import backups

    tools = await backups.Tools.find(settings)
    with console.status("Restoring …") as status:

        def step(words: str) -> None:
            status.update(f"{words} …")

        kept = await backups.restore(tools, file, disconnect=disconnect, step=step)
    console.print(
        f"{file} is restored. The database that was there is kept as {kept}; drop it when nothing "
        "in it is missed.",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


async def _step_over(settings: Settings) -> None:
    from onsale import backups

    await backups.step_over(backups.url_of(settings))


async def _compare(settings: Settings, console: Console) -> None:
    """Compare with the provider, and say what was found."""
    from box_office.providers import ProviderUnreachable
    from box_office.restoring import compare_with_provider
    from onsale.app import open_parts

    counts: Counter[str] = Counter()
    async with open_parts(settings) as parts:
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task("Comparing with the payment provider", total=None)

            def counted(total: int) -> None:
                progress.update(task, total=total)

            try:
                async for _, came_to in compare_with_provider(parts.box_office, counted):
                    counts[came_to.value] += 1
                    progress.advance(task)
            except ProviderUnreachable as fault:
                raise StartError(
                    f"The payment provider does not answer ({fault}). The database is restored; "
                    "once the provider is back: python -m onsale restore --already-done"
                ) from None
    console.print(f"{counts.total()} payments compared with the provider.", highlight=False)
    for words, count in sorted(counts.items()):
        console.print(f"  {count} {words}", highlight=False, markup=False, soft_wrap=True)
