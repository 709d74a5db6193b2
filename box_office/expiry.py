"""The end of reservations that nobody paid for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar
from uuid import UUID

from box_office.batches import Connection, Written, changes_of

#: Reservations ended in one statement, so that none holds the window for long.
EXPIRED_AT_ONCE_MAX = 500

EXPIRE = "SELECT * FROM expire_reservations($1, $2)"


class Expire:
    """End lapsed reservations of an event and free the seats they still have."""

    STATEMENT: ClassVar[Expire]

    async def write(
        self, connection: Connection, event_id: UUID, requests: Sequence[None]
    ) -> Written[int]:
        """Do it once, however many ask."""
        row = await connection.fetchrow(EXPIRE, event_id, EXPIRED_AT_ONCE_MAX)
        assert row is not None
        return Written([row["o_expired"]] * len(requests), changes_of(event_id, row))


Expire.STATEMENT = Expire()
