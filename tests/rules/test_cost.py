"""What a batch costs does not grow with the sale: no statement reads what it does not ask about."""

import asyncio

from box_office.database import Database
from tests.halls import Hall, open_hall

BUYERS, AT_ONCE = 600, 50
#: What the own connection has read, which is told with the statement before.
READ = """
    SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::int AS rows
    FROM pg_stat_user_tables WHERE relname IN ('reservations', 'allowances')
"""


async def test_a_batch_reads_its_own_buyers_and_nobody_elses(database: Database) -> None:
    """In the first minute of a sale, too, when PostgreSQL has not counted the tables yet."""
    async with open_hall(database, numbered=BUYERS) as hall:
        for first in range(0, BUYERS, AT_ONCE):
            await asyncio.gather(*(hall.held(seat) for seat in range(first, first + AT_ONCE)))

        assert await rows_read(hall) <= 2 * BUYERS


async def rows_read(hall: Hall) -> int:
    """Sum up the rows of reservations and allowances that the batches have looked at."""
    await hall.fetch("SELECT pg_stat_force_next_flush()")
    (row,) = await hall.fetch(READ)
    rows: int = row["rows"]
    return rows
