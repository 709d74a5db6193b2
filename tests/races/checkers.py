"""What must always be true of the box office's books: questions to the database that find nothing.

Each checker is a query for rows that break one rule, and its name is that rule. ALWAYS holds at any
moment between two transactions; AT_REST when nothing is under way: every request was answered, and
the sweeper has been.
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from box_office.database import Database

Checker = Callable[[], str]

ALWAYS: list[Checker] = []
AT_REST: list[Checker] = []

#: Every change of every seat as the log tells it, and the state before; none is known before the
#: first, for older rows of the log are dropped.
HISTORY = """
    WITH logged AS (
        SELECT c.event_id, c.version, change.seat_index, change.state
        FROM seat_changes c
        CROSS JOIN LATERAL unnest(c.seat_indexes, c.states) AS change (seat_index, state)
    ), history AS (
        SELECT l.*, lag(l.state) OVER (
            PARTITION BY l.event_id, l.seat_index ORDER BY l.version) AS before
        FROM logged l
    )
"""


def always(checker: Checker) -> Checker:
    ALWAYS.append(checker)
    return checker


def at_rest(checker: Checker) -> Checker:
    AT_REST.append(checker)
    return checker


@always
def no_seat_is_sold_twice() -> str:
    """One live ticket a seat, and as many tickets ever as the log knows of sales."""
    return (
        HISTORY
        + """
        SELECT event_id, seat_index, 'live tickets' AS what, count(*) AS tickets, 1 AS sales
        FROM tickets WHERE status = 'VALID' GROUP BY event_id, seat_index HAVING count(*) > 1
        UNION ALL
        SELECT event_id, seat_index, 'all tickets', coalesce(t.count, 0), coalesce(h.count, 0)
        FROM (SELECT event_id, seat_index, count(*) FROM history
              WHERE state = 2 AND before IS DISTINCT FROM 2 GROUP BY event_id, seat_index) h
        FULL JOIN (SELECT event_id, seat_index, count(*) FROM tickets
                   GROUP BY event_id, seat_index) t USING (event_id, seat_index)
        WHERE h.count IS DISTINCT FROM t.count
        """
    )


@always
def what_is_sold_has_a_live_ticket_and_nothing_else_has() -> str:
    return """
        SELECT s.event_id, s.seat_index, s.state, t.id AS ticket_id
        FROM event_seats s
        LEFT JOIN tickets t
            ON t.event_id = s.event_id AND t.seat_index = s.seat_index AND t.status = 'VALID'
        WHERE (s.state = 2) <> (t.id IS NOT NULL)
    """


@always
def no_seat_is_sold_to_somebody_who_does_not_hold_it() -> str:
    return """
        SELECT t.event_id, t.seat_index, s.reservation_id AS owner, o.reservation_id AS sold_to
        FROM tickets t
        JOIN orders o ON o.id = t.order_id
        JOIN event_seats s ON s.event_id = t.event_id AND s.seat_index = t.seat_index
        WHERE t.status = 'VALID' AND s.state = 2 AND s.reservation_id <> o.reservation_id
    """


@always
def a_purchased_reservation_has_an_order_with_a_ticket_for_each_of_its_seats() -> str:
    return """
        SELECT r.id AS reservation_id, r.status, r.seat_indexes, o.id AS order_id, t.seats
        FROM reservations r
        FULL JOIN orders o ON o.reservation_id = r.id
        LEFT JOIN LATERAL (
            SELECT array_agg(DISTINCT seat_index ORDER BY seat_index) AS seats
            FROM tickets WHERE order_id = o.id
        ) t ON true
        WHERE (r.status = 'PURCHASED' OR o.id IS NOT NULL)
          AND (r.status IS DISTINCT FROM 'PURCHASED' OR o.buyer_id IS DISTINCT FROM r.buyer_id
               OR t.seats IS DISTINCT FROM ARRAY(
                   SELECT DISTINCT seat FROM unnest(r.seat_indexes) seat ORDER BY seat))
    """


@always
def tickets_live_as_long_as_their_order() -> str:
    return """
        SELECT o.id AS order_id, o.status, t.id AS ticket_id, t.status AS ticket_status
        FROM orders o JOIN tickets t ON t.order_id = o.id
        WHERE (o.status IN ('COMMITTED', 'PAID')) <> (t.status = 'VALID')
    """


@always
def an_order_costs_what_its_tickets_cost() -> str:
    return """
        SELECT o.id AS order_id, o.total_minor, sum(t.price_minor) AS tickets_minor
        FROM orders o LEFT JOIN tickets t ON t.order_id = o.id
        GROUP BY o.id HAVING o.total_minor IS DISTINCT FROM sum(t.price_minor)
    """


@always
def no_money_is_without_tickets_and_no_ticket_without_money() -> str:
    """An order and the one payment behind it tell the same story, of the same amount.

    Money that came too late goes back without ever having had an order.
    """
    return """
        SELECT o.id AS order_id, o.status, p.id AS payment_id, p.state, p.amount_minor, t.minor
        FROM orders o
        JOIN (SELECT order_id, sum(price_minor) AS minor FROM tickets GROUP BY order_id) t
            ON t.order_id = o.id
        FULL JOIN (
            SELECT * FROM payments p
            WHERE state IN ('AUTHORISED', 'CAPTURED')
               OR (state IN ('REFUNDING', 'REFUNDED', 'DECLINED') AND EXISTS (
                   SELECT 1 FROM orders o WHERE o.reservation_id = p.reservation_id)
                   AND attempt = (SELECT max(q.attempt) FROM payments q
                                  WHERE q.reservation_id = p.reservation_id))
        ) p ON p.reservation_id = o.reservation_id
        WHERE o.id IS NULL OR (t.minor > 0 AND (
            p.id IS NULL OR p.amount_minor <> t.minor OR p.currency_code <> o.currency_code
            OR (o.status, p.state) NOT IN (
                ('COMMITTED', 'AUTHORISED'), ('PAID', 'CAPTURED'),
                ('CANCELLED', 'REFUNDING'), ('REFUNDED', 'REFUNDED'),
                ('CANCELLED', 'DECLINED'))))
    """


@always
def an_allowance_counts_the_seats_that_its_buyer_has() -> str:
    return """
        SELECT event_id, buyer_id, a.seats AS allowance, h.seats AS has
        FROM (
            SELECT r.event_id, r.buyer_id, sum(cardinality(r.seat_indexes)) AS seats
            FROM reservations r LEFT JOIN orders o ON o.reservation_id = r.id
            WHERE r.status IN ('OPEN', 'PAYING')
               OR (r.status = 'PURCHASED' AND coalesce(o.status, 'PAID')
                   NOT IN ('CANCELLED', 'REFUNDED'))
            GROUP BY r.event_id, r.buyer_id
        ) h FULL JOIN allowances a USING (event_id, buyer_id)
        WHERE coalesce(a.seats, 0) <> coalesce(h.seats, 0)
    """


@always
def the_ledger_counts_the_seats() -> str:
    return """
        SELECT l.*, s.available AS free_seats, s.held AS held_seats, s.sold AS sold_seats
        FROM event_ledgers l
        JOIN (
            SELECT event_id, count(*) AS seat_count, count(*) FILTER (WHERE state = 0) AS available,
                   count(*) FILTER (WHERE state = 1) AS held,
                   count(*) FILTER (WHERE state = 2) AS sold,
                   count(*) FILTER (WHERE state = 3) AS blocked
            FROM event_seats GROUP BY event_id
        ) s ON s.event_id = l.event_id
        WHERE (l.seat_count, l.available, l.held, l.sold, l.blocked)
              IS DISTINCT FROM (s.seat_count, s.available, s.held, s.sold, s.blocked)
    """


@always
def versions_have_no_hole() -> str:
    """The log's oldest rows may be dropped; from there to the ledger's version it has each."""
    return """
        SELECT l.event_id, l.version, c.first, c.last, c.count
        FROM event_ledgers l
        LEFT JOIN (
            SELECT event_id, min(version) AS first, max(version) AS last, count(*) AS count
            FROM seat_changes GROUP BY event_id
        ) c ON c.event_id = l.event_id
        WHERE c.last <> l.version OR c.count <> c.last - c.first + 1
    """


@always
def commit_times_rise_with_the_version() -> str:
    return """
        SELECT * FROM (
            SELECT event_id, version, committed_at,
                   lag(committed_at) OVER (PARTITION BY event_id ORDER BY version) AS before
            FROM seat_changes
        ) c WHERE c.before > c.committed_at
    """


@always
def the_change_log_leads_to_the_seats_as_they_are() -> str:
    return (
        HISTORY
        + """
        SELECT s.event_id, s.seat_index, s.state, last.state AS logged
        FROM (
            SELECT DISTINCT ON (event_id, seat_index) event_id, seat_index, state FROM history
            ORDER BY event_id, seat_index, version DESC
        ) last
        FULL JOIN event_seats s USING (event_id, seat_index)
        WHERE s.state IS DISTINCT FROM last.state
          AND NOT (last.state IS NULL AND s.state IN (0, 3))
        """
    )


@always
def no_seat_changes_in_a_way_that_no_rule_allows() -> str:
    """A hold is made, taken over, given back or sold; a sale is given back. Nothing else."""
    return (
        HISTORY
        + """
        SELECT event_id, seat_index, version, before, state FROM history
        WHERE before IS NOT NULL AND (before, state) NOT IN (
            (0, 1), (1, 1), (1, 0), (1, 2), (2, 0), (0, 3), (3, 0))
        """
    )


@always
def a_held_seat_has_a_reservation_that_is_not_over() -> str:
    return """
        SELECT s.event_id, s.seat_index, s.reservation_id, r.status
        FROM event_seats s
        LEFT JOIN reservations r ON r.id = s.reservation_id
            AND r.event_id = s.event_id AND s.seat_index = ANY (r.seat_indexes)
        WHERE s.state = 1 AND (r.status IS NULL OR r.status NOT IN ('OPEN', 'PAYING'))
    """


@always
def a_reservation_has_all_its_seats_until_its_time_is_over() -> str:
    return """
        SELECT r.id AS reservation_id, r.status, seat, s.state, s.reservation_id AS owner
        FROM reservations r
        CROSS JOIN unnest(r.seat_indexes) AS seat
        LEFT JOIN event_seats s ON s.event_id = r.event_id AND s.seat_index = seat
        WHERE r.status IN ('OPEN', 'PAYING') AND r.expires_at > now()
          AND (s.state, s.reservation_id, s.held_until)
              IS DISTINCT FROM (1::smallint, r.id, r.expires_at)
    """


@at_rest
def nothing_is_left_between_two_states() -> str:
    return """
        SELECT 'reservation' AS what, id, status AS state FROM reservations
        WHERE status = 'PAYING'
        UNION ALL
        SELECT 'payment', id, state FROM payments
        WHERE state IN ('STARTED', 'ACTION_REQUIRED', 'AUTHORISED', 'VOIDING', 'REFUNDING')
    """


@at_rest
def whatever_has_lapsed_has_been_swept() -> str:
    return """
        SELECT id, expires_at FROM reservations WHERE status = 'OPEN' AND expires_at <= now()
    """


async def objections(
    database: Database, checkers: Sequence[Checker] = (*ALWAYS, *AT_REST)
) -> dict[str, list[dict[str, Any]]]:
    """Ask every checker, all of the same moment; gives those that found something, and what."""
    found = {}
    async with (
        database.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        for checker in checkers:
            if rows := await connection.fetch(checker()):
                found[checker.__name__] = [dict(row) for row in rows]
    return found


#: Where a charge may stand at the provider while our payment stands there.
CHARGE_STATES: dict[str, set[str | None]] = {
    "STARTED": {None, "ACTION_REQUIRED", "AUTHORISED", "CAPTURED", "DECLINED"},
    "ACTION_REQUIRED": {"ACTION_REQUIRED", "AUTHORISED", "CAPTURED", "DECLINED"},
    "AUTHORISED": {"AUTHORISED", "CAPTURED", "DECLINED"},
    "CAPTURED": {"CAPTURED"},
    "REFUNDING": {"CAPTURED", "REFUNDED"},
    "REFUNDED": {"REFUNDED"},
    "DECLINED": {"DECLINED", "VOIDED"},
    "VOIDING": {None, "ACTION_REQUIRED", "AUTHORISED", "CAPTURED", "DECLINED", "VOIDED"},
    "VOIDED": {"DECLINED", "VOIDED"},
}

CHARGES = "SELECT payment_id, state, nullif(amount_minor, 0) FROM charges"


async def the_provider_remembers_the_same_payments(database: Database, record: Path) -> list[str]:
    """Compare our payments with the pretending provider's own book; gives what differs."""
    async with database.pool.acquire() as connection:
        rows = await connection.fetch("SELECT id, state, amount_minor FROM payments")
    ours = {str(row["id"]): (row["state"], row["amount_minor"]) for row in rows}
    with closing(sqlite3.connect(record)) as book:
        charges = book.execute(CHARGES).fetchall()
    theirs = {payment_id: (state, amount) for payment_id, state, amount in charges}
    unknown = [f"{payment_id} is not ours" for payment_id in theirs.keys() - ours.keys()]
    return unknown + [
        f"{payment_id}: {state} of {amount} here, {theirs.get(payment_id)} there"
        for payment_id, (state, amount) in ours.items()
        if theirs.get(payment_id, (None, amount))[0] not in CHARGE_STATES[state]
        # What was voided before it came is known there without an amount.
        or (theirs.get(payment_id, (None, amount))[1] or amount) != amount
    ]
