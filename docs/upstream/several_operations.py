"""A document of several operations without `operationName` runs the first of them.

The GraphQL specification, 6.1 GetOperation: "Otherwise, raise a request error".
"""

import strawberry
from starlette.testclient import TestClient
from strawberry.asgi import GraphQL


@strawberry.type
class Query:
    @strawberry.field
    def hello(self) -> str:
        return "world"


client = TestClient(GraphQL(strawberry.Schema(Query)))
happens = client.post("/", json={"query": "query A { a: hello } query B { b: hello }"}).json()

print("expected: an error, and no data")
print("happens: ", happens)
assert happens == {"data": {"a": "world"}}, "mended"
