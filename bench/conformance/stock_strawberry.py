"""Strawberry as it comes, with the schema of tests/conformance/tiny.mjs.

python -m bench.conformance.stock_strawberry PORT [--sse]
"""

import asyncio
import sys
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any

import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from strawberry.asgi import GraphQL
from strawberry.subscriptions import (
    GRAPHQL_SSE_PROTOCOL,
    GRAPHQL_TRANSPORT_WS_PROTOCOL,
    GRAPHQL_WS_PROTOCOL,
)

INIT_TIMEOUT = timedelta(seconds=0.5)
STOCK_PROTOCOLS = (GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_WS_PROTOCOL)
BOOM = "boom"

Info = strawberry.Info[dict[str, Any], None]


@strawberry.type
class Number:
    """One of a row."""

    value: int

    @strawberry.field
    def inner(self) -> "Number":
        """Give itself."""
        return self


@strawberry.type
class Query:
    """What can be asked."""

    @strawberry.field
    def hello(self, name: str = "world") -> str:
        """Greet."""
        return f"hello {name}"

    @strawberry.field
    def sum(self, numbers: list[int]) -> int:
        """Add up."""
        return sum(numbers)

    @strawberry.field
    def who(self, info: Info) -> str | None:
        """Say whose token came with the request or the socket."""
        request = info.context["request"]
        token = (info.context.get("connection_params") or {}).get("token")
        authorization: str | None = request.headers.get("authorization")
        return token or authorization

    @strawberry.field
    def boom(self) -> str | None:
        """Fail."""
        raise RuntimeError(BOOM)

    @strawberry.field
    async def slow(self, seconds: float = 30.0) -> str:
        """Take that long."""
        await asyncio.sleep(seconds)
        return "done"


@strawberry.type
class Mutation:
    """What can be done."""

    @strawberry.mutation
    def start_guest_session(self) -> str:
        """Give a token."""
        return "guest"


@strawberry.type
class Subscription:
    """What can be followed."""

    @strawberry.subscription
    async def numbers(self, to: int = 3) -> AsyncGenerator[Number]:
        """Count."""
        for value in range(to):
            yield Number(value=value)
            await asyncio.sleep(0.01)

    @strawberry.subscription
    async def boom_first(self) -> AsyncGenerator[int]:
        """Fail at once."""
        if BOOM:
            raise RuntimeError(BOOM)
        yield 1

    @strawberry.subscription
    async def boom_later(self) -> AsyncGenerator[int]:
        """Fail after the first value."""
        yield 1
        raise RuntimeError(BOOM)


def main(port: int, *, sse: bool) -> None:
    """Serve it by uvicorn, as it comes too."""
    protocols = (*STOCK_PROTOCOLS, GRAPHQL_SSE_PROTOCOL) if sse else STOCK_PROTOCOLS
    graphql: Any = GraphQL(
        strawberry.Schema(Query, Mutation, Subscription),
        subscription_protocols=protocols,
        connection_init_wait_timeout=INIT_TIMEOUT,
    )
    app = Starlette(routes=[Route("/graphql", graphql), WebSocketRoute("/graphql", graphql)])
    uvicorn.run(app, port=port, log_level="warning")


if __name__ == "__main__":
    main(int(sys.argv[1]), sse="--sse" in sys.argv)
