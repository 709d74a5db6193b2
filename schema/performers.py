"""Performers, as clients see them."""

from __future__ import annotations

from uuid import UUID

import strawberry

import models
from schema.context import Context
from schema.ids import NodeKind, encode_id
from schema.nodes import Node


@strawberry.type
class Performer(Node):
    """Who plays: a band, an ensemble, a team. `EventFilter.performerId` finds their events."""

    name: str
    """The name on the bill."""

    @classmethod
    def of(cls, row: models.Performer) -> Performer:
        """Show a performer that was read."""
        return cls(id=encode_id(NodeKind.PERFORMER, row.id), name=row.name)

    @classmethod
    async def load(cls, context: Context, key: UUID) -> Performer | None:
        """Find a performer by their key."""
        row = await context.loaders.performers.load(key)
        return None if row is None else cls.of(row)
