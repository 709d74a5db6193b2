"""What it looks like when the database is away, and what only looks so.

An outage is told once and waited for in silence, so nothing else may pass for one: neither a
statement that took too long nor a mistake of ours.
"""

import errno
import socket

import asyncpg
import sqlalchemy as sa

#: It refuses us, hangs up, keeps silent, cannot be found, is ending or is only starting. A
#: statement that it cancelled is none of these: it is there, and has answered.
AWAY = (
    ConnectionError,
    TimeoutError,
    socket.gaierror,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TargetServerAttributeNotMatched,
)
#: No way leads there. None: asyncio's sum of what it heard from several addresses of one host.
NO_WAY = {None, errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.ENETUNREACH, errno.ENETDOWN}


def does_not_answer(fault: BaseException | None) -> bool:
    """Whether it is the database that is away, however deep a library wraps that."""
    if isinstance(fault, ExceptionGroup):
        return all(map(does_not_answer, fault.exceptions))
    while fault is not None:
        if isinstance(fault, AWAY) or _leads_nowhere(fault):
            return True
        if isinstance(fault, sa.exc.DBAPIError) and fault.connection_invalidated:
            return True
        # SQLAlchemy raises its own `from` its dialect's, and that one from asyncpg's.
        fault = fault.__cause__
    return False


def _leads_nowhere(fault: BaseException) -> bool:
    """Whether it says that nobody is at an address; a file that we miss has a name instead."""
    if isinstance(fault, FileNotFoundError):
        return fault.filename is None
    return type(fault) is OSError and fault.errno in NO_WAY
