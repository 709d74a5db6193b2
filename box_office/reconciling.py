"""The reconciler: it takes up whatever was left between two states, in any number of processes.

A server may die between two steps of a payment, a provider's answer may be lost, a buyer may never
come back from the bank's page. Nobody has to remember that: what is left shows in the books.
Whoever takes a payment up notes it first, so that the others leave it alone for a while; should two
go on with the same one after all, each step is a compare-and-set.
"""

import logging
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from box_office import hints
from box_office.box_office import BoxOffice
from box_office.providers import ProviderUnreachable
from box_office.sales import PAYMENT_DEADLINE
from box_office.settling import Unsettled, sell_for_nothing, settle

#: The buyer's own call is given this time; most purchases need a tenth of a second.
LEFT_ALONE_SECONDS = 10.0
#: Between two looks at the same payment.
LOOK_AGAIN_SECONDS = 10.0
#: How long money may come late to a payment that we had given up.
LATE_MONEY_HOURS = 24
#: The longest time between two looks for it; they begin every few seconds.
SELDOM_HOURS = 1
#: Gone on with at the same time, by one process.
AT_WORK_MAX = 50

logger = logging.getLogger(__name__)

# First what waits for us, then what a hint speaks of, then what waits for the buyer, and at last,
# ever more rarely, what we gave up: not every provider sends a hint when money comes late. In each
# the one that nobody has looked at for the longest, or many that go on waiting would hide one that
# is stuck. A time in the future was written before the database's clock was set back: it is no
# reason to wait for it. Each part uses an index of its own, however many payments are at rest.
TAKE_UP = sa.text("""
    UPDATE payments SET looked_at = now() FROM (
        SELECT p.id, due.turn FROM (
            SELECT each.id, min(each.turn) AS turn FROM (
                SELECT w.id, CASE w.state WHEN 'ACTION_REQUIRED' THEN 3 ELSE 1 END AS turn
                FROM payments w
                WHERE w.state IN
                    ('STARTED', 'ACTION_REQUIRED', 'AUTHORISED', 'VOIDING', 'REFUNDING')
                  AND w.updated_at NOT BETWEEN
                    now() - make_interval(secs => :alone) AND now() + make_interval(secs => :alone)
                UNION ALL
                SELECT h.payment_id, 2 FROM payment_hints h
                WHERE NOT h.handled AND h.received_at < now() - make_interval(secs => :alone)
                UNION ALL
                SELECT v.id, 4 FROM payments v
                WHERE v.state = 'VOIDED' AND v.updated_at > now() - make_interval(hours => :late)
                  AND now() - greatest(v.looked_at, v.updated_at) > least(greatest(
                    make_interval(secs => :again), v.looked_at - v.updated_at),
                    make_interval(hours => :seldom))
            ) each GROUP BY each.id
        ) due JOIN payments p ON p.id = due.id
        WHERE p.looked_at IS NULL OR p.looked_at NOT BETWEEN
            now() - make_interval(secs => :again) AND now() + make_interval(secs => :again)
        ORDER BY due.turn, p.looked_at NULLS FIRST, p.updated_at
        LIMIT :most FOR UPDATE OF p SKIP LOCKED
    ) chosen WHERE payments.id = chosen.id
    RETURNING payments.id, payments.looked_at, chosen.turn < 3 AS is_awaited
""")
# Nothing was due, so no payment tells of it: the purchase was begun, and nobody finished it.
FREE_AND_LEFT = sa.text("""
    SELECT r.id, r.event_id, r.buyer_id, cardinality(r.seat_indexes) AS seat_count
    FROM reservations r
    WHERE r.status = 'PAYING' AND r.expires_at < now() + make_interval(secs => :left)
      AND NOT EXISTS (SELECT 1 FROM payments p
                      WHERE p.reservation_id = r.id AND p.attempt = r.payment_attempts)
    LIMIT :most
""")

VALUES = {
    "again": LOOK_AGAIN_SECONDS,
    "alone": LEFT_ALONE_SECONDS,
    "late": LATE_MONEY_HOURS,
    "seldom": SELDOM_HOURS,
    "left": PAYMENT_DEADLINE.total_seconds() - LEFT_ALONE_SECONDS,
}


@dataclass(slots=True)
class Reconciler:
    """One process's share of the work."""

    box_office: BoxOffice
    #: Whether somebody or something still waits that there was no room for the last time.
    has_more: bool = False
    _at_work: set[UUID] = field(default_factory=set)

    async def take_up(self) -> int:
        """Begin to go on with whatever was left, and say with how much.

        Each goes on in the background: one that waits for a silent provider holds up no other.
        """
        room = AT_WORK_MAX - len(self._at_work)
        if room <= 0:
            return 0
        async with self.box_office.database.engine.begin() as connection:
            await hints.put_aside(connection, LEFT_ALONE_SECONDS)
            payments = (await connection.execute(TAKE_UP, VALUES | {"most": room})).all()
            free = (await connection.execute(FREE_AND_LEFT, VALUES | {"most": room})).all()
        self.has_more = sum(row.is_awaited for row in payments) + len(free) >= room
        left = [(row.id, self._settle(row)) for row in payments if row.id not in self._at_work]
        left += [(row.id, self._sell(row)) for row in free if row.id not in self._at_work]
        for id_, work in left:
            self._at_work.add(id_)
            self.box_office.in_background(self._guarded(id_, work))
        return len(left)

    async def _settle(self, row: sa.Row[Any]) -> None:
        await settle(self.box_office, row.id, look_again=True)
        await hints.mark_handled(self.box_office.database, row.id, row.looked_at)

    async def _sell(self, row: sa.Row[Any]) -> None:
        await sell_for_nothing(self.box_office, row.event_id, row.buyer_id, row.id, row.seat_count)

    async def _guarded(self, id_: UUID, work: Coroutine[Any, Any, None]) -> None:
        """Whatever breaks, it stays in the books and is taken up again."""
        try:
            await work
        except (ProviderUnreachable, Unsettled) as problem:
            logger.warning("%s waits: %s", id_, problem)
        except Exception:
            logger.exception("%s could not be settled; it is tried again", id_)
        finally:
            self._at_work.discard(id_)
