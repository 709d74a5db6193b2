"""Becoming a buyer."""

from __future__ import annotations

import strawberry

from schema.context import Info
from schema.sessions import StartGuestSessionPayload


@strawberry.type
class SessionMutation:
    """How to become a buyer."""

    @strawberry.mutation
    def start_guest_session(self, info: Info) -> StartGuestSessionPayload:
        """Become a buyer without signing in. With a valid token: the same buyer, a fresh token."""
        context = info.context
        return StartGuestSessionPayload.of(context.identity.start_guest_session(context.buyer))
