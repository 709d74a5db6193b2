"""Reading venues."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from box_office.database import Database
from models import SeatMap, Venue


@dataclass(frozen=True, slots=True)
class VenueRow:
    """A venue, and how many seats its newest seat map has."""

    venue: Venue
    capacity: int


async def venues_by_ids(database: Database, ids: Sequence[UUID]) -> dict[UUID, VenueRow]:
    """Read venues."""
    newest = (
        sa.select(col(SeatMap.seat_count))
        .where(col(SeatMap.venue_id) == col(Venue.id))
        .order_by(col(SeatMap.version).desc())
        .limit(1)
        .scalar_subquery()
    )
    statement = select(Venue, sa.func.coalesce(newest, 0)).where(col(Venue.id).in_(ids))
    async with database.session() as session:
        found = (await session.exec(statement)).all()
        return {venue.id: VenueRow(venue, capacity) for venue, capacity in found}
