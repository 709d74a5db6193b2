"""`doctor`: each kind of finding, on real servers and real faults."""

import asyncio
import json
import os
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis
from sqlalchemy.engine import make_url
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from box_office.audit import audit_and_note
from box_office.database import Database
from box_office.functions import fingerprint
from onsale.app import create_app
from onsale.doctoring import examining
from onsale.doctoring.findings import Finding, Notes, State
from onsale.doctoring.machine import look_at_data_dir, look_at_port, look_at_token_key
from onsale.doctoring.neighbours import look_at_payments, look_at_redis
from onsale.doctoring.postgres import (
    CONNECTIONS_WANTED,
    behind_by,
    judge_clock,
    judge_connections,
    look_at_postgres,
)
from onsale.migrating import downgrade
from onsale.payments.pretend.own import own_provider
from onsale.settings import Settings
from tests.halls import open_hall
from tests.house.programs import onsale
from tests.servers import free_port, serving

#: Port 9 is for discarding: nobody listens there.
NOBODY = "127.0.0.1:9"
#: No file system takes a name of so many characters.
TOO_LONG = "x" * 300
#: An ordinary user without a name.
ORDINARY = 65_534


def state_of(notes: Notes, check: str) -> tuple[State, str, str]:
    """What an exam found about one thing."""
    [found] = [each for each in notes.findings if each.check == check]
    return found.state, found.says, found.next


async def looked_at_postgres(url: str) -> Notes:
    notes = Notes("PostgreSQL")
    await look_at_postgres(url, notes)
    return notes


def test_without_anything_running_it_starts_nothing_and_finds_nothing_wrong(tmp_path: Path) -> None:
    folder = tmp_path / "data"

    answer = onsale("doctor", ONSALE_DATA_DIR=str(folder), ONSALE_PORT=str(free_port()))

    assert (answer.returncode, answer.stderr) == (0, "")
    assert "the private one is not running: make run starts it" in answer.stdout
    assert "(wheel)" in answer.stdout
    assert not folder.exists()


def test_every_mistake_in_the_settings_is_a_line(tmp_path: Path) -> None:
    mistakes = {"ONSALE_PORT": "77777", "ONSALE_HOST": "a b", "ONSALE_DATA_DIR": str(tmp_path)}

    answer = onsale("doctor", "--json", **mistakes)

    assert (answer.returncode, answer.stderr) == (1, "")
    wrong = [each["says"] for each in json.loads(answer.stdout) if each["state"] == "wrong"]
    assert [line.partition(":")[0] for line in wrong] == ["ONSALE_HOST", "ONSALE_PORT"]


def test_what_is_nowhere_is_told_in_time_without_a_password(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        began = monotonic()
        answer = onsale(
            "doctor",
            DATABASE_URL=f"postgresql://ada:secret@{address}/onsale",
            REDIS_URL=f"redis://:secret@{NOBODY}/0",
            ONSALE_PAYMENTS_URL=f"http://{NOBODY}",
            ONSALE_PAYMENTS_KEY="secret",
            ONSALE_PORT=address.partition(":")[2],
            ONSALE_DATA_DIR=str(tmp_path),
        )

    assert answer.returncode == 1
    assert monotonic() - began < examining.EXAM_SECONDS_MAX + 15, (
        "one after the other they take longer"
    )
    said = " ".join(answer.stdout.split())
    assert f"{address}/onsale does not answer: nothing came within 2.5 s" in said
    assert f"{NOBODY}/0 does not answer: nobody listens there" in said
    assert f"http://{NOBODY} does not answer" in said
    assert f"another program listens on {address}" in said
    assert "secret" not in answer.stdout + answer.stderr
    assert "Traceback" not in answer.stderr


async def test_a_database_that_forgets_is_wrong_and_all_else_about_it_is_well(
    database_url: str,
) -> None:
    notes = await looked_at_postgres(database_url)

    state, says, _ = state_of(notes, "durability")
    assert (state, says.split(" are ")[0]) == (
        State.WRONG,
        "fsync, full_page_writes, synchronous_commit",
    )
    others = [each for each in notes.findings if each.check != "durability"]
    assert {each.check for each in others} == {
        "PostgreSQL",
        "clock",
        "connections",
        "migrations",
        "last audit",
    }
    assert {each.state for each in others} == {State.OK}, others


async def test_a_database_without_our_tables_is_to_be_migrated(empty_database_url: str) -> None:
    notes = await looked_at_postgres(empty_database_url)

    assert state_of(notes, "migrations") == (
        State.WRONG,
        "the database has no tables of ours",
        "Run: python -m onsale migrate",
    )


async def test_a_database_behind_ahead_or_with_other_functions_is_told_so(
    database_url: str,
) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("COMMENT ON FUNCTION event_status(events) IS 'onsale 0'")
    other_functions = await looked_at_postgres(database_url)
    await connection.execute("UPDATE alembic_version SET version_num = 'from the future'")
    ahead = await looked_at_postgres(database_url)
    await connection.execute("DELETE FROM alembic_version")
    behind = await looked_at_postgres(database_url)
    await connection.close()

    assert state_of(other_functions, "migrations")[1] == (
        "the database has another version's functions"
    )
    assert "which this version does not know" in state_of(ahead, "migrations")[1]
    assert state_of(behind, "migrations")[:2] == (
        State.WRONG,
        f"the database is {behind_by([])} migrations behind",
    )


async def test_a_real_downgrade_is_counted(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await asyncio.to_thread(downgrade, database_url, "-1")
    revisions = [row[0] for row in await connection.fetch("SELECT * FROM alembic_version")]
    await connection.close()

    assert behind_by(revisions) == 1


async def test_other_roles_connections_are_counted(database_url: str) -> None:
    owner = await asyncpg.connect(database_url)
    others = [await asyncpg.connect(database_url) for _ in range(8)]
    visitor = f"visitor_{uuid4().hex}"
    await owner.execute(f"CREATE ROLE {visitor} LOGIN PASSWORD 'let-me-in'")
    url = make_url(database_url).set(username=visitor, password="let-me-in")

    notes = await looked_at_postgres(url.render_as_string(hide_password=False))

    await owner.execute(f"DROP ROLE {visitor}")
    for connection in (owner, *others):
        await connection.close()
    free, most = map(int, re.findall(r"\d+", state_of(notes, "connections")[1])[:2])
    reserved = 3  # Nobody but a superuser has them.
    assert free <= most - reserved - len((owner, *others))


@pytest.mark.parametrize(
    ("ahead", "state", "says"),
    [
        (
            1.99,
            State.OK,
            "the database's is 1.99 s ahead of this one's; only the database's counts",
        ),
        (2.01, State.WARNING, "the database's is 2.01 s ahead of this one's"),
        (-61.0, State.WARNING, "the database's is 61.00 s behind this one's"),
    ],
)
def test_clocks_that_differ_are_a_warning(ahead: float, state: State, says: str) -> None:
    notes = Notes("PostgreSQL")

    judge_clock(ahead, notes)

    assert state_of(notes, "clock")[:2] == (state, says)


@pytest.mark.parametrize(
    ("free", "ours", "state"),
    [
        (CONNECTIONS_WANTED, 0, State.OK),
        (CONNECTIONS_WANTED - 1, 0, State.WRONG),
        (CONNECTIONS_WANTED - 1, 12, State.WARNING),
    ],
)
def test_a_server_needs_so_many_connections(free: int, ours: int, state: State) -> None:
    notes = Notes("PostgreSQL")

    judge_connections(100, free, ours, notes)

    assert state_of(notes, "connections")[0] is state


@pytest.mark.untrue_books(reason="They are broken to be found so.")
async def test_what_the_last_audit_found_is_told(database: Database, database_url: str) -> None:
    async with open_hall(database) as hall:
        await audit_and_note(database)
        well = await looked_at_postgres(database_url)
        await hall.execute("UPDATE event_ledgers SET available = available - 1, held = held + 1")
        await audit_and_note(database)
        broken = await looked_at_postgres(database_url)

    assert state_of(well, "last audit")[0] is State.OK
    state, says, do = state_of(broken, "last audit")
    assert (state, do) == (State.WRONG, "Run: python -m onsale audit")
    assert "the ledger counts the seats" in says


async def test_redis_tells_its_version_and_how_long_news_take(redis_url: str) -> None:
    notes = Notes("Redis")

    await look_at_redis(redis_url, notes)

    assert [each.state for each in notes.findings] == [State.OK, State.OK]
    assert notes.findings[0].says.startswith(("Valkey ", "Redis "))
    assert " ms after it was published" in state_of(notes, "news")[1]


@asynccontextmanager
async def redis_user(redis_url: str, *rules: str) -> AsyncIterator[tuple[str, Any]]:
    """A user who may do only this; gives the URL of one, and who may change it."""
    name = f"visitor-{uuid4().hex}"
    url = make_url(redis_url).set(username=name, password="let-me-in")
    owner: Any
    async with Redis.from_url(redis_url) as owner:
        await owner.execute_command("ACL", "SETUSER", name, "reset", "on", ">let-me-in", *rules)
        try:
            yield url.render_as_string(hide_password=False), owner
        finally:
            await owner.execute_command("ACL", "DELUSER", name)


async def test_a_redis_that_allows_no_channels_but_ours_is_well(redis_url: str) -> None:
    notes = Notes("Redis")

    async with redis_user(redis_url, "+@all", "resetchannels", "&onsale:*") as (url, _):
        await look_at_redis(url, notes)

    assert [each.state for each in notes.findings] == [State.OK, State.OK]


@pytest.mark.parametrize(
    ("rules", "refusal"),
    [
        (("+@all", "resetchannels"), "o permissions to access a channel"),
        (("+info", "+ssubscribe", "&onsale:*"), "no permissions to run the 'spublish' command"),
        (("+info", "+spublish", "&onsale:*"), "no permissions to run the 'ssubscribe' command"),
    ],
)
async def test_what_a_redis_refuses_is_told_and_how_to_allow_it(
    redis_url: str, rules: tuple[str, ...], refusal: str
) -> None:
    refused, mended = Notes("Redis"), Notes("Redis")

    async with redis_user(redis_url, *rules) as (url, owner):
        await look_at_redis(url, refused)
        state, says, do = state_of(refused, "news")
        name = make_url(url).username
        await owner.execute_command("ACL", "SETUSER", name, *do.partition(": ")[2].split())
        await look_at_redis(url, mended)

    assert (state, says.partition("(")[2].partition(")")[0]) == (State.WRONG, "NOPERM")
    assert refusal in says
    assert state_of(mended, "news")[0] is State.OK


async def test_a_redis_that_keeps_its_version_to_itself_may_be_well(redis_url: str) -> None:
    notes = Notes("Redis")

    async with redis_user(redis_url, "+ssubscribe", "+spublish", "&onsale:*") as (url, _):
        await look_at_redis(url, notes)

    assert state_of(notes, "Redis")[0] is State.WARNING
    assert state_of(notes, "news")[0] is State.OK


async def test_a_server_of_ours_and_a_foreign_one_are_told_apart(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    settings = Settings(database_url=database_url, data_dir=tmp_path)
    async with serving(create_app(settings)) as url:
        port = int(url.rpartition(":")[2])
        ours = await looked_at_port(port)
        connection = await asyncpg.connect(database_url)
        await connection.execute("COMMENT ON FUNCTION event_status(events) IS 'onsale 0'")
        other_version = await looked_at_port(port)
        await connection.execute(
            f"COMMENT ON FUNCTION event_status(events) IS 'onsale {fingerprint()}'"
        )
        await connection.close()
    taken = int(redis_url.rpartition(":")[2].partition("/")[0])
    foreign = await looked_at_port(taken)
    free = await looked_at_port(free_port())

    assert ours.state is State.OK
    assert "an onsale runs on" in ours.says
    assert (other_version.state, other_version.next) == (
        State.WRONG,
        "Run: python -m onsale migrate",
    )
    assert (foreign.state, foreign.says) == (
        State.WRONG,
        f"another program listens on 127.0.0.1:{taken}",
    )
    assert (free.state, free.says.partition(" is ")[2]) == (State.OK, "free: no server runs there")


@pytest.mark.parametrize("answer", [[], ["onsale"], "onsale", 1, None])
async def test_a_foreign_server_may_answer_any_json(answer: Any) -> None:
    async def say(_: Request) -> JSONResponse:
        return JSONResponse(answer)

    async with serving(Starlette(routes=[Route("/", say)])) as url:
        finding = await looked_at_port(int(url.rpartition(":")[2]))

    assert (finding.state, finding.says) == (
        State.WRONG,
        f"another program listens on {url.partition('://')[2]}",
    )


async def looked_at_port(port: int) -> Finding:
    notes = Notes("port")
    await look_at_port(Settings(port=port), notes)
    [finding] = notes.findings
    return finding


async def test_a_provider_that_does_not_know_our_key_is_wrong(tmp_path: Path) -> None:
    async with own_provider(tmp_path, None) as own:
        found = []
        for key in (own.key, "another"):
            notes = Notes("payments")
            settings = Settings(payments_url=own.url, payments_key=SecretStr(key))
            while not notes.findings or "does not answer" in notes.findings[0].says:
                notes.findings.clear()  # It is just starting.
                await look_at_payments(settings, notes)
            found += notes.findings

    assert [each.state for each in found] == [State.OK, State.WRONG]
    assert found[1].next == "Correct ONSALE_PAYMENTS_KEY."


@pytest.mark.parametrize("kept", [b"a secret, but no key", b"a secret \xff\xfe, and no text"])
async def test_a_token_key_that_is_none_is_wrong_and_its_text_unsaid(
    tmp_path: Path, kept: bytes
) -> None:
    (tmp_path / "token-key.pem").write_bytes(kept)
    notes = Notes("token key")

    await look_at_token_key(Settings(data_dir=tmp_path), notes)

    [finding] = notes.findings
    assert finding.state is State.WRONG
    assert "token-key.pem holds no Ed25519 private key" in finding.says
    assert "a secret" not in finding.says


async def test_a_data_folder_under_a_file_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    notes = Notes("data folder")

    await look_at_data_dir(Settings(data_dir=tmp_path / "file" / "data"), notes)

    assert notes.findings[0].state is State.WRONG


@pytest.mark.parametrize("inside", ["data", "folder/data"])
async def test_a_data_folder_that_somebody_else_keeps_closed_is_told_in_words(inside: str) -> None:
    notes = Notes("data folder")

    with closed_folder() as folder, ordinary_user():
        await look_at_data_dir(Settings(data_dir=folder / inside), notes)

    [finding] = notes.findings
    assert finding.state is State.WRONG
    assert finding.says == f"{folder} cannot be written to by this user"


@contextmanager
def closed_folder() -> Iterator[Path]:
    """A folder that no ordinary user may even look into."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "folder").mkdir()
        folder.chmod(0)
        yield folder
        folder.chmod(0o700)


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Be one for a while, for root may look everywhere."""
    if os.getuid() != 0:
        yield
        return
    os.setresuid(ORDINARY, ORDINARY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


async def test_a_data_folder_that_no_file_system_takes_is_told_in_words(tmp_path: Path) -> None:
    notes = Notes("data folder")

    await look_at_data_dir(Settings(data_dir=tmp_path / TOO_LONG), notes)

    [finding] = notes.findings
    assert (finding.state, finding.says) == (
        State.WRONG,
        f"{tmp_path / TOO_LONG} cannot be used: File name too long",
    )


def test_an_exam_that_fails_is_a_finding_and_the_others_are_told(tmp_path: Path) -> None:
    answer = onsale(
        "doctor",
        "--json",
        ONSALE_PG_BIN=TOO_LONG,
        ONSALE_DATA_DIR=str(tmp_path),
        ONSALE_PORT=str(free_port()),
    )

    assert (answer.returncode, answer.stderr) == (1, "")
    found = {each["check"]: each for each in json.loads(answer.stdout)}
    assert found["programs"]["state"] == "wrong"
    assert found["programs"]["says"].startswith("could not be looked at: ")
    assert found["programs"]["says"].endswith(": File name too long")
    assert found["programs"]["next"]
    assert found["payments"]["state"] == "ok"


async def test_a_fault_of_an_exam_is_told_by_its_place_and_not_by_its_words() -> None:
    async def faulty(notes: Notes) -> None:
        notes.ok("something")
        raise KeyError("a secret")

    findings, late = await examining.limited("anything", faulty)

    assert not late
    assert [each.state for each in findings] == [State.OK, State.WRONG]
    assert findings[1].says.startswith("could not be looked at: KeyError at test_doctor.py:")
    assert "secret" not in findings[1].says


async def test_an_exam_is_broken_off_and_what_it_found_by_then_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(examining, "EXAM_SECONDS_MAX", 0.05)

    async def endless(notes: Notes) -> None:
        notes.ok("something")
        await asyncio.Event().wait()

    findings, late = await examining.limited("anything", endless)

    assert late
    assert [each.state for each in findings] == [State.OK, State.WRONG]
