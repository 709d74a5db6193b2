"""Ways to build a box office that sells seats twice, or seems to work until it does not.

Each takes one guard away, where the rules have it, and names the scene in which that matters and
the checkers that must notice, all of them.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from box_office import settling
from box_office.batches import Connection, Written
from box_office.payments import PaymentRow
from box_office.reserving import Request, Reserve
from tests.races import scenes
from tests.races.mutants import mutated
from tests.races.scenes import Scene

#: Two who never meet are let go on: the checkers will say that nothing was broken.
MEETING_SECONDS_MAX = 3.0


@dataclass(frozen=True, slots=True)
class Breach:
    """A guard that is taken away."""

    name: str
    scene: Scene
    noticed_by: frozenset[str]
    #: Run in the test's own database.
    sql: tuple[str, ...] = ()
    #: Changes our own code for the time of the test.
    patch: Callable[[pytest.MonkeyPatch], None] = lambda _: None


NO_OWNERSHIP = {
    "WHERE s.reservation_id = m.id AND s.seat_index = ANY (m.seat_indexes))": (
        "WHERE s.seat_index = ANY (m.seat_indexes))"
    ),
    "WHERE s.event_id = p_event AND s.state = 1": "WHERE s.event_id = p_event",
}

#: Waits until two are there, so that both have read before either writes.
MEET = f"""
    CREATE FUNCTION meet() RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared(1, 1);
        FOR n IN 1..{int(MEETING_SECONDS_MAX * 100)} LOOP
            EXIT WHEN (SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                       WHERE d.datname = current_database() AND l.locktype = 'advisory'
                         AND (l.classid, l.objid) = (1, 1)) >= 2;
            PERFORM pg_sleep(0.01);
        END LOOP;
    END
    $$
"""
READ_THEN_UPDATE = {
    """WHERE s.event_id = p_event AND s.seat_index = ANY (p_seats || v_lapsed_seats)
        ORDER BY s.seat_index FOR UPDATE
    ) l;""": """WHERE s.event_id = p_event AND s.seat_index = ANY (p_seats || v_lapsed_seats)
        ORDER BY s.seat_index
    ) l;
    PERFORM meet();""",
}
NO_ALLOWANCE = {
    "AND j.wants <= j.remaining": "",
    "DO UPDATE SET seats = a.seats + excluded.seats": "DO UPDATE SET seats = a.seats",
}
#: All that changes is the first version.
NO_VERSION = {
    "SET version = l.version + 1,": "SET version = greatest(l.version, 1),",
    "VALUES (p_event, o_version, p_seats, p_after, o_committed_at);": (
        "VALUES (p_event, o_version, p_seats, p_after, o_committed_at) ON CONFLICT DO NOTHING;"
    ),
}


TICKETS_STAY = {"UPDATE tickets t SET status = 'VOID'": "UPDATE tickets t SET status = 'VALID'"}


class CapturesFirst(settling.Settling):
    """Takes the money as soon as it is set aside, and sells then."""

    async def _sell(self, payment: PaymentRow, reference: str) -> PaymentRow:
        await self.box_office.provider.capture(reference)
        return await super()._sell(payment, reference)


def capture_before_sell(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(settling, "Settling", CapturesFirst)


def count_allowances_in_python(patch: pytest.MonkeyPatch) -> None:
    """Read how many seats a buyer has, add what is asked for, write the sum."""
    both_have_read = asyncio.Barrier(2)
    decide = Reserve.write

    async def write(
        self: Reserve, connection: Connection, event_id: UUID, requests: Sequence[Request]
    ) -> Written[asyncpg.Record]:
        [request] = requests
        key = (event_id, request.buyer_id)
        seats = "FROM allowances WHERE event_id = $1 AND buyer_id = $2"
        counted: Any = await connection.fetchval(f"SELECT seats {seats}", *key)
        if counted:
            with suppress(TimeoutError, asyncio.BrokenBarrierError):
                async with asyncio.timeout(MEETING_SECONDS_MAX):
                    await both_have_read.wait()
        written = await decide(self, connection, event_id, requests)
        await connection.execute(
            "UPDATE allowances SET seats = $3 WHERE event_id = $1 AND buyer_id = $2",
            *key,
            (counted or 0) + len(request.seat_indexes),
        )
        return written

    patch.setattr(Reserve, "write", write)


CHAIN = "every_seat_has_one_chain_of_owners"

BREACHES = (
    Breach(
        "the ownership test removed",
        scenes.ada_pays_so_slowly_that_bob_holds_her_seat,
        frozenset({CHAIN, "no_seat_is_sold_to_somebody_who_does_not_hold_it"}),
        sql=(mutated("sell_seats", NO_OWNERSHIP),),
    ),
    Breach(
        "both arbiters removed",
        scenes.ada_pays_so_slowly_that_bob_buys_her_seat,
        frozenset({CHAIN, "no_seat_is_sold_twice"}),
        sql=(mutated("sell_seats", NO_OWNERSHIP), "DROP INDEX uq_tickets_one_live_per_seat"),
    ),
    Breach(
        "read, then update",
        scenes.both_ask_for_one_seat_at_the_same_time,
        # The log may well have a taking for each of the two.
        frozenset({CHAIN, "the_ledger_counts_the_seats"}),
        sql=(MEET, mutated("reserve_seats", READ_THEN_UPDATE)),
    ),
    Breach(
        "capture before sell",
        scenes.ada_pays_so_slowly_that_bob_holds_her_seat,
        frozenset({"nobody_was_charged_without_a_sale"}),
        patch=capture_before_sell,
    ),
    Breach(
        "the allowance counted in Python",
        scenes.ada_asks_for_more_in_two_tabs_at_once,
        frozenset(
            {
                "an_allowance_counts_the_seats_that_its_buyer_has",
                "nobody_has_more_seats_than_a_buyer_may",
            }
        ),
        sql=(mutated("reserve_seats", NO_ALLOWANCE),),
        patch=count_allowances_in_python,
    ),
    Breach(
        "published without a version",
        scenes.ada_reserves_a_seat_and_another,
        frozenset(
            {"the_change_log_leads_to_the_seats_as_they_are", "the_log_tells_the_same_chain"}
        ),
        sql=(mutated("record_seat_changes", NO_VERSION),),
    ),
    Breach(
        "the tickets of a cancelled order still open the door",
        scenes.ada_buys_a_seat_and_returns_it,
        frozenset({"tickets_live_as_long_as_their_order"}),
        sql=(mutated("void_orders", TICKETS_STAY),),
    ),
)
