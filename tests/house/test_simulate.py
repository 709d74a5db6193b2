"""`simulate`: a crowd before a real server; and an audit that can fail, each way it can."""

import asyncio
import io
import json
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

import pytest
from rich.console import Console
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request as Handshake
from websockets.http11 import Response as Refusal

from box_office.database import Database
from onsale.app import create_app
from onsale.settings import Settings, StartError
from onsale.simulating import watcher as watching_module
from onsale.simulating.api import Api, Unexpected, read_url
from onsale.simulating.audit import Evidence, diverged, faults_of
from onsale.simulating.choosing import Wish, choose
from onsale.simulating.crowd import Audience, Outcome, Plan, simulate
from onsale.simulating.crowd import _following as following_all
from onsale.simulating.event import Availability, Event, Section, unpack
from onsale.simulating.record import Order, Record, Reservation, Shown, Span, Ticket
from onsale.simulating.report import show
from onsale.simulating.rush import Rush
from onsale.simulating.tally import Tally, percentile
from onsale.simulating.watcher import PROTOCOL, Watcher
from tests.given_time import eventually
from tests.halls import build_hall
from tests.house.programs import ROOT, environment, onsale
from tests.servers import ServerProcess, running_servers, serving

CROWD_SECONDS_MAX = 50.0
OF_EVENT = "event_id = (SELECT id FROM events WHERE slug = $1)"
RESERVATIONS = f"SELECT count(*) FROM reservations WHERE {OF_EVENT}"
ROB = f"UPDATE reservations SET buyer_id = gen_random_uuid() WHERE {OF_EVENT}"
NOBODY = "http://127.0.0.1:9"
#: Three seats, of which one is sold and one held.
AVAILABILITY = Availability(version=7, states=bytes([2, 1, 0]), counts=(1, 1, 1, 0))
TICKET = Ticket("CODE", 0, "VALID")
#: Longer than any run of the tests: what is read here is judged much later.
HELD_SECONDS = 86_400
NOW = Span(monotonic(), monotonic() + 1)
SOLD = Reservation("r-sold", "PURCHASED", (0,), NOW, order_id="o")
OPEN = Reservation("r-open", "OPEN", (1,), NOW, seconds_left=HELD_SECONDS)
ORDER = Order("o", "PAID", (TICKET,))


def evidence(
    told: tuple[Reservation | Order, ...] = (SOLD, OPEN, ORDER),
    shown: tuple[Reservation | Order, ...] = (SOLD, OPEN, ORDER),
    availability: Availability = AVAILABILITY,
    others: tuple[Order, ...] = (),
) -> Evidence:
    """One buyer's evidence, in which nothing is wrong unless a test says so."""
    return Evidence(
        [Record(0, "token", *books(told)), Record(1, doubtful=True)],
        [Shown(*books(shown)), Shown(*books(others))],
        availability,
    )


def books(
    things: tuple[Reservation | Order, ...],
) -> tuple[dict[str, Reservation], dict[str, Order]]:
    return (
        {each.id: each for each in things if isinstance(each, Reservation)},
        {each.id: each for each in things if isinstance(each, Order)},
    )


def test_the_crowd_knows_nothing_of_the_inside() -> None:
    ours = re.compile(
        r"^\s*(?:from|import) ((?:box_office|models|onsale|resolvers|s\w+)[\w.]*)", re.MULTILINE
    )
    known = {
        module
        for file in (ROOT / "onsale" / "simulating").glob("*.py")
        for module in ours.findall(file.read_text(encoding="utf-8"))
        if (ROOT / module.partition(".")[0]).is_dir()
    }

    assert {each for each in known if not each.startswith("onsale.simulating")} == {
        "onsale.settings"
    }


def test_evidence_in_which_all_is_well_has_no_fault() -> None:
    assert faults_of(evidence()) == []


VOID = replace(TICKET, status="VOID")
REFUNDED = Order("o", "REFUNDED", (VOID,))
FREED = Availability(8, bytes([0, 1, 0]), (2, 1, 0, 0))
LONG_AGO = NOW.asked - HELD_SECONDS - 100
LAPSED = replace(OPEN, told=Span(LONG_AGO, LONG_AGO))
TWICE = Order("o2", "PAID", (Ticket("OTHER", 0, "VALID"),))
COPY = Order("o2", "PAID", (Ticket("CODE", 2, "VALID"),))


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        (evidence(others=(TWICE,)), "Seat 0 was sold 2 times, such as in orders o and o2."),
        (evidence(others=(COPY,)), "2 tickets have the same code, such as in orders o and o2."),
        (evidence(shown=(SOLD, ORDER)), "Buyer 0: reservation r-open is lost; it was OPEN."),
        (evidence(shown=(SOLD, OPEN)), "Buyer 0: order o is lost; it was PAID."),
        (
            evidence(shown=(SOLD, ORDER, replace(OPEN, status="EXPIRED"))),
            "Buyer 0: reservation r-open was OPEN and is EXPIRED.",
        ),
        (
            evidence(told=(SOLD, ORDER, LAPSED), shown=(SOLD, ORDER, OPEN)),
            "Buyer 0: reservation r-open was OPEN and is OPEN.",
        ),
        (
            evidence(shown=(SOLD, ORDER, replace(OPEN, seats=(1, 2)))),
            "Buyer 0: reservation r-open had seats 1 and has 1, 2.",
        ),
        (
            evidence(shown=(SOLD, ORDER, OPEN, replace(OPEN, id="r-3"))),
            "Buyer 0 has reservation r-3 and was never told of it.",
        ),
        (
            evidence(told=(SOLD, OPEN)),
            "Buyer 0 has order o and was never told of it.",
        ),
        (
            evidence(shown=(SOLD, OPEN, REFUNDED), availability=FREED),
            "Buyer 0: order o was PAID and is REFUNDED.",
        ),
        (
            evidence(shown=(SOLD, OPEN, replace(ORDER, tickets=(VOID,)))),
            "Buyer 0: order o is PAID; seats 0 are not VALID.",
        ),
        (
            evidence(shown=(SOLD, OPEN, replace(ORDER, tickets=()))),
            "Buyer 0: order o has tickets for none but its reservation has 0.",
        ),
        (
            evidence(availability=Availability(7, bytes([0, 1, 0]), (2, 1, 0, 0))),
            "Seat 0 of order o is not shown as sold.",
        ),
        (
            evidence(availability=Availability(7, bytes([2, 0, 0]), (2, 0, 1, 0))),
            "Seat 1 of open reservation r-open is not shown as held.",
        ),
        (
            evidence(availability=replace(AVAILABILITY, counts=(2, 0, 1, 0))),
            "The map shows 1 seats as available, the counter 2.",
        ),
    ],
)
def test_the_audit_tells_what_is_wrong(found: Evidence, fault: str) -> None:
    assert fault in faults_of(found)


def test_a_map_that_diverged_is_told_with_a_seat() -> None:
    assert diverged("Subscriber 3", 7, bytes([2, 1, 0]), bytes([2, 1, 0])) == []
    assert diverged("Subscriber 3", 7, bytes([2, 0, 3]), bytes([2, 1, 0])) == [
        "Subscriber 3 shows another map than the server at version 7, such as seat 1."
    ]
    assert diverged("Subscriber 3", 7, bytes([2, 1]), bytes([2, 1, 0])) == [
        "Subscriber 3 shows another map than the server at version 7, such as seat 2."
    ]


EVENT = Event(
    id="e",
    slug="concert",
    title="A concert",
    seat_count=7,
    seats_per_buyer_max=4,
    reservation_seconds=600,
    sections=(Section("stalls", False, range(4)), Section("floor", True, range(4, 7))),
    rows=(range(2), range(2, 4)),
)


def snapshot(version: int, available: int = 7) -> dict[str, Any]:
    shown = {"version": version, "available": available, "states": "AAA=", "total": 7}
    return {"__typename": "AvailabilitySnapshot", "availability": shown}


def delta(before: int, version: int, available: int, **changes: str) -> dict[str, Any]:
    told = [{"index": int(seat[1:]), "status": status} for seat, status in changes.items()]
    return {
        "__typename": "AvailabilityDelta",
        "fromVersion": before,
        "version": version,
        "available": available,
        "changes": told,
    }


def watching(*messages: dict[str, Any]) -> Watcher:
    """Somebody who was told all this."""
    watcher = Watcher("http://nowhere", EVENT, 0, seed=0)
    for message in messages:
        watcher.take(message)
    return watcher


def test_a_subscriber_applies_what_it_is_told() -> None:
    watcher = watching(
        snapshot(1), delta(1, 4, 5, s0="HELD", s6="SOLD"), delta(4, 5, 6, s0="AVAILABLE")
    )

    assert (watcher.version, bytes(watcher.states), watcher.faults) == (5, bytes([0] * 6 + [2]), [])
    assert watcher.maps[4] == bytes([1, 0, 0, 0, 0, 0, 2])


@pytest.mark.parametrize(
    ("messages", "fault"),
    [
        (
            [snapshot(1), delta(2, 3, 6, s0="HELD")],
            "Subscriber 0 is at version 1 and was told the changes from 2 to 3.",
        ),
        ([snapshot(4), snapshot(3)], "Subscriber 0 was taken back from version 4 to 3."),
        (
            [snapshot(1), delta(1, 2, 7, s0="HELD")],
            "Subscriber 0 counts other free seats than it is told at version 2.",
        ),
    ],
)
def test_a_subscriber_tells_a_broken_promise(messages: list[dict[str, Any]], fault: str) -> None:
    assert watching(*messages).faults == [fault]


#: What a visitor of `telling` may be told, instead of frames.
NO_ENTRY = None


@asynccontextmanager
async def telling(*visits: list[str] | None) -> AsyncIterator[str]:
    """A server that tells each visitor some frames and hangs up, but never on the last."""
    coming = iter(visits)
    frames: list[str] | None = []

    def knock(door: ServerConnection, _: Handshake) -> Refusal | None:
        nonlocal frames
        frames = next(coming)
        return door.respond(503, "Not now.") if frames is NO_ENTRY else None

    async def tell(line: ServerConnection) -> None:
        for expected in ("connection_init", "subscribe"):
            assert json.loads(await line.recv())["type"] == expected
        for frame in frames or []:
            await line.send(frame)
        if frames is visits[-1]:
            await line.wait_closed()

    options: dict[str, Any] = {"subprotocols": [PROTOCOL], "process_request": knock}
    async with serve(tell, "127.0.0.1", 0, **options) as server:
        [door] = server.sockets
        yield f"http://127.0.0.1:{door.getsockname()[1]}"


@asynccontextmanager
async def following(url: str) -> AsyncIterator[Watcher]:
    """Somebody who follows there."""
    watcher = Watcher(url, EVENT, 0, seed=0)
    task = asyncio.create_task(watcher.follow())
    try:
        yield watcher
    finally:
        task.cancel()
        await asyncio.wait({task})


def news(*messages: dict[str, Any]) -> list[str]:
    """Write messages as frames."""
    return [
        json.dumps({"id": "1", "type": "next", "payload": {"data": {"seatAvailability": message}}})
        for message in messages
    ]


@pytest.fixture
def _quick_reconnects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching_module, "RECONNECT_AFTER_SECONDS", 0.01)


@pytest.mark.usefixtures("_quick_reconnects")
async def test_a_line_counts_as_resumed_when_something_is_heard_again() -> None:
    held = delta(1, 2, 6, s0="HELD")
    visits = news(snapshot(1)), NO_ENTRY, NO_ENTRY, list[str](), news(held)

    async with telling(*visits) as url, following(url) as watcher:
        await eventually(lambda: watcher.version == 2)

    assert (watcher.messages, watcher.resumed, watcher.faults) == (2, 1, [])


@pytest.mark.parametrize(
    "frame",
    [
        "not JSON",
        "[]",
        "{}",
        '{"type": "something"}',
        '{"type": "complete", "id": "1"}',
        '{"type": "next", "payload": {"data": null}}',
        '{"type": "next", "payload": {"data": {"seatAvailability": {}}}}',
        *news({"__typename": "Something"}),
        *news(delta(1, 2, 6, s7="HELD")),
        *news(delta(1, 2, 6, s0="STOLEN")),
        *news({"__typename": "AvailabilitySnapshot", "availability": {"version": 2}}),
    ],
)
@pytest.mark.usefixtures("_quick_reconnects")
async def test_what_is_no_news_is_a_fault_and_the_subscriber_begins_anew(frame: str) -> None:
    visits = [*news(snapshot(1)), frame], news(snapshot(1))

    async with telling(*visits) as url, following(url) as watcher:
        await eventually(lambda: watcher.resumed == 1)

    assert (watcher.version, bytes(watcher.states)) == (1, bytes(7))
    assert watcher.faults == [f"Subscriber 0 was sent {frame[:200]!r} instead of news."]


class Clumsy(Watcher):
    """A subscriber with a fault of our own making."""

    async def follow(self) -> None:
        raise RuntimeError("clumsy")


async def test_a_subscriber_that_dies_ends_it_all_loudly() -> None:
    with pytest.raises(ExceptionGroup) as faults:
        async with following_all([Clumsy("http://nowhere", EVENT, 0, seed=0)]):
            await asyncio.sleep(5)

    assert faults.group_contains(RuntimeError, match="clumsy")


def test_states_are_two_bits_a_seat() -> None:
    assert unpack("5AE=", 6) == bytes([0, 1, 2, 3, 1, 0])


@pytest.mark.parametrize("seed", range(20))
def test_only_free_places_are_chosen_and_fewer_when_there_are_no_more(seed: int) -> None:
    states = bytes([2, 0, 0, 2, 1, 1, 0])

    wish = choose(EVENT, states, 2, Random(seed))

    assert wish in {Wish((1,)), Wish((2,)), Wish(standing=(("floor", 1),))}
    assert choose(EVENT, bytes([2] * 7), 2, Random(seed)) is None


def test_of_standing_places_the_total_is_asked_for() -> None:
    asked = Wish(standing=(("floor", 2),)).arguments(EVENT, held=(0, 4))

    assert asked["generalAdmission"] == [{"sectionId": "floor", "quantity": 3}]


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (1.0, 100)])
def test_a_percentile_is_a_value_that_was_measured(share: float, value: int) -> None:
    assert percentile(range(1, 101), share) == value


def test_an_address_may_be_typed_in_several_ways() -> None:
    assert read_url("127.0.0.1:8000") == "http://127.0.0.1:8000"
    assert read_url("https://tickets.example/graphql") == "https://tickets.example"
    for nonsense in ("ftp://x", "http://", "http://a:b", "http://a:0"):
        with pytest.raises(StartError, match="must look like"):
            read_url(nonsense)


async def test_of_an_answer_that_nobody_may_get_the_request_is_told() -> None:
    async def fail(_: Request) -> JSONResponse:
        extensions = {"code": "INTERNAL_ERROR", "requestId": "abc-123"}
        return JSONResponse({"data": None, "errors": [{"extensions": extensions}, {}, "?"]})

    tally = Tally()
    app = Starlette(routes=[Route("/graphql", fail, methods=["POST"])])
    async with serving(app) as url, Api.at(url, tally) as api:
        for _ in range(2):
            with pytest.raises(Unexpected):
                await api.ask("event")
        outcome = Outcome(Rush(api, EVENT, tally, seed=7, seconds=9), [], faults=[])

    assert not outcome.is_well
    assert (
        "Unexpected, 2 times: event: INTERNAL_ERROR, an error, such as request abc-123"
        in shown_of(outcome)
    )


def shown_of(outcome: Outcome) -> str:
    """What a person is shown of it, on one line."""
    console = Console(file=io.StringIO(), width=120)
    show(outcome, console)
    assert isinstance(console.file, io.StringIO)
    return " ".join(console.file.getvalue().split())


def outcome_of(watchers: Sequence[Watcher], **how: Any) -> Outcome:
    """How a rush went in which nothing was asked."""
    tally = Tally()
    rush = Rush(Api("http://nowhere", [], tally), EVENT, tally, seed=7, seconds=9)
    return Outcome(rush, list(watchers), **how)


def test_the_verdict_says_no_more_than_was_compared() -> None:
    whole = shown_of(outcome_of([watching(snapshot(1))], faults=[]))
    in_part = shown_of(outcome_of([], faults=[], doubtful=3))

    assert (
        "no seat was sold twice, every promise was kept, every subscriber's map is the server's."
    ) in whole
    assert "1 subscribers were told 1 messages" in whole
    assert "could" not in whole
    assert "no seat was sold twice, every promise that could be compared was kept." in in_part
    assert "Buyers of whom not everything could be compared: 3." in in_part
    assert "subscriber" not in in_part


def test_without_an_audit_what_subscribers_found_is_told_all_the_same() -> None:
    outcome = outcome_of([watching(snapshot(4), snapshot(3))])

    said = shown_of(outcome)

    assert "No audit was made: it was broken off." in said
    assert "Wrong: Subscriber 0 was taken back from version 4 to 3." in said


def test_a_rush_that_was_broken_off_lasted_until_then() -> None:
    outcome = outcome_of([])
    outcome.rush.began -= 5

    assert "A concert: 5 s, seed 7" in shown_of(outcome)


def test_a_rush_lasts_until_the_last_buyer_left() -> None:
    outcome = outcome_of([])
    outcome.rush.began -= 5
    outcome.rush.left = outcome.rush.began + 3

    assert "A concert: 3 s, seed 7" in shown_of(outcome)


def test_without_a_server_one_line_says_what_to_do() -> None:
    answer = onsale("simulate", "--url", NOBODY)

    assert answer.returncode == 1
    assert answer.stderr.startswith(f"onsale: {NOBODY} does not answer: ")
    assert "make run" in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


def test_a_reservation_lapses_when_its_time_is_over_wherever_the_answer_was_meanwhile() -> None:
    held = Reservation("r", "OPEN", (1,), Span(asked=100, answered=105), seconds_left=10)

    may = [moment for moment in range(100, 130) if held.may_have_lapsed(moment)]
    must = [moment for moment in range(100, 130) if held.must_have_lapsed(moment)]

    assert (may[0], must[0]) == (110, 117)


async def on_sale(database: Database, numbered: int, standing: int, **event: Any) -> str:
    """Put an event on sale and give its slug; rows have ten seats."""
    event_id, _, _ = await build_hall(database, numbered, standing, event)
    layout = {"rows": {"firstSeatIndex": list(range(0, numbered, 10))}}
    await database.pool.execute("UPDATE seat_maps SET layout = $1", json.dumps(layout).encode())
    return f"concert-{event_id}"


@contextmanager
def crowd(server: ServerProcess, slug: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Send a crowd; it is gone when the block is left."""
    argv = ["simulate", "--url", server.url, "--event", slug, *words]
    with subprocess.Popen(
        [sys.executable, "-m", "onsale", *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(),
    ) as process:
        try:
            yield process
        finally:
            process.kill()


async def said_by(process: subprocess.Popen[str]) -> str:
    """Wait for its end; what it printed, on one line."""
    out, err = await asyncio.to_thread(process.communicate, timeout=CROWD_SECONDS_MAX)
    assert "Traceback" not in err
    return " ".join(out.split()) + err


async def test_a_crowd_for_too_few_seats_ends_with_a_table_and_a_clean_audit(
    database: Database, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    slug = await on_sale(database, 80, 20, seats_per_buyer_max=4)
    paused = await on_sale(database, 10, 0, state="PAUSED")
    with running_servers(database_url, redis_url, tmp_path) as [server]:
        answers = await asyncio.gather(
            *(
                asyncio.to_thread(onsale, "simulate", "--url", server.url, "--event", other)
                for other in ("no-such-event", paused)
            )
        )
        with crowd(server, slug, "--buyers", "60", "--seconds", "5", "--seed", "7") as process:
            said = await said_by(process)

    assert process.returncode == 0, said
    assert "seed 7" in said
    for word in ("reserved", "purchased", "SEATS_UNAVAILABLE", "p99 ms", "10 subscribers"):
        assert word in said
    assert "The audit found nothing wrong" in said
    assert await database.pool.fetchval("SELECT count(*) FROM orders") > 0
    assert [(answer.returncode, answer.stdout) for answer in answers] == [(1, "")] * 2
    assert answers[0].stderr == (
        f"onsale: --event: there is no event 'no-such-event'. On sale: {slug}\n"
    )
    assert answers[1].stderr == f"onsale: --event: '{paused}' is PAUSED. On sale: {slug}\n"


class Whisperer(Audience):
    """Tells the subscribers nonsense while the buyers' books are looked at."""

    def __init__(self) -> None:
        self.watchers: list[Watcher] = []

    def opens(self, outcome: Outcome) -> None:
        self.watchers = outcome.watchers

    def audited(self) -> None:
        for watcher in self.watchers:
            watcher.take(delta(watcher.version + 1, watcher.version + 1, -1))


async def test_what_subscribers_hear_during_the_audit_counts(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    slug = await on_sale(database, 20, 0)
    settings = Settings(database_url=database_url, data_dir=tmp_path)

    async with serving(create_app(settings)) as url:
        outcome = await simulate(Plan(url, slug, 1, 1, 0.5, seed=7), Whisperer())

    assert outcome.faults is not None
    assert any("was told the changes from" in fault for fault in outcome.faults), outcome.faults
    assert not outcome.is_well


@pytest.mark.untrue_books(reason="A reservation is given to somebody else.")
async def test_a_server_that_loses_a_promise_or_dies_is_told_so(
    database: Database, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    slug = await on_sale(database, 200, 0)
    brief = await on_sale(database, 100, 100, reservation_seconds=2)
    last = await on_sale(database, 200, 0)
    few = ("--buyers", "20", "--seconds")
    with (
        running_servers(database_url, redis_url, tmp_path) as [server],
        crowd(server, slug, *few, "3") as robbed,
        crowd(server, brief, *few, "20") as broken_off,
        crowd(server, last, *few, "60") as left_alone,
    ):
        await reservations_are_made(database, slug)
        await database.pool.execute(ROB, slug)
        await reservations_are_made(database, brief)
        broken_off.send_signal(signal.SIGINT)
        said_of_loss, said_of_ctrl_c = await asyncio.gather(said_by(robbed), said_by(broken_off))
        await reservations_are_made(database, last)
        server.kill()
        said_of_death = await said_by(left_alone)

    assert [each.returncode for each in (robbed, broken_off, left_alone)] == [1, 0, 1]
    assert "is lost; it was" in said_of_loss
    assert "The audit found nothing wrong" in said_of_ctrl_c
    assert f"No audit was made: {server.url} does not answer any more" in said_of_death


async def reservations_are_made(database: Database, slug: str) -> None:
    """Wait until there are some."""
    async with asyncio.timeout(CROWD_SECONDS_MAX):
        while await database.pool.fetchval(RESERVATIONS, slug) < 10:  # noqa: ASYNC110 - it tells nobody.
            await asyncio.sleep(0.02)
