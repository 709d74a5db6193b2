"""What passes for an outage of the database: that it is away, and nothing else."""

import errno
import socket
from collections.abc import Awaitable
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa

from box_office import database as connections
from box_office.database import Database
from onsale.outages import does_not_answer
from tests.servers import free_port

ENDS_ITSELF = sa.text("SELECT pg_terminate_backend(pg_backend_pid())")


async def fault_of(work: Awaitable[object]) -> Exception:
    """Give what it raises."""
    with pytest.raises(Exception) as raised:  # noqa: PT011 - which one, is the question.
        await work
    return raised.value


async def asked(database: Database, question: sa.TextClause) -> None:
    async with database.engine.connect() as connection:
        await connection.execute(question)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_nobody_behind_the_port_is_an_outage(host: str) -> None:
    assert does_not_answer(await fault_of(asyncpg.connect(host=host, port=free_port())))


async def test_no_socket_where_it_should_be_is_an_outage(tmp_path: Path) -> None:
    assert does_not_answer(await fault_of(asyncpg.connect(host=str(tmp_path))))


async def test_a_connection_that_is_ended_under_us_is_an_outage(database: Database) -> None:
    assert does_not_answer(await fault_of(asked(database, ENDS_ITSELF)))


@pytest.mark.parametrize(
    "fault",
    [
        socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
        OSError(errno.EHOSTUNREACH, "No route to host"),
        OSError("Multiple exceptions: [Errno 111] …, [Errno 111] …"),
        TimeoutError(),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        ExceptionGroup("Old rows could not be deleted", [TimeoutError(), ConnectionResetError()]),
    ],
    ids=repr,
)
def test_whatever_else_says_that_it_is_away_is_an_outage(fault: Exception) -> None:
    assert does_not_answer(fault)


async def test_a_statement_that_takes_too_long_is_no_outage(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "STATEMENT_TIMEOUT_MS", 100)
    hasty = await Database.connect(database_url)

    fault = await fault_of(asked(hasty, sa.text("SELECT pg_sleep(10)")))
    await hasty.close()

    assert "statement timeout" in str(fault)
    assert not does_not_answer(fault)


async def test_a_question_that_we_ask_wrongly_is_no_outage(database: Database) -> None:
    async with database.engine.connect() as connection:
        fault = await fault_of(connection.exec_driver_sql("SELECT $1::int"))

    assert "the server expects 1 argument" in str(fault)
    assert not does_not_answer(fault)


async def test_a_file_that_is_missing_is_no_outage(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        (tmp_path / "missing.sql").read_text()

    assert not does_not_answer(raised.value)


@pytest.mark.parametrize(
    "fault",
    [
        OSError(errno.EMFILE, "Too many open files"),
        PermissionError(errno.EACCES, "Permission denied", "token.key"),
        asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
        asyncpg.TooManyConnectionsError("sorry, too many clients already"),
        ExceptionGroup("Old rows could not be deleted", [TimeoutError(), ZeroDivisionError()]),
        ZeroDivisionError(),
    ],
    ids=repr,
)
def test_whatever_else_is_our_own_trouble_is_no_outage(fault: Exception) -> None:
    assert not does_not_answer(fault)
