"""What must be true after a fault. Each gives what contradicts it."""

from collections import defaultdict
from itertools import pairwise
from math import inf
from typing import Any
from uuid import UUID

import httpx

from box_office.database import Database
from tests.races.record import Action, Record, Told
from tests.races.record_checkers import (
    every_acknowledged_sale_is_in_the_database,
    nobody_lost_a_reservation_before_its_time,
    only_what_was_held_was_sold,
)

ANSWER_SECONDS_MAX = 10.0
#: What our client says where a server said nothing.
NO_ANSWER = {
    fault.__name__
    for fault in vars(httpx).values()
    if isinstance(fault, type) and issubclass(fault, httpx.HTTPError)
}

RESERVATIONS = """
    SELECT r.id, r.buyer_id, r.status, r.seat_indexes AS seats, coalesce(s.marked, '{}') AS marked
    FROM reservations r LEFT JOIN (
        SELECT reservation_id, array_agg(seat_index ORDER BY seat_index) AS marked
        FROM event_seats WHERE reservation_id IS NOT NULL GROUP BY reservation_id
    ) s ON s.reservation_id = r.id
"""
TWICE = """
    SELECT r.id, r.status, o.status FROM reservations r JOIN orders o ON o.reservation_id = r.id
    WHERE r.status <> 'PURCHASED' AND o.status NOT IN ('CANCELLED', 'REFUNDED')
"""


def unanswered(record: Record) -> list[Told]:
    """Who got no answer at all, or waited longer than ten seconds for one."""
    return [
        told
        for told in record.told
        if told.answer.fault in NO_ANSWER or told.received_at - told.sent_at > ANSWER_SECONDS_MAX
    ]


def troubled(record: Record, since: float = 0.0) -> list[Told]:
    """Who was told of a fault of ours, or that nobody knows, when they asked since then."""
    return [told for told in record.told if told.sent_at >= since and not told.answer.settles_it]


def faults(record: Record) -> list[Told]:
    """Who was told of a fault of ours. That nobody knows is no fault: a repetition finds out."""
    return [told for told in record.told if told.answer.fault is not None]


async def lost_reservations(database: Database, record: Record, since: float = 0.0) -> list[Any]:
    """Which reservations acknowledged since then are not in the books as they were told."""
    async with database.pool.acquire() as connection:
        rows = {row["id"]: row for row in await connection.fetch(RESERVATIONS)}
    went_on = {told.about for told in record.of(Action.CANCEL, Action.PURCHASE)}
    lost = []
    for told in record.of(Action.RESERVE):
        if (held := told.answer.reservation) is None or told.sent_at < since:
            continue
        row = rows.get(held.id)
        stays = held.id not in went_on
        if (
            row is None
            or row["buyer_id"] != told.buyer
            or not _is_kept(row, held.seats)
            or (stays and (row["status"], row["marked"]) != ("OPEN", sorted(row["seats"])))
        ):
            lost.append((told, row))
    return lost


def _is_kept(row: Any, seats: tuple[int, ...]) -> bool:
    """Whether its seats are those that were told; a cancelled one may have given them back."""
    return row["status"] == "CANCELLED" or sorted(row["seats"]) == sorted(seats)


async def lost_cancellations(database: Database, record: Record) -> list[Any]:
    """Which acknowledged cancellations are not in the books."""
    async with database.pool.acquire() as connection:
        rows = await connection.fetch("SELECT id, status FROM reservations")
    status = {row["id"]: row["status"] for row in rows}
    return [
        told
        for told in record.of(Action.CANCEL)
        if (held := told.answer.reservation) is not None
        and held.status == "CANCELLED"
        and status.get(held.id) != "CANCELLED"
    ]


def given_to_two_at_once(record: Record) -> list[Any]:
    """Which seats were acknowledged to somebody before whoever had them asked to cancel."""
    sold_as: dict[UUID | None, UUID | None] = {
        told.answer.order.id: told.about
        for told in record.of(Action.PURCHASE)
        if told.answer.order is not None
    }
    cancelled_at = {
        sold_as.get(told.about, told.about): told.sent_at
        for told in reversed(record.of(Action.CANCEL, Action.CANCEL_ORDER))
    }
    owned: dict[int, list[tuple[float, float, UUID]]] = defaultdict(list)
    for told in record.of(Action.RESERVE):
        if (held := told.answer.reservation) is not None:
            for seat in held.seats:
                owned[seat].append((told.received_at, cancelled_at.get(held.id, inf), held.id))
    return [
        (seat, one, next_one)
        for seat, owners in owned.items()
        for one, next_one in pairwise(sorted(owners))
        if one[1] > next_one[0] and one[2] != next_one[2]
    ]


async def neither_expired_nor_sold(database: Database) -> list[Any]:
    """Which reservations ended without a sale, and have an order all the same."""
    async with database.pool.acquire() as connection:
        return list(await connection.fetch(TWICE))


async def untrue(database: Database, record: Record) -> dict[str, list[Any]]:
    """Ask everything that must hold whatever broke; gives what is wrong, by name."""
    found: dict[str, list[Any]] = {
        "reservations lost": await lost_reservations(database, record),
        "cancellations lost": await lost_cancellations(database, record),
        "sales lost": await every_acknowledged_sale_is_in_the_database(database, record),
        "both ended and sold": await neither_expired_nor_sold(database),
        "of two at once": given_to_two_at_once(record),
        "lost before its time": nobody_lost_a_reservation_before_its_time(record),
        "sold but not held": only_what_was_held_was_sold(record),
    }
    return {name: what for name, what in found.items() if what}
