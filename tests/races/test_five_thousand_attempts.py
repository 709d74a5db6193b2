import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from box_office.audit import ALWAYS
from box_office.database import Database
from tests.halls import Hall
from tests.races.checkers import objections
from tests.races.closing import how_fast
from tests.races.conftest import SEATS_PER_BUYER_MAX
from tests.races.crowd import Race, choose_seed
from tests.races.record import Action
from tests.races.record_checkers import (
    every_acknowledged_sale_is_in_the_database,
    every_request_was_answered,
)
from tests.races.server_log import PostgresLog
from tests.races.stage import Stage, entrances, set_stage
from tests.races.verdict import Evidence, broken, come_to_rest, verdict
from tests.races.witness import Witness

ATTEMPTS = 5_000
#: Fewer than in the long race: on a machine as slow as they come, everybody waits for everybody,
#: and each has to be answered within ten seconds.
CLIENTS = 16
KILLED_ATTEMPTS = 1_000
#: Long enough to lapse meanwhile, for whoever comes back.
SLOW_SECONDS = 3.0


@pytest.fixture
def stage(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Stage]:
    with set_stage(database_url, redis_url, tmp_path, slow_seconds=SLOW_SECONDS) as stage:
        yield stage


async def test_of_five_thousand_attempts_before_two_servers_no_seat_is_sold_twice(
    database: Database, hall: Hall, stage: Stage, postgres_log: PostgresLog
) -> None:
    async with entrances(stage, hall) as ways:
        race = Race(hall, ways.doors, choose_seed(), ATTEMPTS, clients=CLIENTS, bank=ways.bank)
        record = await race.run()
    Console().print(json.dumps(record.counts(), indent=1), how_fast(record), postgres_log.errors())
    at_once = await objections(database, ALWAYS)
    evidence = Evidence(database, record, stage.provider.record)
    await come_to_rest(evidence, hurried=True)

    assert at_once == {}
    assert broken(await verdict(evidence)) == {}
    assert postgres_log.unexpected() == {}
    assert sum(told.answer.order is not None for told in record.of(Action.PURCHASE)) > 100


async def test_a_killed_server_takes_no_acknowledged_answer_with_it(
    database: Database, hall: Hall, stage: Stage
) -> None:
    """Killed twice in the middle of the load; whoever got no answer repeats the call elsewhere."""
    witness = Witness(doors_may_break=True)
    async with entrances(stage, hall) as ways:
        seed = choose_seed()
        race = Race(
            hall,
            ways.doors,
            seed,
            KILLED_ATTEMPTS,
            clients=CLIENTS,
            bank=ways.bank,
            witness=witness,
        )
        async with asyncio.TaskGroup() as group:
            racing = group.create_task(race.run())
            for n, victim in enumerate(stage.servers, 1):
                await until_taken(race, n * KILLED_ATTEMPTS // 4)
                await asyncio.to_thread(victim.kill)
                await asyncio.to_thread(victim.start)
    evidence = Evidence(database, racing.result(), stage.provider.record)
    await come_to_rest(evidence, hurried=True)

    assert witness.broken_off > 0
    assert broken(await verdict(evidence)) == {}


async def until_taken(race: Race, attempts: int) -> None:
    """Wait until so many attempts were made, however long that takes."""
    while race.taken < attempts:  # noqa: ASYNC110 - counted by many clients.
        await asyncio.sleep(0.01)


async def test_twelve_tabs_of_one_buyer_at_two_servers_get_no_more_than_one_buyer_may(
    database: Database, hall: Hall, stage: Stage
) -> None:
    """What a tab was shown, another may have changed: judged by the books, and by the answers."""
    async with entrances(stage, hall) as ways:
        buyer = await ways.doors[0].new_buyer()
        assert buyer is not None
        race = Race(hall, ways.doors, choose_seed(), 300, clients=12, buyer=buyer, plain_cards=True)
        record = await race.run()
    evidence = Evidence(database, record, stage.provider.record)
    await come_to_rest(evidence, hurried=True)

    assert every_request_was_answered(record) == []
    assert await objections(database) == {}
    assert await every_acknowledged_sale_is_in_the_database(database, record) == []
    assert await hall.allowance(buyer.id) <= SEATS_PER_BUYER_MAX
    outcomes = record.counts()
    assert any("SEAT_LIMIT_EXCEEDED" in outcome for outcome in outcomes), outcomes
