"""The verdict on a race: every checker there is, asked when all is at rest."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from box_office.audit import ALWAYS, AT_REST, Invariant
from box_office.database import Database
from onsale.payments.pretend.record import RETRIES_MAX
from tests.races.chain import the_log_tells_the_same_chain
from tests.races.checkers import (
    nobody_has_more_seats_than_a_buyer_may,
    nobody_was_charged_without_a_sale,
    objections,
    the_provider_remembers_the_same_payments,
)
from tests.races.record import Record
from tests.races.record_checkers import RECORD_CHECKERS, every_acknowledged_sale_is_in_the_database

#: Holds lapse within 3 s; a payment nobody goes on with is taken up after 10 s, looked at again
#: after 10 more, and given up after 30. The rest is for webhooks in line, and slow machines.
REST_SECONDS_MAX = 300.0
LOOK_EVERY_SECONDS = 0.5
#: What was left alone is as if it had been for a minute more: nobody sets the database's clock.
HURRY = """
    WITH aged AS (
        UPDATE payments SET updated_at = updated_at - interval '1 minute', looked_at = NULL
        WHERE state IN ('STARTED', 'ACTION_REQUIRED', 'AUTHORISED', 'VOIDING', 'REFUNDING')
           OR id IN (SELECT payment_id FROM payment_hints WHERE NOT handled)
    )
    UPDATE payment_hints SET received_at = received_at - interval '1 minute' WHERE NOT handled
"""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What there is to judge by."""

    database: Database
    record: Record
    #: The provider's record.
    book: Path


async def come_to_rest(evidence: Evidence, *, hurried: bool = False) -> None:
    """Wait until nothing is left between two states, here and there; or until that is too long.

    Hurried: whoever looks after what was left alone finds it so at once.
    """
    until = time.monotonic() + REST_SECONDS_MAX
    while time.monotonic() < until:
        waits = await objections(evidence.database, AT_REST)
        differs = await the_provider_remembers_the_same_payments(evidence.database, evidence.book)
        if not waits and not differs and not to_be_told(evidence.book):
            return
        if hurried:
            await evidence.database.pool.execute(HURRY)
        await asyncio.sleep(LOOK_EVERY_SECONDS)


UNTOLD = "SELECT count(*) FROM deliveries WHERE NOT delivered AND tries < ?"


def to_be_told(book: Path) -> int:
    """Count the webhooks that the provider has yet to send: each is a hint that wants handling."""
    with closing(sqlite3.connect(book)) as pages:
        [count] = pages.execute(UNTOLD, (RETRIES_MAX,)).fetchone()
    return int(count)


FOUND_BY_SERVERS = "SELECT finished_at, findings FROM audits WHERE findings::text <> '{}'"


async def the_servers_own_audits_found_nothing(database: Database) -> list[Any]:
    """They audit every minute, in the middle of everything."""
    async with database.pool.acquire() as connection:
        return [dict(row) for row in await connection.fetch(FOUND_BY_SERVERS)]


def checkers(evidence: Evidence) -> Mapping[str, Callable[[], Awaitable[Any]]]:
    """Give every checker by its name. Each gives what contradicts it."""
    database, record, book = evidence.database, evidence.record, evidence.book

    def of_record(check: Callable[[Record], list[Any]]) -> Callable[[], Awaitable[Any]]:
        return lambda: asyncio.to_thread(check, record)

    def of_books(invariant: Invariant) -> Callable[[], Awaitable[Any]]:
        return lambda: objections(database, [invariant])

    return (
        {check.__name__: of_record(check) for check in RECORD_CHECKERS}
        | {
            check.__name__: lambda check=check: check(database, record)
            for check in (
                the_log_tells_the_same_chain,
                every_acknowledged_sale_is_in_the_database,
            )
        }
        | {
            check.__name__: lambda check=check: check(database, book)
            for check in (
                the_provider_remembers_the_same_payments,
                nobody_was_charged_without_a_sale,
            )
        }
        | {
            check.__name__: lambda check=check: check(database)
            for check in (
                nobody_has_more_seats_than_a_buyer_may,
                the_servers_own_audits_found_nothing,
            )
        }
        | {invariant.name: of_books(invariant) for invariant in (*ALWAYS, *AT_REST)}
    )


async def verdict(evidence: Evidence) -> dict[str, Any]:
    """Ask every checker; gives what each of them found."""
    return {name: await ask() for name, ask in checkers(evidence).items()}


def broken(found: dict[str, Any]) -> dict[str, Any]:
    """Leave out the checkers that hold."""
    return {name: what for name, what in found.items() if what}
