"""Time that passes for one reservation: its rows are aged, for nobody sets the database's clock."""

from uuid import UUID

import asyncpg

from tests.halls import Hall

TRIES_MAX = 20

# In the order of locks of the house.
RESERVATION = """
    UPDATE reservations SET expires_at = least(expires_at, now() - interval '1 s'),
        hold_ends_at = least(hold_ends_at, now() - interval '1 s')
    WHERE id = $1 AND status IN ('OPEN', 'PAYING')
"""
LOCK_SEATS = """
    SELECT 1 FROM event_seats WHERE reservation_id = $1 ORDER BY seat_index FOR UPDATE
"""
SEATS = """
    UPDATE event_seats SET held_until = least(held_until, now() - interval '1 s')
    WHERE reservation_id = $1 AND state = 1
"""
PAYMENT = """
    UPDATE payments SET updated_at = updated_at - interval '1 minute', looked_at = NULL
    WHERE reservation_id = $1 AND state IN ('STARTED', 'ACTION_REQUIRED', 'VOIDING')
"""
STEPS = (RESERVATION, LOCK_SEATS, SEATS, PAYMENT)


async def let_a_minute_pass(hall: Hall, reservation_id: UUID) -> None:
    """Let a hold run out, and let the reconciler find that its payment has been left alone."""
    for _ in range(TRIES_MAX):
        try:
            async with hall.box_office.database.pool.acquire() as db, db.transaction():
                for step in STEPS:
                    await db.execute(step, reservation_id)
        except (asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError):
            continue
        return
    raise AssertionError("the rows of a reservation stayed locked")
