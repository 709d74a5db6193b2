"""Reading performers."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select

from box_office.database import Database
from models import EventPerformer, Performer


async def performers_by_ids(database: Database, ids: Sequence[UUID]) -> dict[UUID, Performer]:
    """Read performers."""
    async with database.session() as session:
        found = await session.exec(select(Performer).where(col(Performer.id).in_(ids)))
        return {row.id: row for row in found}


async def performers_of_events(
    database: Database, event_ids: Sequence[UUID]
) -> dict[UUID, list[Performer]]:
    """Read who plays at each of these events, in the order of the bill."""
    statement = (
        select(EventPerformer.event_id, Performer)
        .join(Performer, col(Performer.id) == col(EventPerformer.performer_id))
        .where(col(EventPerformer.event_id).in_(event_ids))
        .order_by(col(EventPerformer.event_id), col(EventPerformer.position))
    )
    bills: dict[UUID, list[Performer]] = {event_id: [] for event_id in event_ids}
    async with database.session() as session:
        for event_id, performer in await session.exec(statement):
            bills[event_id].append(performer)
    return bills
