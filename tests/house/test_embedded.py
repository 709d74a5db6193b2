"""The private servers: nothing installed, nothing lost, nothing left behind."""

import asyncio
import os
import signal
import socket
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

import asyncpg
import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from structlog.testing import capture_logs
from structlog.typing import EventDict

from onsale.embedded import keep_services
from onsale.embedded.addresses import claim_addresses
from onsale.embedded.binaries import Program, find_postgres, find_valkey
from onsale.embedded.processes import choose_identity, command_line, stop_leftover
from onsale.settings import EmbeddedSource, StartError
from tests.house.programs import (
    ROOT,
    end_keeper,
    pids_of,
    start_keeper,
    wait_until_gone,
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder of this test alone."""
    with TemporaryDirectory(prefix="onsale-tests-") as folder:
        yield Path(folder)


async def test_the_second_start_finds_what_the_first_one_stored(folder: Path) -> None:
    with keep_services(folder, durable=False) as first:
        await _execute(first.database_url, "CREATE TABLE kept AS SELECT 42 AS answer")

    with keep_services(folder, durable=False) as second:
        assert await _value(second.database_url, "SELECT answer FROM kept") == 42


async def test_both_servers_ask_for_their_password(folder: Path) -> None:
    with keep_services(folder, durable=False) as services:
        assert services.redis_url is not None
        async with Redis.from_url(services.redis_url) as redis:
            assert await redis.ping()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(services.database_url, password="wrong")


def test_secrets_are_in_files_that_only_we_can_read(folder: Path) -> None:
    with keep_services(folder, durable=False):
        for name in ("postgres.password", "services.json"):
            assert (folder / name).stat().st_mode & 0o777 == 0o600


async def test_data_survives_a_power_cut_unless_a_test_says_otherwise(folder: Path) -> None:
    with keep_services(folder) as services:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            assert await _value(services.database_url, f"SHOW {setting}") == "on"


async def test_killing_the_owner_leaves_nothing_running_and_loses_nothing(folder: Path) -> None:
    keeper = start_keeper(folder)
    with keep_services(folder) as services:
        await _execute(services.database_url, "CREATE TABLE kept AS SELECT 42 AS answer")
    pids = pids_of(folder)

    keeper.kill()
    keeper.communicate()

    assert wait_until_gone(pids)
    with keep_services(folder, durable=False) as services:
        assert await _value(services.database_url, "SELECT answer FROM kept") == 42


def test_the_next_start_does_not_wait_for_the_killed_one_to_be_tidied_up(folder: Path) -> None:
    keeper = start_keeper(folder)

    keeper.kill()
    with keep_services(folder, durable=False) as services:
        assert not services.joined
    keeper.communicate()


async def test_servers_are_where_they_were_when_their_killed_owner_is_replaced(
    folder: Path,
) -> None:
    keeper = start_keeper(folder)
    with keep_services(folder) as services:
        assert services.joined
        assert services.redis_url is not None
        pool = await asyncpg.create_pool(services.database_url, min_size=1)
        redis = Redis.from_url(services.redis_url, retry=Retry(NoBackoff(), 0))
        async with pool, redis:
            assert (await pool.fetchval("SELECT 1"), await redis.ping()) == (1, True)

            keeper.kill()
            keeper.communicate()
            next_keeper = start_keeper(folder)

            assert await _comes_back(lambda: pool.fetchval("SELECT 1"))
            assert await _comes_back(redis.ping)
    end_keeper(next_keeper)


def test_a_port_that_somebody_took_meanwhile_is_another_one(folder: Path) -> None:
    first = claim_addresses(folder)
    with socket.create_server(("127.0.0.1", first.postgres_port)):
        second = claim_addresses(folder)
    third = claim_addresses(folder)

    assert second.postgres_port != first.postgres_port
    assert replace(second, postgres_port=first.postgres_port) == first
    assert third == second


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"postgres_port": 1}'])
def test_addresses_that_cannot_be_read_are_chosen_anew(folder: Path, text: str) -> None:
    (folder / "addresses.json").write_text(text)

    first = claim_addresses(folder)

    assert claim_addresses(folder) == first


async def test_a_valkey_that_dies_comes_back_where_it_was(folder: Path) -> None:
    with keep_services(folder, durable=False) as services:
        assert services.redis_url is not None
        assert services.valkey_pid is not None
        async with Redis.from_url(services.redis_url, retry=Retry(NoBackoff(), 0)) as redis:
            with capture_logs() as lines:
                os.kill(services.valkey_pid, signal.SIGKILL)

                assert await _comes_back(redis.ping)
                assert await _comes_back(partial(_said, lines, "A server runs again"))
            assert await _comes_back(partial(_has_other_pids, folder, services.valkey_pid))
        pids = pids_of(folder)
    assert wait_until_gone(pids)
    assert [line["event"] for line in lines] == [
        "A server has died; it is started again",
        "A server runs again",
    ]


async def test_a_postgresql_that_dies_comes_back_where_it_was(folder: Path) -> None:
    with keep_services(folder, durable=False) as services:
        await _execute(services.database_url, "CREATE TABLE kept AS SELECT 42 AS answer")
        await _execute(services.database_url, "CHECKPOINT")
        first = pids_of(folder)
        with capture_logs() as lines:
            os.kill(first[0], signal.SIGKILL)

            assert await _comes_back(
                lambda: _value(services.database_url, "SELECT answer FROM kept")
            )
            assert await _comes_back(partial(_said, lines, "A server runs again"))
        pids = pids_of(folder)
        assert pids[0] != first[0]
    assert wait_until_gone(pids)
    assert lines[0]["event"] == "A server has died; it is started again"
    assert {line["server"] for line in lines} == {"PostgreSQL"}


def test_an_end_that_is_meant_is_no_death(folder: Path) -> None:
    with capture_logs() as lines, keep_services(folder, durable=False):
        pass

    assert lines == []


async def test_a_second_command_joins_the_first_one_s_servers(folder: Path) -> None:
    keeper = start_keeper(folder)

    with keep_services(folder) as services:
        assert services.joined
        assert services.keeper_pid == keeper.pid

    assert await _value(services.database_url, "SELECT 1") == 1, "leaving must not stop them"
    end_keeper(keeper)


def test_when_the_owner_ends_the_next_command_becomes_the_owner(folder: Path) -> None:
    end_keeper(start_keeper(folder))

    with keep_services(folder, durable=False) as services:
        assert not services.joined


def test_the_lock_file_of_a_number_that_is_now_another_process_is_no_obstacle(
    folder: Path,
) -> None:
    with keep_services(folder, durable=False):
        pass
    lines = f"{os.getppid()}\n{folder}/postgres\n1\n1\n\n127.0.0.1\n0 0\n"
    (folder / "postgres" / "postmaster.pid").write_text(lines)

    with keep_services(folder, durable=False) as services:
        assert not services.joined


def test_an_unrelated_process_is_never_stopped(folder: Path) -> None:
    with subprocess.Popen(["sh", "-c", "echo up; read end"], stdin=-1, stdout=-1) as bystander:
        assert bystander.stdout is not None
        bystander.stdout.readline()

        stop_leftover(bystander.pid, str(folder), signal.SIGTERM)

        assert command_line(bystander.pid).startswith("sh -c")
        bystander.kill()


def test_half_a_cluster_of_an_interrupted_first_start_is_made_anew(folder: Path) -> None:
    (folder / "postgres.new").mkdir()
    (folder / "postgres.new" / "PG_VERSION").write_text("18\n")

    with keep_services(folder, durable=False) as services:
        assert services.programs[0].startswith("PostgreSQL")


def test_data_of_another_version_is_said_clearly(folder: Path) -> None:
    (folder / "postgres").mkdir()
    (folder / "postgres" / "PG_VERSION").write_text("9\n")

    with pytest.raises(StartError, match="made by PostgreSQL 9"), keep_services(folder):
        pass


def test_a_folder_without_a_postgresql_is_said_clearly(folder: Path) -> None:
    with pytest.raises(StartError, match="ONSALE_PG_BIN"), keep_services(folder, pg_bin=folder):
        pass


def test_a_data_folder_that_cannot_be_made_is_said_clearly(folder: Path) -> None:
    (folder / "file").touch()

    with (
        pytest.raises(StartError, match="ONSALE_DATA_DIR"),
        keep_services(folder / "file" / "below"),
    ):
        pass


def test_a_server_that_does_not_start_says_why(folder: Path) -> None:
    with keep_services(folder, durable=False):
        pass
    (folder / "postgres" / "postgresql.auto.conf").write_text("no_such_setting = 1\n")

    with pytest.raises(StartError, match="contains errors"), keep_services(folder):
        pass


def test_wheels_come_before_the_system_s_programs() -> None:
    assert find_postgres(EmbeddedSource.AUTO, None).origin == "wheel"
    valkey = find_valkey(EmbeddedSource.AUTO)
    assert valkey is not None
    assert valkey.origin == "wheel"


def test_the_system_s_postgresql_serves_where_there_is_no_wheel(folder: Path) -> None:
    try:
        program = find_postgres(EmbeddedSource.SYSTEM, None)
    except StartError:
        pytest.skip("this machine has no PostgreSQL of its own")

    with keep_services(folder, EmbeddedSource.SYSTEM, durable=False) as services:
        assert services.programs[0] == str(program)


def test_versions_are_told_as_people_write_them() -> None:
    program = Program(ROOT, "PostgreSQL", "18.6", "wheel")

    assert (program.major, str(program)) == (18, "PostgreSQL 18.6 (wheel)")


def test_root_s_servers_do_not_look_like_root_s() -> None:
    assert (choose_identity().identity == "same") == (os.geteuid() != 0)


async def _comes_back(ask: Callable[[], Awaitable[object]]) -> bool:
    """Whether it answers with something true, soon."""
    deadline = monotonic() + 20
    while monotonic() < deadline:
        with suppress(OSError, RedisError, asyncpg.PostgresError, asyncpg.InterfaceError):
            if await ask():
                return True
        await asyncio.sleep(0.02)
    return False


async def _has_other_pids(folder: Path, pid: int) -> bool:
    return pid not in pids_of(folder)


async def _said(lines: list[EventDict], event: str) -> bool:
    return any(line["event"] == event for line in lines)


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


async def _value(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()
