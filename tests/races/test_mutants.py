"""The races can be lost: with a guard removed from the rules, the checkers notice."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from box_office import sales
from box_office.box_office import BoxOffice
from box_office.database import Database
from box_office.news import NoNews
from box_office.providers import Authorisation, Charge
from tests.halls import Hall, NoBoards, PretendProvider, build_hall
from tests.races.checkers import objections
from tests.races.crowd import Race, choose_seed
from tests.races.doors import DirectDoor
from tests.races.mutants import MUTANTS, Mutant
from tests.races.record_checkers import contradictions, whoever_was_let_pay_kept_the_seats

NUMBERED, STANDING = 25, 10
CLIENTS = 16
LIFE_SECONDS = 1
RACE_SECONDS = 2.0
ROUNDS_MAX = 8
SWEEP_EVERY_SECONDS = 0.7


@dataclass(frozen=True, slots=True)
class Outcome:
    """Which checkers object: to what the clients were told, and to what the books say."""

    told: set[str]
    found: set[str]


class SlowProvider(PretendProvider):
    """Takes its time, so that much happens between the beginning of a payment and the sale."""

    def __init__(self, seconds_max: float) -> None:
        super().__init__()
        self.seconds_max = seconds_max

    async def authorise(self, charge: Charge) -> Authorisation:
        await asyncio.sleep(random.uniform(0, self.seconds_max))
        return await super().authorise(charge)


@asynccontextmanager
async def sweeping(box_office: BoxOffice) -> AsyncIterator[None]:
    async def sweep() -> None:
        while True:
            await asyncio.sleep(SWEEP_EVERY_SECONDS)
            await box_office.sweep()

    task = asyncio.create_task(sweep())
    yield
    task.cancel()


async def race(url: str, provider: SlowProvider, mutant: Mutant | None = None) -> Outcome:
    """Run a crowd against two box offices over one database, perhaps with a broken rule."""
    async with AsyncExitStack() as stack:
        databases = [await Database.connect(url) for _ in range(2)]
        for database in databases:
            stack.push_async_callback(database.close)
        if mutant is not None:
            async with databases[0].pool.acquire() as connection:
                await connection.execute(mutant.source())
        event_id, stalls_id, floor_id = await build_hall(
            databases[0], NUMBERED, STANDING, {"reservation_seconds": LIFE_SECONDS}
        )
        offices = [BoxOffice.open(db, NoBoards(), NoNews(), provider) for db in databases]
        hall = Hall(offices[0], event_id, stalls_id, floor_id, NUMBERED, STANDING)
        doors = [DirectDoor(office, hall) for office in offices]
        contest = Race(
            hall,
            doors,
            choose_seed(),
            seconds=RACE_SECONDS,
            clients=CLIENTS,
            plain_cards=True,
        )
        async with sweeping(offices[0]):
            record = await contest.run()
        await asyncio.sleep(LIFE_SECONDS)  # Whatever is still open lapses.
        await offices[0].sweep()
        for office in offices:
            await office.close()
        found = await objections(databases[0])
    print(record.counts())  # noqa: T201  pytest shows it where a race fails.
    told = set(contradictions(record))
    slow = provider.seconds_max > LIFE_SECONDS
    if slow and whoever_was_let_pay_kept_the_seats(record, LIFE_SECONDS):
        told.add(whoever_was_let_pay_kept_the_seats.__name__)
    return Outcome(told, set(found))


async def is_noticed(mutant: Mutant, url: str) -> bool:
    """Race until it is: on a busy machine too little may happen in one round."""
    for _ in range(ROUNDS_MAX):
        outcome = await race(url, SlowProvider(mutant.payment_seconds), mutant)
        if mutant.noticed_by & (outcome.told | outcome.found):
            return True
    return False


@pytest.mark.parametrize("payment_seconds", [0.2, 2.0])
async def test_the_rules_as_they_are_win_the_short_race(
    database_url: str, payment_seconds: float
) -> None:
    outcome = await race(database_url, SlowProvider(payment_seconds))

    assert outcome == Outcome(set(), set())


@pytest.mark.untrue_books(reason="A guard of the rules is taken away.")
@pytest.mark.parametrize("mutant", [pytest.param(mutant, id=mutant.breach) for mutant in MUTANTS])
async def test_a_rule_without_its_guard_is_caught(database_url: str, mutant: Mutant) -> None:
    assert await is_noticed(mutant, database_url)


@pytest.fixture
def _short_payments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Payments that may take a tenth of a second, so that many come too late for their seats."""
    monkeypatch.setattr(sales, "PAYMENT_DEADLINE", timedelta(seconds=0.1))


@pytest.mark.usefixtures("_short_payments")
async def test_whoever_pays_too_late_buys_nothing(database_url: str) -> None:
    """Judged by the books alone: what buyers were told of the end of their hold is untrue here."""
    outcome = await race(database_url, SlowProvider(0.5))

    assert outcome.found == set()


def test_a_mutant_of_a_line_that_is_gone_fails_loudly() -> None:
    gone = replace(MUTANTS[0], line="WHERE nobody = anybody")

    with pytest.raises(AssertionError, match="has changed"):
        gone.source()
