"""Live seats as everybody would write them in Strawberry: one Redis listener, a queue for each.

Nothing is tuned and nothing is spoilt: Strawberry's own ASGI application and subscription protocol,
uvicorn. It checks nobody and merges nothing; what is POSTed goes through Redis and to everybody.
"""

import asyncio
import json
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import strawberry
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from strawberry.asgi import GraphQL

CHANNEL = "bench_strawberry_live"
SNAPSHOT: dict[str, Any] = json.loads(Path(os.environ["BROADCAST_SNAPSHOT_FILE"]).read_text())

redis = Redis.from_url(os.environ["BROADCAST_REDIS_URL"])
queues: set[asyncio.Queue[dict[str, Any]]] = set()


@strawberry.type
class Availability:
    """All seats at one moment."""

    version: int
    available: int
    states: str


@strawberry.type
class AvailabilitySnapshot:
    """Where a subscription begins."""

    availability: Availability


@strawberry.type
class SeatChange:
    """What became of a seat."""

    index: int
    status: str


@strawberry.type
class AvailabilityDelta:
    """What changed since a version."""

    from_version: int
    version: int
    available: int
    changes: list[SeatChange]


@strawberry.type
class AvailabilityStale:
    """Nobody knows; here it is never sent."""

    version: int


Message = Annotated[
    AvailabilitySnapshot | AvailabilityDelta | AvailabilityStale,
    strawberry.union("SeatAvailabilityMessage"),
]


@strawberry.type
class Query:
    """What can be asked."""

    running: bool = True


@strawberry.type
class Subscription:
    """What can be followed."""

    @strawberry.subscription
    async def seat_availability(self, event_id: strawberry.ID) -> AsyncGenerator[Message]:
        """Give the seats, then every change of them."""
        assert event_id
        changes: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        queues.add(changes)
        try:
            yield AvailabilitySnapshot(availability=Availability(**SNAPSHOT["availability"]))
            while True:
                yield delta(await changes.get())
        finally:
            queues.discard(changes)


def delta(change: dict[str, Any]) -> AvailabilityDelta:
    """Make the object that Strawberry resolves."""
    return AvailabilityDelta(
        from_version=change["fromVersion"],
        version=change["version"],
        available=change["available"],
        changes=[SeatChange(**seat) for seat in change["changes"]],
    )


async def listen() -> None:
    """Take each change from Redis, once, and give it to everybody."""
    async with redis.pubsub() as channel:
        await channel.subscribe(CHANNEL)
        async for message in channel.listen():
            if message["type"] == "message":
                change = json.loads(message["data"])
                for changes in queues:
                    changes.put_nowait(change)


async def change(request: Request) -> Response:
    """Publish what came."""
    await redis.publish(CHANNEL, await request.body())
    return Response()


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[None]:
    """Listen for as long as it runs."""
    listener = asyncio.create_task(listen())
    yield
    listener.cancel()
    await redis.aclose()


graphql: Any = GraphQL(strawberry.Schema(Query, subscription=Subscription))
app = Starlette(
    routes=[
        Route("/graphql", graphql),
        Route("/changes", change, methods=["POST"]),
        WebSocketRoute("/graphql", graphql),
    ],
    lifespan=lifespan,
)
