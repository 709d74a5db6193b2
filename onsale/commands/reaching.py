"""What every command needs first: settings, a PostgreSQL and a Redis that answer, and tables."""

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from socket import gaierror
from types import FrameType

import asyncpg
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from rich.console import Console
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from box_office.database import Database
from onsale.embedded import keep_services
from onsale.embedded.binaries import POSTGRES_MAJOR_MIN
from onsale.migrating import is_migrated, migrate
from onsale.settings import LogFormat, Settings, StartError

ANSWER_SECONDS_MAX = 5.0


@contextmanager
def reached(settings: Settings) -> Iterator[Settings]:
    """Give settings whose URLs answer: the environment's, or those of private servers.

    Private servers run for as long as the block lasts. Raises StartError.
    """
    end_on_signals()
    console = console_of(settings)
    if settings.redis_url is not None:
        asyncio.run(_ask_redis(settings.redis_url))
    if settings.database_url is not None:
        asyncio.run(_ask_postgres(settings.database_url))
        if settings.redis_url is None:
            console.print("No REDIS_URL: other servers' changes are seen up to one second late.")
        yield settings
        return
    with keep_services(settings.data_dir, settings.embedded, settings.pg_bin) as services:
        origin = "joined, they end with their owner" if services.joined else "private"
        programs = ", ".join(services.programs)
        console.print(f"{programs}: {origin}, data in {settings.data_dir}", highlight=False)
        urls = {
            "database_url": services.database_url,
            "redis_url": settings.redis_url or services.redis_url,
        }
        yield settings.model_copy(update=urls)


def database_url_of(settings: Settings) -> str:
    """Give the URL of settings that have been reached."""
    assert settings.database_url is not None, "only inside `reached`"
    return settings.database_url


@contextmanager
def ready(given: Settings, *, may_migrate: bool = False) -> Iterator[Settings]:
    """Reach what the settings name, and see to the tables.

    A private database is brought to this version. Any other is its owner's: unless that was
    asked for, one of another version is a StartError.
    """
    with reached(given) as settings:
        url = database_url_of(settings)
        if may_migrate or given.database_url is None:
            migrate(url)
        elif not asyncio.run(_is_migrated(url)):
            raise StartError("The database is not migrated; run: python -m onsale migrate")
        yield settings


def console_of(settings: Settings) -> Console:
    """Give where to tell people things; where logs are JSON, only machines read them."""
    return Console(quiet=settings.log_format is LogFormat.JSON)


def end_on_signals() -> None:
    """Make SIGTERM and Ctrl-C end the command in order: every `finally` runs, and all is well."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)


async def _is_migrated(url: str) -> bool:
    database = await Database.connect(url)
    try:
        return await is_migrated(database.engine)
    finally:
        await database.close()


async def _ask_postgres(url: str) -> None:
    try:
        parts = make_url(url).set(drivername="postgresql")
        plain = parts.render_as_string(hide_password=False)
        connection = await asyncpg.connect(plain, timeout=ANSWER_SECONDS_MAX)
    except ArgumentError:
        raise StartError("DATABASE_URL: cannot be read as a URL.") from None
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as fault:
        address = f"{parts.host or 'its socket'}:{parts.port or 5432}/{parts.database or ''}"
        raise StartError(f"DATABASE_URL: {address} does not answer: {_reason(fault)}.") from None
    major = connection.get_server_version().major
    await connection.close()
    if major < POSTGRES_MAJOR_MIN:
        raise StartError(
            f"DATABASE_URL: this is PostgreSQL {major}; onsale needs {POSTGRES_MAJOR_MIN} or later."
        )


async def _ask_redis(url: str) -> None:
    try:
        client = Redis.from_url(
            url.replace("+cluster://", "://", 1),  # Any node of a cluster answers a ping.
            socket_connect_timeout=ANSWER_SECONDS_MAX,
            socket_timeout=ANSWER_SECONDS_MAX,
            retry=Retry(NoBackoff(), 0),
        )
        async with client:
            await client.ping()
    except (OSError, ValueError, RedisError) as fault:
        address = url.partition("://")[2].rpartition("@")[2]
        raise StartError(f"REDIS_URL: {address} does not answer: {_reason(fault)}.") from None


def _reason(fault: BaseException) -> str:
    """Say in a few words why there was no answer, for the libraries say it in many ways."""
    while origin := fault.__cause__ or fault.__context__:
        fault = origin
    if isinstance(fault, TimeoutError):
        return f"nothing came within {ANSWER_SECONDS_MAX:.0f} s"
    if isinstance(fault, gaierror):
        return "there is no such host"
    if isinstance(fault, ConnectionRefusedError):
        return "nobody listens there"
    return (str(fault).splitlines() or [type(fault).__name__])[0].rstrip(".")
