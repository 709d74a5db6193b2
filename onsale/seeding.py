"""Loading the demo, and telling people how far it is."""

import asyncio
from collections.abc import Callable

from box_office.database import Database
from demo.seed import Summary, seed
from onsale.commands.reaching import console_of, database_url_of
from onsale.settings import Settings


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
        return await seed(database, say)
    finally:
        await database.close()
