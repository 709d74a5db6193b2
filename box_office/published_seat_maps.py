"""Reading published seat maps. Where each seat is, is `box_office.seat_maps`' business."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from box_office.database import Database
from box_office.reading import read_rows
from models import SeatMap, Section


@dataclass(frozen=True, slots=True)
class SeatMapRow:
    """A published seat map without its layout, which is large and served as a file."""

    id: UUID
    version: int
    width: float
    height: float
    seat_count: int
    layout_hash: str


async def seat_maps_by_ids(database: Database, ids: Sequence[UUID]) -> dict[UUID, SeatMapRow]:
    """Read seat maps, without their layouts."""
    statement = sa.select(
        col(SeatMap.id),
        col(SeatMap.version),
        col(SeatMap.width),
        col(SeatMap.height),
        col(SeatMap.seat_count),
        col(SeatMap.layout_hash),
    ).where(col(SeatMap.id).in_(ids))
    return {row.id: SeatMapRow(*row) for row in await read_rows(database, statement)}


async def sections_of_seat_maps(
    database: Database, seat_map_ids: Sequence[UUID]
) -> dict[UUID, list[Section]]:
    """Read the sections of each of these seat maps, in their order."""
    statement = (
        select(Section)
        .where(col(Section.seat_map_id).in_(seat_map_ids))
        .order_by(col(Section.seat_map_id), col(Section.position))
    )
    lists: dict[UUID, list[Section]] = {seat_map_id: [] for seat_map_id in seat_map_ids}
    async with database.session() as session:
        for section in await session.exec(statement):
            lists[section.seat_map_id].append(section)
    return lists


async def sections_by_ids(database: Database, ids: Sequence[UUID]) -> dict[UUID, Section]:
    """Read sections."""
    async with database.session() as session:
        found = await session.exec(select(Section).where(col(Section.id).in_(ids)))
        return {section.id: section for section in found}


@dataclass(frozen=True, slots=True)
class Layout:
    """The file behind `layoutUrl`."""

    #: JSON in UTF-8.
    content: bytes
    #: Part of the file's name: another content has another name.
    content_hash: str


async def layout_of(database: Database, seat_map_id: UUID) -> Layout | None:
    """Read a seat map's layout, to be served as a file; None when there is no such seat map."""
    statement = sa.select(col(SeatMap.layout), col(SeatMap.layout_hash)).where(
        col(SeatMap.id) == seat_map_id
    )
    rows = await read_rows(database, statement)
    return Layout(*rows[0]) if rows else None
