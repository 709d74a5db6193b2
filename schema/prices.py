"""Price levels, as clients see them."""

from __future__ import annotations

from uuid import UUID

import strawberry

from box_office.price_levels import PriceLevelRow
from schema.context import Context
from schema.ids import NodeKind, encode_id
from schema.money import Money
from schema.nodes import Node


@strawberry.type
class PriceLevel(Node):
    """What a seat costs at an event. Every seat has one, fixed when the event is published."""

    name: str
    """What to call it in a legend, such as `Stalls` or `VIP`."""
    price: Money
    """What one seat costs, in the event's currency."""
    color: str | None
    """The plan's colour for it, as CSS writes colours, such as `#0072B2`; null when the plan has
    none. Do not tell seats apart by colour alone."""

    @classmethod
    def of(cls, row: PriceLevelRow) -> PriceLevel:
        """Show a price level that was read."""
        return cls(
            id=encode_id(NodeKind.PRICE_LEVEL, row.id),
            name=row.name,
            price=Money.of(row.price_minor, row.currency_code),
            color=row.color,
        )

    @classmethod
    async def load(cls, context: Context, key: UUID) -> PriceLevel | None:
        """Find a public event's price level by its key."""
        row = await context.loaders.price_levels.load(key)
        return None if row is None else cls.of(row)
