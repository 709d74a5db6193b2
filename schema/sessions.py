"""Guest sessions, as clients see them."""

from __future__ import annotations

from datetime import datetime

import strawberry

from schema.context import GuestSession
from schema.viewer import Viewer


@strawberry.type
class StartGuestSessionPayload:
    """The answer to `startGuestSession`: a token, and who you are with it."""

    token: str
    """Send it with every request, as the header `Authorization: Bearer <token>`, and in the payload
    of a WebSocket's `connection_init`. Browsers get it as a cookie as well. It is a secret."""
    expires_at: datetime
    """Until when it is good. Start a session again before that, with this token, to go on as the
    same buyer."""
    viewer: Viewer
    """Who you are with this token."""

    @classmethod
    def of(cls, session: GuestSession) -> StartGuestSessionPayload:
        """Show a session that was started."""
        return cls(
            token=session.token,
            expires_at=session.expires_at,
            viewer=Viewer.of(session.buyer),
        )
