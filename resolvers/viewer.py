"""Who is asking."""

from __future__ import annotations

import strawberry

from schema.context import Info
from schema.viewer import Viewer


@strawberry.type
class ViewerQuery:
    """What buyers can ask about themselves."""

    @strawberry.field
    def viewer(self, info: Info) -> Viewer | None:
        """You, with your reservations and orders; null without a token."""
        buyer = info.context.buyer
        return None if buyer is None else Viewer.of(buyer)
