"""The audit: as a command, once a minute, in the log, and for whoever watches the metrics."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.engine import make_url
from starlette.applications import Starlette
from structlog.testing import capture_logs

from box_office import database as connections
from box_office.audit import (
    ALWAYS,
    AT_REST,
    AUDIT_EVERY_SECONDS,
    AUDITS_APART_SECONDS_MIN,
    audit_and_note,
    audit_if_due,
    last_audit,
)
from box_office.database import Database
from onsale import bookkeeping, metrics
from onsale.metrics import metrics_routes
from onsale.sweeping import JITTER
from tests.conftest import broken_rules
from tests.given_time import eventually
from tests.halls import Hall, open_hall
from tests.house.programs import onsale
from tests.live.breakable import BreakableProxy
from tests.servers import serving

BROKEN = "the_ledger_counts_the_seats"
BREAK = "UPDATE event_ledgers SET available = available - 1, held = held + 1"

pytestmark = pytest.mark.untrue_books(reason="They are broken to be found so.")


@pytest.fixture
async def hall(database: Database) -> AsyncIterator[Hall]:
    async with open_hall(database) as hall:
        await hall.held(1)
        yield hall


async def test_what_is_asked_after_every_test_finds_a_broken_rule(
    hall: Hall, database_url: str
) -> None:
    before = await broken_rules(database_url)

    await hall.execute(BREAK)

    assert before == {}
    assert await broken_rules(database_url) == {BROKEN: 1}


@pytest.mark.usefixtures("hall")
async def test_books_that_agree_are_an_exit_code_of_0(database_url: str, tmp_path: Path) -> None:
    variables = {"DATABASE_URL": database_url, "ONSALE_DATA_DIR": str(tmp_path)}

    said = await asyncio.to_thread(lambda: onsale("audit", **variables))
    as_json = await asyncio.to_thread(lambda: onsale("audit", "--json", **variables))

    assert (said.returncode, as_json.returncode) == (0, 0), said.stderr
    assert "The books agree." in said.stdout
    assert json.loads(as_json.stdout) == []


async def test_a_broken_rule_is_said_in_words_with_rows_and_an_exit_code_of_1(
    hall: Hall, database_url: str, tmp_path: Path
) -> None:
    await hall.execute(BREAK)
    variables = {"DATABASE_URL": database_url, "ONSALE_DATA_DIR": str(tmp_path)}

    said = await asyncio.to_thread(lambda: onsale("audit", **variables))
    as_json = await asyncio.to_thread(lambda: onsale("audit", "--json", **variables))

    assert (said.returncode, as_json.returncode) == (1, 1)
    assert "The ledger counts the seats." in said.stdout
    assert str(hall.event_id) in said.stdout
    [finding] = json.loads(as_json.stdout)
    assert (finding["invariant"], finding["count"]) == (BROKEN, 1)


async def test_of_many_processes_one_audits_and_not_again_within_the_minute(hall: Hall) -> None:
    database = hall.box_office.database

    audits = await asyncio.gather(*(audit_if_due(database) for _ in range(4)))

    assert [audit for audit in audits if audit is not None] == [[]]
    assert await audit_if_due(database) is None
    await hall.execute("UPDATE audits SET finished_at = finished_at - interval '1 minute'")
    assert await audit_if_due(database) == []
    assert len(await hall.fetch("SELECT 1 FROM audits")) == 2


@pytest.mark.parametrize(
    ("ago", "is_due"),
    [(AUDITS_APART_SECONDS_MIN - 2, False), (AUDIT_EVERY_SECONDS * (1 - JITTER), True)],
    ids=["before anybody comes again", "when the first may come again"],
)
async def test_who_comes_again_early_still_audits(hall: Hall, ago: float, is_due: bool) -> None:
    await audit_and_note(hall.box_office.database)

    await hall.execute("UPDATE audits SET finished_at = now() - make_interval(secs => $1)", ago)

    assert (await audit_if_due(hall.box_office.database) is not None) is is_due


@pytest.mark.parametrize(("took", "is_due"), [(1.0, True), (10.0, False)])
async def test_long_audits_are_rarer(hall: Hall, took: float, is_due: bool) -> None:
    await audit_and_note(hall.box_office.database)

    await hall.execute(
        "UPDATE audits SET seconds = $1, finished_at = now() - interval '100 seconds'", took
    )

    assert (await audit_if_due(hall.box_office.database) is not None) is is_due


async def test_a_broken_rule_is_an_error_in_the_log(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bookkeeping, "AUDIT_EVERY_SECONDS", 0.05)
    await hall.execute(BREAK)

    with capture_logs() as lines:
        task = asyncio.create_task(bookkeeping.audit_forever(hall.box_office.database))
        async with asyncio.timeout(10):
            while not lines:  # noqa: ASYNC110 - the log tells nobody.
                await asyncio.sleep(0.02)
        task.cancel()

    assert lines[0]["log_level"] == "error"
    assert lines[0]["rule"] == "The ledger counts the seats."
    assert lines[0]["broken"] == 1
    assert lines[0]["rows"][0]["event_id"] == str(hall.event_id)


Figures = dict[tuple[str, str], float]
UP = "onsale_database_up", ""


@asynccontextmanager
async def scraping(database: Database) -> AsyncIterator[Callable[[], Awaitable[Figures]]]:
    """Read `/metrics` as Prometheus does: each sample by its name and its last label."""
    app = Starlette(routes=metrics_routes(lambda: database))
    async with serving(app) as url, httpx.AsyncClient() as client:

        async def scrape() -> Figures:
            answer = await client.get(f"{url}/metrics")
            assert answer.headers["content-type"].startswith("text/plain; version=")
            return {
                (sample.name, "".join(list(sample.labels.values())[-1:])): sample.value
                for family in text_string_to_metric_families(answer.text)
                for sample in family.samples
            }

        yield scrape


async def figures(database: Database) -> Figures:
    async with scraping(database) as scrape:
        return await scrape()


async def test_what_was_found_is_on_the_metrics_until_it_is_right_again(hall: Hall) -> None:
    database = hall.box_office.database
    await hall.execute(BREAK)
    await audit_and_note(database)
    broken = await figures(database)
    await hall.execute("UPDATE event_ledgers SET available = available + 1, held = held - 1")
    await audit_and_note(database)
    mended = await figures(database)

    assert broken["onsale_audit_findings", BROKEN] == 1
    assert mended["onsale_audit_findings", BROKEN] == 0
    shown = {label for name, label in mended if name == "onsale_audit_findings"}
    assert shown == {invariant.name for invariant in (*ALWAYS, *AT_REST)}
    latest = await last_audit(database)
    assert latest is not None
    told = mended["onsale_audit_finished_timestamp_seconds", ""]
    assert told == pytest.approx(latest.finished_at.timestamp(), abs=0.01)


async def test_what_waits_is_on_the_metrics(hall: Hall) -> None:
    lapsed = await hall.held(2)
    await hall.lapse(lapsed.id)
    await hall.execute(
        "INSERT INTO payment_hints VALUES ('pretend', 'evt', gen_random_uuid(), false)"
    )
    await hall.execute(
        "INSERT INTO payments (id, reservation_id, attempt, state, provider, amount_minor,"
        " currency_code) VALUES (gen_random_uuid(), $1, 1, 'STARTED', 'pretend', 1, 'GBP')",
        lapsed.id,
    )

    told = await figures(hall.box_office.database)

    assert told["onsale_database_up", ""] == 1
    assert told["onsale_payments_waiting", "STARTED"] == 1
    assert told["onsale_payments_waiting", "AUTHORISED"] == 0
    assert told["onsale_reservations", "OPEN"] == 1
    assert told["onsale_reservations", "LAPSED"] == 1
    assert told["onsale_payment_hints_unhandled", ""] == 1


@pytest.fixture
async def way(database_url: str) -> AsyncIterator[BreakableProxy]:
    """To the database; it may be cut or frozen."""
    url = make_url(database_url)
    way = BreakableProxy(url.host or "", url.port or 0)
    await way.open()
    yield way
    await way.close()


@pytest.fixture
async def far(database_url: str, way: BreakableProxy) -> AsyncIterator[Database]:
    """The database at the end of that way."""
    url = make_url(database_url).set(port=way.port)
    far = await Database.connect(url.render_as_string(hide_password=False))
    yield far
    await far.close()


async def test_without_the_database_the_metrics_say_so_and_do_not_ask_again_at_once(
    way: BreakableProxy, far: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scraping(far) as scrape:
        await way.cut()
        told = await scrape()
        await way.open()
        soon = await scrape()
        monkeypatch.setattr(metrics, "LOOK_EVERY_SECONDS", 0)
        later = await scrape()

    assert (told[UP], soon[UP], later[UP]) == (0, 0, 1)


async def test_a_database_that_is_silent_is_not_up(
    way: BreakableProxy, far: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "LOOK_SECONDS_MAX", 0.3)

    async with scraping(far) as scrape:
        before = await scrape()
        monkeypatch.setattr(metrics, "LOOK_EVERY_SECONDS", 0)
        way.freeze()

        async def says_so() -> bool:
            return (await scrape())[UP] == 0

        await eventually(says_so, 10)
        way.heal()

    assert before[UP] == 1


@pytest.mark.parametrize("milliseconds", [200, 1_500], ids=["soon", "after the answer"])
async def test_a_question_that_takes_too_long_is_no_outage_but_told(
    hall: Hall, database_url: str, monkeypatch: pytest.MonkeyPatch, milliseconds: int
) -> None:
    monkeypatch.setattr(connections, "STATEMENT_TIMEOUT_MS", milliseconds)
    hasty = await Database.connect(database_url)
    await figures(hasty)

    with capture_logs() as lines:
        async with hall.box_office.database.pool.acquire() as somebody, somebody.transaction():
            await somebody.execute("LOCK TABLE payments")
            told = await figures(hasty)
            await eventually(lambda: bool(lines))
    await hasty.close()

    assert told[UP] == 1
    assert [line["event"] for line in lines] == ["The books could not be counted"]
    assert lines[0]["exc_info"]
