"""The window: what waits together is decided together, and nobody waits in vain."""

import asyncio
import time
from collections.abc import Hashable, Sequence
from math import inf
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from box_office import cancelling, windows
from box_office.batches import Again, Connection, Written
from box_office.cancelling import CancelOrderRequest, cancel_order
from box_office.changes import SeatChanges
from box_office.database import WINDOW_CONNECTIONS, Database
from box_office.news import NoNews
from box_office.purchases import PurchaseRequest, purchase_reservation
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
from models import Order, OrderStatus
from tests.halls import NoBoards, PretendProvider, open_hall
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


async def test_a_full_window_turns_away_who_comes_next(
    counter: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "IN_LINE_SECONDS_MAX", inf)
    echo, event_id = Echo("SELECT 1"), uuid4()

    answers = await asyncio.gather(
        *(counter.submit(event_id, echo, n, can_wait=True) for n in range(WINDOW_REQUESTS_MAX + 1)),
        counter.submit(event_id, echo, "finishes a sale"),
        return_exceptions=True,
    )

    assert answers[:-2] == list(range(WINDOW_REQUESTS_MAX))
    assert isinstance(answers[-2], NothingDoneError)
    assert answers[-1] == "finishes a sale"


async def test_who_has_stood_in_line_too_long_is_told_to_come_again(
    counter: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "IN_LINE_SECONDS_MAX", 0.5)
    slow, event_id = Echo("SELECT pg_sleep(1)"), uuid4()
    first = asyncio.create_task(counter.submit(event_id, slow, "first", can_wait=True))
    await asyncio.sleep(0.2)
    echo = Echo("SELECT 1")
    early = [
        asyncio.create_task(counter.submit(event_id, echo, "early", can_wait=True)),
        asyncio.create_task(counter.submit(event_id, echo, "finishes a sale")),
    ]
    await asyncio.sleep(0.6)

    late = await counter.submit(event_id, echo, "late", can_wait=True)

    told = await asyncio.gather(*early, return_exceptions=True)
    assert await first == "first"
    assert isinstance(told[0], NothingDoneError)
    assert told[1] == "finishes a sale"
    assert late == "late"
    assert echo.batches == [["finishes a sale", "late"]]
    await asyncio.sleep(0)
    assert not counter._open, "nobody is left to wait for"


async def test_a_line_of_which_everybody_has_stood_too_long_is_sent_away_at_once(
    counter: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "IN_LINE_SECONDS_MAX", 0.2)
    echo, event_id = Echo("SELECT pg_sleep(0.5)"), uuid4()
    first = asyncio.create_task(counter.submit(event_id, echo, "first", can_wait=True))
    await asyncio.sleep(0.05)

    others = await asyncio.gather(
        *(counter.submit(event_id, echo, n, can_wait=True) for n in range(1_000)),
        return_exceptions=True,
    )

    assert await first == "first"
    assert {type(answer) for answer in others} == {NothingDoneError}
    assert echo.batches == [["first"]]


async def test_who_is_undecided_for_too_long_is_told_to_come_again(
    counter: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Undecided(Echo):
        async def write(
            self, connection: Connection, event_id: UUID, requests: Sequence[Any]
        ) -> Written[Any]:
            await super().write(connection, event_id, requests)
            return Written([Again(self, only("later"), "never decided") for _ in requests], None)

    monkeypatch.setattr(windows, "IN_LINE_SECONDS_MAX", 0.5)
    undecided = Undecided("SELECT pg_sleep(0.2)")

    with pytest.raises(NothingDoneError):
        await counter.submit(uuid4(), undecided, "patient", can_wait=True)

    assert len(undecided.batches) <= 3


async def test_those_who_are_decided_one_by_one_do_not_wait_for_ever_either(
    counter: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Guilty(Echo):
        async def write(
            self, connection: Connection, event_id: UUID, requests: Sequence[Any]
        ) -> Written[Any]:
            if len(requests) > 1:
                await connection.execute("INSERT INTO performers VALUES (gen_random_uuid(), '')")
            return await super().write(connection, event_id, requests)

    monkeypatch.setattr(windows, "IN_LINE_SECONDS_MAX", 1.0)
    guilty, event_id = Guilty("SELECT pg_sleep(0.7)"), uuid4()

    answers = await asyncio.gather(
        *(counter.submit(event_id, guilty, n, can_wait=True) for n in range(4)),
        return_exceptions=True,
    )

    assert answers[0] == 0
    assert isinstance(answers[3], NothingDoneError)


async def test_a_batch_waits_for_a_connection_and_an_answer_no_longer_than_for_one_of_them(
    counter: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "BATCH_TIMEOUT_SECONDS", 1.0)
    pool = counter.database.pool
    taken = [await pool.acquire() for _ in range(WINDOW_CONNECTIONS)]
    began = time.monotonic()
    asking = asyncio.create_task(counter.submit(uuid4(), Echo("SELECT pg_sleep(3)"), "slow"))
    await asyncio.sleep(0.8)

    for connection in taken:
        await pool.release(connection)
    with pytest.raises(OutcomeUnknownError):
        await asking

    assert time.monotonic() - began < 1.6


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


async def test_who_has_waited_too_long_for_a_lock_is_not_made_to_wait_for_it_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "IN_LINE_SECONDS_MAX", 1.0)
    async with open_hall(database) as hall:
        async with database.pool.acquire() as other, other.transaction():
            await other.execute("SELECT 1 FROM event_seats WHERE seat_index = 3 FOR UPDATE")
            began = time.monotonic()
            answer = await hall.reserve(3)
            seconds = time.monotonic() - began

        assert isinstance(answer, list)
        assert "nothing was done" in answer[0].message
        assert seconds < 3.8, "it stood there for two lock timeouts"


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


class SilentProvider(PretendProvider):
    """Says nothing about refunds until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = asyncio.Event()

    async def refund(self, reference: str) -> None:
        await self.answers.wait()
        await super().refund(reference)


async def test_who_waited_for_the_window_waits_for_the_refund_no_longer_than_others(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancelling, "REFUND_ANSWER_SECONDS", 1.5)
    provider = SilentProvider()
    async with open_hall(database, provider=provider) as hall:
        held = await hall.held(1)
        payment = PurchaseRequest(held.buyer_id, held.id, "ada@example.org", "pretend_ok", "once")
        order = await purchase_reservation(hall.box_office, payment)
        assert isinstance(order, Order)
        request = CancelOrderRequest(order.buyer_id, order.id, None, str(uuid4()))

        async with database.pool.acquire() as other, other.transaction():
            await other.execute("SELECT 1 FROM orders WHERE id = $1 FOR UPDATE", order.id)
            began = time.monotonic()
            cancelling_it = asyncio.create_task(cancel_order(hall.box_office, request))
            await asyncio.sleep(1.2)
        cancelled = await cancelling_it
        seconds = time.monotonic() - began

        provider.answers.set()
        assert isinstance(cancelled, Order)
        assert cancelled.status is OrderStatus.CANCELLED
        assert 1.2 < seconds < 2.4
