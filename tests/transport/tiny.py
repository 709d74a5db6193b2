"""A schema of a few fields, and the transport around it: everything real but the tickets."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Self

import strawberry
from joserfc.jwk import OKPKey
from starlette.applications import Starlette

from onsale.front import Front
from onsale.graphql.connections import Connections
from onsale.graphql.cross_origin import CrossOrigin
from onsale.graphql.entrance import Entrance
from onsale.graphql.operations import Operations
from onsale.graphql.origins import Origins
from onsale.graphql.rate_limits import RateLimits
from onsale.graphql.served_schema import ServedSchema
from onsale.graphql.trusted_documents import TrustedDocuments
from onsale.graphql.websocket import (
    MESSAGES_AT_ONCE_MAX,
    GraphQLOverWebSocket,
    SocketLimits,
)
from onsale.identity import Tokens, Visitor
from schema.errors import unauthenticated
from tests.servers import COMPILED, serving

FOREIGN_FRIEND = "https://tickets.example"
SECRET = "hunter2"
QUERY_TIMEOUT_SECONDS = 1.0
MUTATION_ANSWER_SECONDS = 1.5
#: What a query that is given up may still take to let go of what it has.
LINGERS_SECONDS = 3.0
OPERATIONS_MAX = 4


@dataclass
class Stage:
    """What the schema tells about: shared by all operations."""

    number: int = 0
    finished: int = 0
    given_up: int = 0
    listeners: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class TinyContext:
    stage: Stage
    visitor: Visitor
    request_id: str
    remembered: dict[str, int] = field(default_factory=dict)

    def for_operation(self) -> Self:
        return replace(self, remembered={})


Info = strawberry.Info[TinyContext, None]


@strawberry.type
class Number:
    """Read through a context that remembers, as a loader would."""

    @strawberry.field
    def value(self, info: Info) -> int:
        return info.context.remembered.setdefault("number", info.context.stage.number)

    @strawberry.field
    def inner(self) -> "Number":
        return Number()


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "world") -> str:
        return f"hello {name}"

    @strawberry.field
    def sum(self, numbers: list[int]) -> int:
        return sum(numbers)

    @strawberry.field
    def number(self) -> Number:
        return Number()

    @strawberry.field
    def who(self, info: Info) -> str | None:
        buyer = info.context.visitor.buyer
        return str(buyer.id) if buyer else None

    @strawberry.field
    def needs_buyer(self, info: Info) -> str | None:
        if info.context.visitor.buyer is None:
            raise unauthenticated()
        return "welcome"

    @strawberry.field
    def boom(self) -> str | None:
        raise RuntimeError(f"the password is {SECRET}, ask ann@example.com")

    @strawberry.field
    async def slow(self, info: Info, seconds: float = 30.0) -> str:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            info.context.stage.given_up += 1
            raise
        return "done"

    @strawberry.field
    async def lingering(self, info: Info) -> str:
        try:
            await info.context.stage.gate.wait()
        finally:
            await asyncio.sleep(LINGERS_SECONDS)
        return "done"


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def finish(self, info: Info) -> int:
        await info.context.stage.gate.wait()
        info.context.stage.finished += 1
        return info.context.stage.finished

    @strawberry.mutation
    def start_guest_session(self, info: Info) -> str:
        visitor = info.context.visitor
        return visitor.start_guest_session(visitor.buyer).token


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def numbers(self, info: Info, to: int = 3) -> AsyncGenerator[Number]:
        stage = info.context.stage
        stage.listeners += 1
        try:
            for number in range(to):
                stage.number = number
                yield Number()
                await asyncio.sleep(0.01)
        finally:
            stage.listeners -= 1

    @strawberry.subscription
    async def boom_later(self) -> AsyncGenerator[int]:
        yield 1
        raise RuntimeError(SECRET)

    @strawberry.subscription
    async def boom_first(self) -> AsyncGenerator[int]:
        if SECRET:
            raise RuntimeError(SECRET)
        yield 1


tiny_schema = ServedSchema(Query, mutation=Mutation, subscription=Subscription)


@dataclass
class TinyServer:
    """A running server, and what a test may look at inside of it."""

    url: str
    stage: Stage
    tokens: Tokens
    operations: Operations
    entrance: Entrance
    app: Front

    @property
    def graphql_url(self) -> str:
        return f"{self.url}/graphql"

    @property
    def socket_url(self) -> str:
        return self.graphql_url.replace("http://", "ws://")


@asynccontextmanager
async def tiny_server(
    trusted: TrustedDocuments | None = None,
    *,
    introspection: bool = True,
    rate_limits: RateLimits | None = None,
    connections: Connections | None = None,
    messages_at_once: int = MESSAGES_AT_ONCE_MAX,
    init_timeout_seconds: float = 0.5,
) -> AsyncIterator[TinyServer]:
    stage = Stage()
    tokens = Tokens(OKPKey.generate_key("Ed25519"))
    operations = Operations(
        tiny_schema,
        QUERY_TIMEOUT_SECONDS,
        MUTATION_ANSWER_SECONDS,
        trusted=trusted,
        introspection=introspection,
        compiled=COMPILED,
    )
    entrance = Entrance(
        operations,
        lambda visitor, request_id: TinyContext(stage, visitor, request_id),
        tokens,
        Origins([FOREIGN_FRIEND]),
        rate_limits or RateLimits(),
        connections or Connections(),
    )
    limits = SocketLimits(
        init_timeout_seconds, operations_max=OPERATIONS_MAX, messages_at_once=messages_at_once
    )
    sockets = GraphQLOverWebSocket(entrance, limits)
    app = Front(Starlette(), sockets, entrance, CrossOrigin())
    # Behind a proxy that says where requests come from: this machine itself has no limits. That is
    # uvicorn's default.
    async with serving(app) as url:
        yield TinyServer(url, stage, tokens, operations, entrance, app)
