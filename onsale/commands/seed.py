"""`seed`: demo venues and events, so that a fresh server has something to sell."""

import asyncio
from collections.abc import Callable

from box_office.database import Database
from demo.seed import Summary
from demo.seed import seed as seed_database
from onsale.commands.reaching import console_of, database_url_of, ready
from onsale.settings import Settings


def seed() -> None:
    """Load the demo's venues and events; a database that has events is left alone."""
    with ready(Settings.read()) as settings:
        if not seed_if_empty(settings):
            console_of(settings).print("There are events already: nothing was loaded.")


def seed_if_empty(settings: Settings) -> bool:
    """Load the demo, saying what is being done; tell whether there was room for it."""
    console = console_of(settings)
    with console.status("Looking for events") as status:
        summary = asyncio.run(
            _seed(database_url_of(settings), lambda text: status.update(f"{text} …"))
        )
    if summary.events:
        console.print(
            f"Demo loaded: {summary.events} events at {summary.venues} venues,"
            f" {summary.seats:,} seats.",
            highlight=False,
        )
    return summary.events > 0


async def _seed(database_url: str, say: Callable[[str], None]) -> Summary:
    database = await Database.connect(database_url)
    try:
        return await seed_database(database, say)
    finally:
        await database.close()
