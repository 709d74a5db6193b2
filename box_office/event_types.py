"""Reading the kinds of events."""

from collections.abc import Sequence

from sqlmodel import col, select

from box_office.database import Database
from models import EventType


async def event_types(database: Database) -> Sequence[EventType]:
    """Read every kind of event, by name."""
    async with database.session() as session:
        found = await session.exec(select(EventType).order_by(col(EventType.name)))
        return found.all()


async def event_types_by_keys(database: Database, keys: Sequence[str]) -> dict[str, EventType]:
    """Read kinds of events by their keys."""
    async with database.session() as session:
        found = await session.exec(select(EventType).where(col(EventType.key).in_(keys)))
        return {row.key: row for row in found}
