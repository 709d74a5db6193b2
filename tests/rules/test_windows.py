"""The window: what waits together is decided together, and nobody waits in vain."""

import asyncio
from collections.abc import Hashable, Sequence
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from box_office.batches import Again, Connection, Written
from box_office.changes import SeatChanges
from box_office.database import Database
from box_office.news import NoNews
from box_office.refusals import OutcomeUnknown
from box_office.reservations import ReservationRow
from box_office.windows import (
    AGAIN_MAX,
    BATCH_REQUESTS_MAX,
    BATCH_TIMEOUT_SECONDS,
    CLAIM_REQUESTS_MAX,
    WINDOW_REQUESTS_MAX,
    NothingDoneError,
    OutcomeUnknownError,
    Windows,
)
from tests.halls import NoBoards, open_hall
from tests.live.breakable import BreakableProxy


class Echo:
    """A statement that answers each request with itself, and remembers its batches."""

    def __init__(self, sql: str = "SELECT pg_sleep(0.02)") -> None:
        self.sql = sql
        self.batches: list[list[Any]] = []

    async def write(
        self,
        connection: Connection,
        event_id: UUID,  # noqa: ARG002 - any event's window may write it.
        requests: Sequence[Any],
    ) -> Written[Any]:
        self.batches.append(list(requests))
        await connection.execute(self.sql)
        return Written(requests, None)


@pytest.fixture
def counter(database: Database) -> Windows:
    return Windows(database, NoBoards(), NoNews())


def only(*claims: Hashable) -> frozenset[Hashable]:
    return frozenset(claims)


async def test_who_waits_while_a_batch_is_written_forms_the_next_one(counter: Windows) -> None:
    echo, event_id = Echo(), uuid4()
    first = asyncio.create_task(counter.submit(event_id, echo, 0))
    await asyncio.sleep(0.01)

    rest = await asyncio.gather(*(counter.submit(event_id, echo, n) for n in range(1, 8)))

    assert await first == 0
    assert rest == [1, 2, 3, 4, 5, 6, 7]
    assert echo.batches == [[0], [1, 2, 3, 4, 5, 6, 7]]


@pytest.mark.parametrize("more", [-1, 0, 1])
async def test_a_batch_has_at_most_its_limit_and_keeps_the_order(
    counter: Windows, more: int
) -> None:
    echo, event_id = Echo(), uuid4()
    count = BATCH_REQUESTS_MAX + more

    await asyncio.gather(*(counter.submit(event_id, echo, n) for n in range(count)))

    assert [len(batch) for batch in echo.batches] == [
        min(count, BATCH_REQUESTS_MAX),
        *([more] if more > 0 else []),
    ]
    assert [n for batch in echo.batches for n in batch] == list(range(count))


async def test_no_buyer_stands_in_a_batch_twice_and_nobody_overtakes_their_own(
    counter: Windows,
) -> None:
    echo, event_id = Echo(), uuid4()
    asked = [("ada", 1), ("grace", 1), ("ada", 2), ("edsger", 1), ("ada", 3)]

    await asyncio.gather(
        *(counter.submit(event_id, echo, request, only(request[0])) for request in asked)
    )

    assert echo.batches == [
        [("ada", 1), ("grace", 1), ("edsger", 1)],
        [("ada", 2)],
        [("ada", 3)],
    ]


async def test_a_batch_is_of_one_kind(counter: Windows) -> None:
    one, other, event_id = Echo(), Echo(), uuid4()

    await asyncio.gather(
        counter.submit(event_id, one, 1),
        counter.submit(event_id, other, 2),
        counter.submit(event_id, one, 3),
    )

    assert one.batches == [[1, 3]]
    assert other.batches == [[2]]


async def test_a_busy_event_does_not_hold_up_another(counter: Windows) -> None:
    slow, quick = Echo("SELECT pg_sleep(1)"), Echo("SELECT 1")
    busy = asyncio.create_task(counter.submit(uuid4(), slow, "busy"))
    await asyncio.sleep(0.05)

    async with asyncio.timeout(0.8):
        assert await counter.submit(uuid4(), quick, "other") == "other"

    assert not busy.done()
    assert await busy == "busy"


async def test_who_goes_away_leaves_the_others_and_the_work_alone(counter: Windows) -> None:
    echo, event_id = Echo(), uuid4()
    leaving = asyncio.create_task(counter.submit(event_id, echo, "leaving"))
    staying = asyncio.create_task(counter.submit(event_id, echo, "staying"))
    await asyncio.sleep(0.01)

    leaving.cancel()

    assert await staying == "staying"
    assert echo.batches == [["leaving", "staying"]]


async def test_a_lost_connection_makes_the_whole_batch_unknown_and_the_next_one_works(
    counter: Windows,
) -> None:
    dying, event_id = Echo("SELECT pg_terminate_backend(pg_backend_pid())"), uuid4()

    answers = await asyncio.gather(
        *(counter.submit(event_id, dying, n) for n in range(3)), return_exceptions=True
    )

    assert [type(answer) for answer in answers] == [OutcomeUnknownError] * 3
    assert await counter.submit(event_id, Echo(), "again") == "again"


async def test_only_the_guilty_request_of_a_batch_is_refused(counter: Windows) -> None:
    class Guilty(Echo):
        async def write(
            self, connection: Connection, event_id: UUID, requests: Sequence[Any]
        ) -> Written[Any]:
            if "guilty" in requests:
                await connection.execute("INSERT INTO performers VALUES (gen_random_uuid(), '')")
            return await super().write(connection, event_id, requests)

    guilty, event_id = Guilty("SELECT 1"), uuid4()

    answers = await asyncio.gather(
        *(counter.submit(event_id, guilty, who) for who in ("ada", "guilty", "grace")),
        return_exceptions=True,
    )

    assert answers[0] == "ada"
    assert isinstance(answers[1], asyncpg.CheckViolationError)
    assert answers[2] == "grace"


async def test_a_full_window_turns_away_who_comes_next(counter: Windows) -> None:
    echo, event_id = Echo("SELECT 1"), uuid4()

    answers = await asyncio.gather(
        *(counter.submit(event_id, echo, n, can_wait=True) for n in range(WINDOW_REQUESTS_MAX + 1)),
        counter.submit(event_id, echo, "finishes a sale"),
        return_exceptions=True,
    )

    assert answers[:-2] == list(range(WINDOW_REQUESTS_MAX))
    assert isinstance(answers[-2], NothingDoneError)
    assert answers[-1] == "finishes a sale"


async def test_nobody_fills_a_window_alone(counter: Windows) -> None:
    echo, event_id = Echo("SELECT 1"), uuid4()

    def ask(who: str, count: int) -> list[Any]:
        return [
            counter.submit(event_id, echo, (who, n), only(who), can_wait=True) for n in range(count)
        ]

    answers = await asyncio.gather(
        *ask("greedy", CLAIM_REQUESTS_MAX + 1), *ask("ada", 1), return_exceptions=True
    )

    refused = [answer for answer in answers if isinstance(answer, NothingDoneError)]
    assert len(refused) == 1
    assert answers[CLAIM_REQUESTS_MAX] is refused[0]
    assert answers[-1] == ("ada", 0)
    # Once served, they may come again.
    assert await counter.submit(event_id, echo, 1, only("greedy"), can_wait=True) == 1


async def test_a_busy_window_forgets_who_has_gone(counter: Windows) -> None:
    quick, slow, event_id = Echo("SELECT 1"), Echo("SELECT pg_sleep(0.3)"), uuid4()
    going = asyncio.create_task(counter.submit(event_id, quick, 1, only("going")))
    staying = asyncio.create_task(counter.submit(event_id, slow, 2, only("staying")))

    await going

    (window,) = counter._open.values()
    assert set(window.claimed) == {"staying"}
    await staying


async def test_news_that_cannot_be_told_stop_no_window(database: Database) -> None:
    class Hoarse:
        def announce(self, changes: SeatChanges) -> None:
            raise RuntimeError(f"cannot tell version {changes.version}")

    async with open_hall(database, news=Hoarse()) as hall:
        await hall.held(1)
        await hall.held(2)


async def test_what_is_undecided_again_and_again_is_answered_in_the_end(counter: Windows) -> None:
    class Undecided(Echo):
        async def write(
            self, connection: Connection, event_id: UUID, requests: Sequence[Any]
        ) -> Written[Any]:
            await super().write(connection, event_id, requests)
            return Written([Again(self, only("later"), "never decided") for _ in requests], None)

    undecided = Undecided("SELECT 1")

    answers = await asyncio.gather(*(counter.submit(uuid4(), undecided, n) for n in range(2)))

    assert answers == ["never decided"] * 2
    assert len(undecided.batches) == 2 * AGAIN_MAX


async def test_a_lock_that_is_never_given_back_is_said_to_have_changed_nothing(
    database: Database,
) -> None:
    async with open_hall(database) as hall:
        async with database.pool.acquire() as other, other.transaction():
            await other.execute("SELECT 1 FROM event_seats WHERE seat_index = 3 FOR UPDATE")
            answer = await hall.reserve(3)

        assert isinstance(answer, list)
        (refusal,) = answer
        assert isinstance(refusal, OutcomeUnknown)
        assert "nothing was done" in refusal.message
        assert isinstance(await hall.reserve(3), ReservationRow)


async def test_a_server_that_falls_silent_is_not_waited_for(database_url: str) -> None:
    url = make_url(database_url)
    assert url.host is not None
    assert url.port is not None
    proxy = BreakableProxy(url.host, url.port)
    await proxy.open()
    far = url.set(host="127.0.0.1", port=proxy.port)
    database = await Database.connect(far.render_as_string(hide_password=False))
    async with open_hall(database) as hall:
        await hall.held(1)
        proxy.freeze()
        async with asyncio.timeout(BATCH_TIMEOUT_SECONDS + 2):
            answer = await hall.reserve(2)
        proxy.heal()

        assert isinstance(answer, list)
        assert isinstance(answer[0], OutcomeUnknown)
        assert isinstance(await hall.reserve(3), ReservationRow)
    await database.close()
    await proxy.close()
