"""`make races`: the long race, on servers and data of its own, and every checker's verdict.

RACES_SEED names the race to see again, RACES_ATTEMPTS its length.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop
from rich.console import Console

from box_office.database import Database
from onsale.embedded import keep_services
from onsale.migrating import migrate
from tests.halls import Hall, open_hall
from tests.races.closing import every_verdict, how_fast, what_happened
from tests.races.crowd import Race, choose_seed
from tests.races.record import Action
from tests.races.stage import Stage, entrances, set_stage
from tests.races.verdict import Evidence, broken, come_to_rest, verdict

ATTEMPTS = 100_000
CLIENTS = 64
NUMBERED, STANDING = 160, 40
SEATS_PER_BUYER_MAX = 8
#: As slow as the provider's slow cards are by default: longer than a buyer is let wait.
SLOW_SECONDS = 20.0
PROGRESS_EVERY_SECONDS = 5.0
#: Of what contradicts a checker, to begin with.
SHOWN_MAX = 5

console = Console(highlight=False)


def main() -> int:
    """Race, print what came of it, and say whether every checker holds."""
    seed = choose_seed()
    attempts = int(os.environ.get("RACES_ATTEMPTS") or ATTEMPTS)
    say(f"{attempts:,} attempts, {CLIENTS} clients, {NUMBERED + STANDING} seats, two servers")
    with (
        TemporaryDirectory(prefix="onsale-races-") as name,
        keep_services(Path(name), durable=False) as services,
    ):
        folder = Path(name)
        migrate(services.database_url)
        with set_stage(
            services.database_url, services.redis_url, folder, slow_seconds=SLOW_SECONDS
        ) as stage:
            holds = uvloop.run(contest(services.database_url, stage, seed, attempts))
    say(f"To see this race again: make races RACES_SEED={seed} RACES_ATTEMPTS={attempts}")
    return 0 if holds else 1


async def contest(url: str, stage: Stage, seed: int, attempts: int) -> bool:
    """Let the crowd in, wait until all is at rest, and judge."""
    database = await Database.connect(url)
    async with open_hall(
        database,
        numbered=NUMBERED,
        standing=STANDING,
        reservation_seconds=1,
        seats_per_buyer_max=SEATS_PER_BUYER_MAX,
    ) as hall:
        async with entrances(stage, hall) as ways:
            race = Race(hall, ways.doors, seed, attempts, clients=CLIENTS, bank=ways.bank)
            began = time.monotonic()
            async with progress(race, hall):
                record = await race.run()
            seconds = time.monotonic() - began
        say("The race is over. Waiting until every hold and payment has come to its end …")
        evidence = Evidence(database, record, stage.provider.record)
        await come_to_rest(evidence)
        say("Judging …")
        found = await verdict(evidence)
        console.print(await what_happened(database, record, race.taken, seconds))
        console.print(how_fast(record))
        console.print(every_verdict(found))
        for name, what in broken(found).items():
            show(name, what)
    await database.close()
    return not broken(found)


@asynccontextmanager
async def progress(race: Race, hall: Hall) -> AsyncIterator[None]:
    """Say every few seconds how far the race is."""

    async def keep_saying() -> None:
        began = time.monotonic()
        while True:
            await asyncio.sleep(PROGRESS_EVERY_SECONDS)
            rate = race.taken / (time.monotonic() - began)
            bought = sum(
                told.answer.order is not None for told in race.witness.record.of(Action.PURCHASE)
            )
            ledger = await hall.ledger()
            say(
                f"{race.taken:>7,} of {race.attempts:,} attempts, {rate:,.0f}/s;"
                f" {bought:,} purchases; now {ledger['held']} held, {ledger['sold']} sold"
            )

    saying = asyncio.create_task(keep_saying())
    yield
    saying.cancel()
    with suppress(asyncio.CancelledError):
        await saying


def show(name: str, what: object) -> None:
    """Show the first of what contradicts a checker."""
    console.print(f"\n{name}:", style="red")
    rows: Sequence[object] = what if isinstance(what, list) else [what]
    for row in rows[:SHOWN_MAX]:
        console.print(f"  {row}", markup=False, soft_wrap=True)
    if len(rows) > SHOWN_MAX:
        console.print(f"  … {len(rows)} in all")


def say(text: str) -> None:
    """Print a line at once, to a pipe as well."""
    console.print(text, markup=False, soft_wrap=True)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
