"""Whether a PostgreSQL and a Redis of somebody else's answer, and if not, why."""

import asyncio
from collections.abc import Iterator
from socket import gaierror

import asyncpg
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from box_office.addresses import plain_url
from onsale.embedded.binaries import POSTGRES_MAJOR_MIN
from onsale.redis_cluster import carrier_of
from onsale.redis_news import channels_of, connect
from onsale.settings import PORT_MAX, POSTGRES_EXAMPLE, StartError

ANSWER_SECONDS_MAX = 5.0
_ONE_HOST = (
    "DATABASE_URL: names several hosts; name one, of a proxy that knows which of them writes."
)
_NO_PORT = f"DATABASE_URL: its port is no number from 1 to {PORT_MAX}."


def ask_postgres(url: str) -> None:
    """Make sure that there is a PostgreSQL, and a recent one. Raises StartError."""
    asyncio.run(_ask_postgres(read_database_url(url)))


def ask_redis(url: str) -> None:
    """Make sure that there is a Redis. Raises StartError."""
    asyncio.run(_ask_redis(url))


def read_database_url(url: str) -> URL:
    """Take a URL apart. What cannot be read is not quoted: somewhere in it is a password."""
    try:
        parts = plain_url(url)
    except ArgumentError:
        raise StartError(f"DATABASE_URL: must look like {POSTGRES_EXAMPLE}") from None
    except ValueError:  # All that is converted is the port.
        raise StartError(_ONE_HOST if "," in url.rpartition("@")[2] else _NO_PORT) from None
    if parts.port is not None and not 1 <= parts.port <= PORT_MAX:
        raise StartError(_NO_PORT)
    return parts


async def _ask_postgres(parts: URL) -> None:
    try:
        plain = parts.render_as_string(hide_password=False)
        connection = await asyncpg.connect(plain, timeout=ANSWER_SECONDS_MAX)
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as fault:
        address = f"{parts.host or 'its socket'}:{parts.port or 5432}/{parts.database or ''}"
        raise StartError(f"DATABASE_URL: {address} does not answer: {reason(fault)}.") from None
    major = connection.get_server_version().major
    await connection.close()
    if major < POSTGRES_MAJOR_MIN:
        raise StartError(
            f"DATABASE_URL: this is PostgreSQL {major}; onsale needs {POSTGRES_MAJOR_MIN} or later."
        )


async def _ask_redis(url: str) -> None:
    try:
        async with connect(url, ANSWER_SECONDS_MAX) as client:
            await client.ping()
        await carrier_of(channels_of(url, "start"), url, ANSWER_SECONDS_MAX)  # Is it a cluster?
    except TypeError as fault:  # So redis-py says it, when it makes a connection.
        raise StartError(f"REDIS_URL: an option of it is unknown: {fault}.") from None
    except (OSError, ValueError, RedisError) as fault:
        where = place_of(url)
        raise StartError(f"REDIS_URL: {where} does not answer: {reason(fault)}.") from None


def place_of(url: str) -> str:
    """Name where a Redis is, without its user and password: they may be among the options, too."""
    return url.partition("://")[2].rpartition("@")[2].partition("?")[0]


def reason(fault: BaseException, seconds: float = ANSWER_SECONDS_MAX) -> str:
    """Say in a few words why there was no answer, for the libraries say it in many ways."""
    origins = list(_origins(fault))
    for origin in origins:
        match origin:
            case gaierror():
                return "there is no such host"
            case ConnectionRefusedError():
                return "nobody listens there"
            case TimeoutError() | RedisTimeoutError():
                return f"nothing came within {seconds:g} s"
    last = origins[-1]
    return (str(last).splitlines() or [type(last).__name__])[0].rstrip(".")


def _origins(fault: BaseException | None) -> Iterator[BaseException]:
    """Go from a fault to what caused it, and on."""
    while fault is not None:
        yield fault
        fault = fault.__cause__ or fault.__context__
