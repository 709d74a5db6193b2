"""What the races are run in: a hall of a hundred seats, and its database's own log."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from box_office.database import Database
from tests.halls import Hall, open_hall
from tests.races.server_log import PostgresLog

SEATS_PER_BUYER_MAX = 8


@pytest.fixture
async def hall(database: Database) -> AsyncIterator[Hall]:
    """Eighty numbered seats and twenty standing places, held for one second at first."""
    async with open_hall(
        database,
        numbered=80,
        standing=20,
        reservation_seconds=1,
        seats_per_buyer_max=SEATS_PER_BUYER_MAX,
    ) as hall:
        yield hall


@pytest.fixture
async def postgres_log(database: Database) -> PostgresLog:
    """What PostgreSQL complains about from here on."""
    async with database.pool.acquire() as connection:
        data = Path(await connection.fetchval("SHOW data_directory"))
    return PostgresLog(data.with_name("postgres.log"))
