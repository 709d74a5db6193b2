"""Kinds of events, as clients see them."""

from __future__ import annotations

import strawberry

import models


@strawberry.type
class EventType:
    """A kind of event, such as concert or theatre."""

    key: str
    """A short name that stays the same, such as `concert`: what `EventFilter.typeKey` takes."""
    name: str
    """What to show to people."""
    description: str | None
    """What belongs to this kind."""

    @classmethod
    def of(cls, row: models.EventType) -> EventType:
        """Show a kind of event that was read."""
        return cls(key=row.key, name=row.name, description=row.description)
