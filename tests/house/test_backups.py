"""Backups and restores: of the private database, and under the feet of a server that sells."""

import asyncio
import re
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from box_office.addresses import plain_url
from box_office.database import Database
from box_office.restoring import VERSIONS_SKIPPED
from onsale.backups import PROPERTIES, Tools, named, new_database, prepare
from onsale.embedded import Services, binaries
from onsale.embedded.binaries import find_tool
from onsale.payments.pretend.own import RECORD
from onsale.settings import EmbeddedSource, StartError
from schema.ids import NodeKind, encode_id
from tests.crashes.scenes import Buyer
from tests.given_time import eventually
from tests.halls import Hall, open_hall
from tests.house.programs import (
    ROOT,
    SECONDS_MAX,
    end_keeper,
    environment,
    onsale,
    start_keeper,
)
from tests.live.test_end_to_end import SEATS, SocketViewer
from tests.servers import ServerProcess

RIGHT_AGAIN_SECONDS = 10.0
#: `python -m onsale`, but what is on its way to the provider is waited for only a second.
IMPATIENT = """
from box_office import restoring
from onsale.commands import run
restoring.ARRIVING_SECONDS = 1.0
run()
"""


@pytest.fixture
async def variables(database_url: str, tmp_path: Path) -> dict[str, str]:
    return {"DATABASE_URL": database_url, "ONSALE_DATA_DIR": str(tmp_path)}


@pytest.fixture
async def hall(database: Database) -> AsyncIterator[Hall]:
    async with open_hall(database, numbered=SEATS) as hall:
        yield hall


def impatient(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command whose servers have sold until now, and that need not wait for long."""
    return subprocess.run(
        [sys.executable, "-c", IMPATIENT, *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment(**variables),
        timeout=SECONDS_MAX,
        check=False,
    )


@asynccontextmanager
async def selling(variables: dict[str, str], redis_url: str) -> AsyncIterator[ServerProcess]:
    folder = Path(variables["ONSALE_DATA_DIR"])
    server = ServerProcess(variables["DATABASE_URL"], redis_url, folder)
    await asyncio.to_thread(server.start)
    yield server
    await asyncio.to_thread(server.stop)


async def buyer_at(server: ServerProcess, hall: Hall) -> Buyer:
    buyer = Buyer(hall, server.graphql_url)
    await buyer.arrive()
    return buyer


async def buys(buyer: Buyer, seat: int) -> str:
    answer = await buyer.purchase(await buyer.reserve(seat), "pretend_ok")
    assert answer["errors"] == []
    order_id: str = answer["order"]["id"]
    return order_id


async def cancels(buyer: Buyer, order_id: str) -> None:
    answer = await buyer.do("cancelOrder", orderId=order_id, idempotencyKey=f"cancel-{order_id}")
    assert answer["errors"] == []


async def test_what_was_undone_is_undone_everywhere_while_a_server_sells(
    hall: Hall, variables: dict[str, str], redis_url: str, tmp_path: Path
) -> None:
    file = str(tmp_path / "of-yesterday.dump")
    async with selling(variables, redis_url) as server:
        stays, regrets, is_lost = [await buyer_at(server, hall) for _ in range(3)]
        await buys(stays, 0)
        regretted = await buys(regrets, 2)
        wrote = await asyncio.to_thread(lambda: onsale("backup", file, **variables))
        assert wrote.returncode == 0, wrote.stderr
        await cancels(regrets, regretted)
        await buys(is_lost, 1)
        viewer = SocketViewer(encode_id(NodeKind.EVENT, hall.event_id))
        watching = asyncio.create_task(viewer.follow(server))
        await eventually(lambda: viewer.states[:3] == [2, 2, 0])

        restored = await asyncio.to_thread(
            lambda: impatient("restore", file, "--yes", "--disconnect", **variables)
        )

        assert restored.returncode == 0, restored.stderr
        assert "1 not in the books: the money was given back" in restored.stdout
        assert "1 refunded after the backup: its order is cancelled again" in restored.stdout
        await eventually(lambda: viewer.states[:3] == [2, 0, 0], RIGHT_AGAIN_SECONDS)
        assert viewer.version > VERSIONS_SKIPPED
        assert charges(tmp_path) == ["CAPTURED", "REFUNDED", "REFUNDED"]
        await buys(is_lost, 1)
        await eventually(lambda: viewer.states[:3] == [2, 2, 0])
        watching.cancel()
    await drop_what_is_kept(variables["DATABASE_URL"], restored.stdout)


def charges(folder: Path) -> list[str]:
    """Read how all payments ended, from the provider's own record."""
    with sqlite3.connect(folder / RECORD) as record:
        rows = record.execute("SELECT state FROM charges ORDER BY state").fetchall()
    return [state for (state,) in rows]


async def drop_what_is_kept(url: str, said: str) -> None:
    """The database that was there before is kept; a test's server is shared with others."""
    kept = re.search(r"is kept as (\w+)", said)
    assert kept, said
    connection = await asyncpg.connect(f"{url.rpartition('/')[0]}/postgres")
    await connection.execute(f'DROP DATABASE "{kept[1]}"')
    await connection.close()


async def test_the_private_database_is_backed_up_and_restored_by_two_commands(
    tmp_path: Path,
) -> None:
    folder, file = tmp_path / "data", tmp_path / "backup.dump"
    variables = {"ONSALE_DATA_DIR": str(folder)}
    keeper = await asyncio.to_thread(start_keeper, folder)
    try:
        for words in (["seed"], ["backup", str(file)], ["restore", str(file), "--yes"], ["audit"]):
            done = await asyncio.to_thread(partial(onsale, *words, **variables))
            assert done.returncode == 0, (words, done.stdout, done.stderr)

        assert stat.S_IMODE(file.stat().st_mode) == 0o600, "it holds buyers' data"
        assert not file.with_name("backup.dump.part").exists()
        assert "The books agree." in done.stdout
    finally:
        await asyncio.to_thread(end_keeper, keeper)


async def test_after_a_restore_by_other_means_the_rest_is_a_command_of_its_own(
    hall: Hall, variables: dict[str, str]
) -> None:
    await hall.held(1)

    for words in ("--already-done", "--compare"):
        done = await asyncio.to_thread(partial(impatient, "restore", words, **variables))

        assert done.returncode == 0, done.stderr
        assert "0 payments compared with the provider." in done.stdout
        assert (await hall.ledger())["version"] == VERSIONS_SKIPPED + 1, "once is enough"


async def test_what_servers_had_begun_is_waited_for_and_compared_later_if_nobody_waits(
    hall: Hall, variables: dict[str, str]
) -> None:
    waiting = await asyncio.to_thread(
        subprocess.Popen,
        [sys.executable, "-m", "onsale", "restore", "--already-done"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(**variables),
    )
    try:
        assert waiting.stdout is not None
        lines = (line for line in waiting.stdout if line.startswith("Waiting"))
        said = await asyncio.to_thread(next, lines, "nothing")
    finally:
        waiting.terminate()
        await asyncio.to_thread(waiting.communicate)
    uncompared = await hall.fetch("SELECT FROM restores WHERE compared_at IS NULL")

    done = await asyncio.to_thread(partial(impatient, "restore", "--compare", **variables))

    assert "payments that servers had begun before the restore may still reach" in said
    assert len(uncompared) == 1
    assert done.returncode == 0, done.stderr
    assert await hall.fetch("SELECT FROM restores WHERE compared_at IS NULL") == []


async def test_whoever_keeps_the_books_locked_is_told_of(hall: Hall, database_url: str) -> None:
    async with hall.box_office.database.pool.acquire() as other, other.transaction():
        await other.execute("SELECT FROM event_ledgers FOR UPDATE")

        with pytest.raises(StartError, match="Somebody keeps the books locked"):
            await prepare(plain_url(database_url))

    assert await hall.fetch("SELECT FROM restores") == []


@pytest.mark.parametrize(
    "properties",
    [
        "ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'",
        "ENCODING 'LATIN1' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'POSIX'",
    ],
)
async def test_the_database_beside_the_one_in_use_sorts_and_writes_as_that_does(
    services: Services, properties: str
) -> None:
    url = plain_url(services.database_url).set(database="strange'ly")
    admin = await asyncpg.connect(services.database_url)
    try:
        await admin.execute(f'CREATE DATABASE "strange\'ly" TEMPLATE template0 {properties}')
        async with new_database(url) as name:
            real, new = [await admin.fetchrow(PROPERTIES, each) for each in ("strange'ly", name)]
    finally:
        await admin.execute('DROP DATABASE IF EXISTS "strange\'ly" WITH (FORCE)')
        await admin.close()

    assert real is not None
    assert new == real


async def test_what_cannot_be_restored_is_said_and_nothing_has_changed(
    hall: Hall, empty_database_url: str, variables: dict[str, str], tmp_path: Path
) -> None:
    await hall.held(1)
    good, damaged, strange, text = (
        tmp_path / name for name in ("good", "damaged", "strange", "text")
    )
    await asyncio.to_thread(lambda: onsale("backup", str(good), **variables))
    elsewhere = variables | {"DATABASE_URL": empty_database_url}
    await asyncio.to_thread(lambda: onsale("backup", str(strange), **elsewhere))
    damaged.write_bytes(good.read_bytes()[: good.stat().st_size * 9 // 10])
    text.write_text("Dear diary")

    for words, what in (
        (["restore"], "Name either the backup's file, or --already-done, or --compare."),
        (["restore", str(tmp_path / "none"), "--yes"], "There is no file"),
        (["restore", str(text), "--yes"], "is no backup, or damaged"),
        (["restore", str(strange), "--yes"], "there is no onsale in it"),
        (["restore", str(good), "--yes"], "The database is in use"),
        (["restore", str(damaged), "--yes", "--disconnect"], "pg_restore failed"),
        (["backup", str(good)], "exists: choose another name"),
        (["backup", str(tmp_path / "no" / "folder")], "cannot be written"),
    ):
        done = await asyncio.to_thread(partial(onsale, *words, **variables))
        assert done.returncode == 1, (words, done.stdout)
        assert what in done.stderr, (words, done.stderr)
        assert "Traceback" not in done.stderr

    assert (await hall.ledger())["held"] == 1
    assert await hall.fetch("SELECT 1 FROM pg_database WHERE datname LIKE '%_restoring_%'") == []


def test_no_password_is_on_a_command_line(tmp_path: Path) -> None:
    program = tmp_path / "pg_dump"
    program.write_text('#!/bin/sh\necho "$@ / $PGPASSWORD"\n')
    program.chmod(0o755)
    address = "postgresql://ann:s%40fe@db.example:5432/onsale?sslmode=require"

    for url in (plain_url(address), plain_url(f"{address}&password=other")):
        said = Tools(url, program, program).run(program, "--format=custom")
        words, _, password = said.strip().partition(" / ")

        assert password in {"s@fe", "other"}
        assert "s%40fe" not in words
        assert "other" not in words
        assert "ann@db.example:5432/onsale?sslmode=require" in words


@pytest.mark.parametrize(
    ("server", "found", "chosen"),
    [(15, {15, 16, 18}, 15), (15, {16, 18}, 16), (15, {18}, None), (17, {15, 18}, 18)],
)
def test_the_program_nearest_to_the_servers_version_is_taken(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    server: int,
    found: set[int],
    chosen: int | None,
) -> None:
    folders = [tmp_path / str(major) for major in found]
    for folder in folders:
        folder.mkdir()
        (folder / "pg_dump").write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {folder.name}.1'\n")
        (folder / "pg_dump").chmod(0o755)
    monkeypatch.setattr(binaries, "SYSTEM_POSTGRES_FOLDERS", (f"{tmp_path}/*",))
    monkeypatch.setenv("PATH", "/nowhere")

    if chosen is None:
        with pytest.raises(StartError, match=f"No pg_dump for PostgreSQL {server}"):
            find_tool("pg_dump", EmbeddedSource.SYSTEM, None, server)
    else:
        path = find_tool("pg_dump", EmbeddedSource.SYSTEM, None, server)
        assert path == tmp_path / str(chosen) / "pg_dump"


@pytest.mark.parametrize("name", ["onsale", "o" * 63])
def test_what_is_kept_has_a_name_that_postgresql_does_not_cut(name: str) -> None:
    url = plain_url(f"postgresql://ann@db.example/{name}")

    kept = named(url, "_before_20261121t071500_1a2b")

    assert len(kept) <= 63
    assert kept.endswith("_before_20261121t071500_1a2b")
    assert kept.startswith(name[:35])
