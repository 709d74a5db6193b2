"""`backup`: the whole database in one file."""
# ruff: noqa: PLC0415 - what is heavy is imported when it is needed: see onsale/commands/__init__.py.

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from onsale.settings import Settings

MEGABYTE = 1_000_000


def backup(
    file: Annotated[
        Path | None, typer.Argument(help="Where to. Without it: onsale-<now>.dump, here.")
    ] = None,
) -> None:
    """Write the database into a file, while servers sell. It holds buyers' data: keep it safe."""
    given = Settings.read()
    from onsale.commands.reaching import console_of, reached

    with reached(given) as settings:
        from onsale.backups import Tools, back_up

        target = file or Path(f"onsale-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.dump")
        console = console_of(settings)
        with console.status("Writing the backup …"):
            size = back_up(asyncio.run(Tools.find(settings)), target)
        console.print(
            f"{target}: {size / MEGABYTE:,.1f} MB. Keep the token key as well: buyers hold tokens "
            "signed with it.",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
