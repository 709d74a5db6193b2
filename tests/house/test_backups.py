"""Backups and restores: of the private database, and under the feet of a server that sells."""

import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from box_office.database import Database
from box_office.restoring import VERSIONS_SKIPPED
from onsale.payments.pretend.own import RECORD
from schema.ids import NodeKind, encode_id
from tests.crashes.scenes import Buyer
from tests.halls import Hall, open_hall
from tests.house.programs import end_keeper, onsale, start_keeper
from tests.live.test_end_to_end import SEATS, SocketViewer
from tests.live.viewer import eventually
from tests.servers import ServerProcess

RIGHT_AGAIN_SECONDS = 10.0


@pytest.fixture
async def variables(database_url: str, tmp_path: Path) -> dict[str, str]:
    return {"DATABASE_URL": database_url, "ONSALE_DATA_DIR": str(tmp_path)}


@pytest.fixture
async def hall(database: Database) -> AsyncIterator[Hall]:
    async with open_hall(database, numbered=SEATS) as hall:
        yield hall


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
            lambda: onsale("restore", file, "--yes", "--disconnect", **variables)
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
    await drop_what_is_kept(variables["DATABASE_URL"])


def charges(folder: Path) -> list[str]:
    """Read how all payments ended, from the provider's own record."""
    with sqlite3.connect(folder / RECORD) as record:
        rows = record.execute("SELECT state FROM charges ORDER BY state").fetchall()
    return [state for (state,) in rows]


async def drop_what_is_kept(url: str) -> None:
    """The database that was there before is kept; a test's server is shared with others."""
    base, _, name = url.rpartition("/")
    connection = await asyncpg.connect(f"{base}/postgres")
    kept = await connection.fetch(
        "SELECT datname FROM pg_database WHERE starts_with(datname, $1)", f"{name}_before_"
    )
    assert len(kept) == 1, "the old database is kept under another name"
    await connection.execute(f'DROP DATABASE "{kept[0]["datname"]}"')
    await connection.close()


async def test_the_private_database_is_backed_up_and_restored_by_two_commands(
    tmp_path: Path,
) -> None:
    folder, file = tmp_path / "data", tmp_path / "backup.dump"
    variables = {"ONSALE_DATA_DIR": str(folder)}
    keeper = await asyncio.to_thread(start_keeper, folder)
    try:
        for words in (["seed"], ["backup", str(file)], ["restore", str(file), "--yes"], ["audit"]):
            done = await asyncio.to_thread(lambda words=words: onsale(*words, **variables))
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

    done = await asyncio.to_thread(lambda: onsale("restore", "--already-done", **variables))

    assert done.returncode == 0, done.stderr
    assert "0 payments compared with the provider." in done.stdout
    assert (await hall.ledger())["version"] == VERSIONS_SKIPPED + 1


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
        (["restore"], "Name either the backup's file, or --already-done."),
        (["restore", str(tmp_path / "none"), "--yes"], "There is no file"),
        (["restore", str(text), "--yes"], "is no backup, or damaged"),
        (["restore", str(strange), "--yes"], "there is no onsale in it"),
        (["restore", str(good), "--yes"], "The database is in use"),
        (["restore", str(damaged), "--yes", "--disconnect"], "pg_restore failed"),
        (["backup", str(good)], "exists: choose another name"),
        (["backup", str(tmp_path / "no" / "folder")], "cannot be written"),
    ):
        done = await asyncio.to_thread(lambda words=words: onsale(*words, **variables))
        assert done.returncode == 1, (words, done.stdout)
        assert what in done.stderr, (words, done.stderr)
        assert "Traceback" not in done.stderr

    assert (await hall.ledger())["held"] == 1
    assert await hall.fetch("SELECT 1 FROM pg_database WHERE datname LIKE '%_restoring_%'") == []
