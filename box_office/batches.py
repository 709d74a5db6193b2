"""What a batch at a window is: many requests of one kind, decided in one statement."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

import asyncpg

from box_office.changes import SeatChanges

Answer = TypeVar("Answer")
Connection = asyncpg.pool.PoolConnectionProxy


@dataclass(frozen=True, slots=True)
class Again(Generic[Answer]):
    """A request that was neither granted nor refused: it stands at the head of the line again."""

    #: What decides it next time.
    statement: "Statement[Answer]"
    #: Added to what it claims already.
    claims: frozenset[Hashable]
    #: The answer if it is still undecided after many tries.
    answer: Answer


@dataclass(frozen=True, slots=True)
class Written(Generic[Answer]):
    """What a batch did: an answer for each of its requests, and what changed."""

    answers: Sequence[Answer | Again[Answer]]
    changes: SeatChanges | None


class Statement(Protocol[Answer]):
    """A kind of change. The requests of one batch are of the same statement and share no claim."""

    async def write(
        self, connection: Connection, event_id: UUID, requests: Sequence[Any]
    ) -> Written[Answer]:
        """Decide them all and commit, in one round trip."""


def changes_of(event_id: UUID, row: Mapping[str, Any] | asyncpg.Record) -> SeatChanges | None:
    """Read what a statement's first row says has changed; None: no seat did."""
    if row["o_version"] is None:
        return None
    return SeatChanges(
        event_id=event_id,
        version=row["o_version"],
        as_of=row["o_committed_at"],
        seat_indexes=tuple(row["o_changed"]),
        states=bytes(row["o_states"]),
    )
