"""A subscription in an ordinary POST request fails with words that mislead.

Expected: a request error that says which transport to use. It is executed as a query instead.
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


client = TestClient(GraphQL(strawberry.Schema(Query, subscription=Subscription)))
answer = client.post("/", json={"query": "subscription { count }"})
[error] = answer.json()["errors"]

print("expected: an error that names a transport for subscriptions")
print("happens: ", answer.status_code, error["message"])
assert error["message"] == ("Cannot return null for non-nullable field Subscription.count."), (
    "mended"
)
