"""Sells seats as the tutorials do: rows FOR UPDATE, a decision in Python, a commit.

Nothing is tuned and nothing is spoilt: Strawberry's own ASGI application, SQLModel rows in an async
session, uvicorn. It does less than onsale: no identity, no limits, no reservation or change log, no
live maps.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import strawberry
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel, col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL

from bench.baseline.tables import BaselineSeat

EVENT_ID = 1
HOLD_DURATION = timedelta(minutes=10)
CONNECTIONS = 16

# The default pool would close and open connections all the time under 64 clients.
engine = create_async_engine(
    os.environ["BASELINE_DATABASE_URL"], pool_size=CONNECTIONS, max_overflow=0
)


@strawberry.type
class Hold:
    """A buyer's seats until a moment."""

    id: strawberry.ID
    expires_at: datetime
    seat_indexes: list[int]


@strawberry.type
class ReserveSeatsPayload:
    """A hold, or what was wrong."""

    reservation: Hold | None
    errors: list[str]


@strawberry.type
class Query:
    """What can be asked."""

    @strawberry.field
    async def held(self, event_id: int) -> int:
        """Count the seats that somebody holds."""
        async with AsyncSession(engine) as session:
            held = select(func.count()).where(
                col(BaselineSeat.event_id) == event_id, col(BaselineSeat.held_until) > func.now()
            )
            return (await session.exec(held)).one()


@strawberry.type
class Mutation:
    """What can be done."""

    @strawberry.mutation
    async def reserve_seats(
        self, event_id: int, seat_indexes: list[int], buyer: str
    ) -> ReserveSeatsPayload:
        """Hold all these seats, or none."""
        async with AsyncSession(engine, expire_on_commit=False) as session:
            statement = (
                select(BaselineSeat)
                .where(
                    BaselineSeat.event_id == event_id,
                    col(BaselineSeat.seat_index).in_(seat_indexes),
                )
                .order_by(col(BaselineSeat.seat_index))
                .with_for_update()
            )
            seats = (await session.exec(statement)).all()
            now = datetime.now(UTC)
            taken = [seat.seat_index for seat in seats if not seat.is_free(now)]
            if taken or len(seats) != len(seat_indexes):
                return refused(f"Seats {taken or seat_indexes} are not free.")
            hold_id = uuid4()
            for seat in seats:
                hold(seat, hold_id, buyer, now + HOLD_DURATION)
                session.add(seat)
            await session.commit()
        reservation = Hold(
            id=strawberry.ID(str(hold_id)),
            expires_at=now + HOLD_DURATION,
            seat_indexes=[seat.seat_index for seat in seats],
        )
        return ReserveSeatsPayload(reservation=reservation, errors=[])


def hold(seat: BaselineSeat, hold_id: UUID, buyer: str, until: datetime) -> None:
    """Write the buyer's name on a seat."""
    seat.hold_id, seat.buyer, seat.held_until = hold_id, buyer, until


def refused(message: str) -> ReserveSeatsPayload:
    """Answer with what was wrong."""
    return ReserveSeatsPayload(reservation=None, errors=[message])


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[None]:
    """Make the table and its seats."""
    async with engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)
    async with AsyncSession(engine) as session:
        for seat_index in range(int(os.environ["BASELINE_SEATS"])):
            session.add(BaselineSeat(event_id=EVENT_ID, seat_index=seat_index))
        await session.commit()
    yield
    await engine.dispose()


app = Starlette(
    routes=[Route("/graphql", GraphQL(strawberry.Schema(Query, Mutation)))], lifespan=lifespan
)
