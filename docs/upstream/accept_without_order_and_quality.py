"""With `graphql-sse` on, whoever merely lists `text/event-stream` in Accept is streamed to.

Quality and order are ignored: even `q=0`, which means "never". urql 6 lists it in every request,
and so gets its queries as event streams.
"""

from collections.abc import AsyncGenerator

import strawberry
from starlette.testclient import TestClient
from strawberry.asgi import GraphQL


@strawberry.type
class Query:
    @strawberry.field
    def hello(self) -> str:
        return "world"


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self) -> AsyncGenerator[int]:
        yield 1


app: GraphQL[None, None] = GraphQL(
    strawberry.Schema(Query, subscription=Subscription),
    subscription_protocols=["graphql-transport-ws", "graphql-sse"],
)
client = TestClient(app)
accepts = ["application/json, text/event-stream;q=0", "application/json, text/event-stream;q=0.1"]
happens = [
    client.post("/", json={"query": "{ hello }"}, headers={"accept": accept}).headers[
        "content-type"
    ]
    for accept in accepts
]

print("expected:", ["application/json"] * 2)
print("happens: ", happens)
assert all(kind.startswith("text/event-stream") for kind in happens), "mended"
