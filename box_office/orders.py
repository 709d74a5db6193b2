"""Orders and their tickets as they stand."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from box_office.database import Database
from box_office.pages import Page, PageOf, Sorting, read_page
from box_office.reading import read_rows
from models import Order, Ticket


async def orders_by_ids(database: Database, ids: Sequence[UUID]) -> dict[UUID, Order]:
    """Read orders, whoever's they are: the caller asks whose."""
    async with database.session() as session:
        found = await session.exec(select(Order).where(col(Order.id).in_(ids)))
        return {order.id: order for order in found}


async def order_ids_by_reservation_ids(
    database: Database, reservation_ids: Sequence[UUID]
) -> dict[UUID, UUID]:
    """Find which order each of these reservations became."""
    statement = sa.select(col(Order.reservation_id), col(Order.id)).where(
        col(Order.reservation_id).in_(reservation_ids)
    )
    return {row.reservation_id: row.id for row in await read_rows(database, statement)}


async def tickets_by_ids(database: Database, ids: Sequence[UUID]) -> dict[UUID, Ticket]:
    """Read tickets, whoever's they are: the caller asks whose."""
    async with database.session() as session:
        found = await session.exec(select(Ticket).where(col(Ticket.id).in_(ids)))
        return {ticket.id: ticket for ticket in found}


async def tickets_by_order_ids(
    database: Database, order_ids: Sequence[UUID]
) -> dict[UUID, list[Ticket]]:
    """Read the tickets of each of these orders, by seat."""
    statement = (
        select(Ticket).where(col(Ticket.order_id).in_(order_ids)).order_by(col(Ticket.seat_index))
    )
    tickets: dict[UUID, list[Ticket]] = {order_id: [] for order_id in order_ids}
    async with database.session() as session:
        for ticket in await session.exec(statement):
            tickets[ticket.order_id].append(ticket)
    return tickets


async def orders_of_buyer(database: Database, buyer_id: UUID, page: Page) -> PageOf[Order]:
    """Read a buyer's orders, the newest first."""
    ids = sa.select(col(Order.id)).where(col(Order.buyer_id) == buyer_id)
    found = await read_page(database, ids, page, Sorting(id=col(Order.id), descending=True))
    orders = await orders_by_ids(database, [row.id for row in found.rows])
    return PageOf(
        rows=[orders[row.id] for row in found.rows],
        keys=found.keys,
        has_next=found.has_next,
        has_previous=found.has_previous,
    )


async def count_orders_of_buyer(database: Database, buyer_id: UUID) -> int:
    """Count a buyer's orders."""
    statement = sa.select(sa.func.count()).where(col(Order.buyer_id) == buyer_id)
    (row,) = await read_rows(database, statement)
    return int(row[0])
