"""A body that is no UTF-8, or nests very deep, is answered with 500.

`decode_json` catches `json.JSONDecodeError` only: not UnicodeDecodeError, nor RecursionError.
"""

import strawberry
from starlette.testclient import TestClient
from strawberry.asgi import GraphQL


@strawberry.type
class Query:
    @strawberry.field
    def hello(self) -> str:
        return "world"


JSON = {"content-type": "application/json"}
client = TestClient(GraphQL(strawberry.Schema(Query)), raise_server_exceptions=False)
bodies = [b'{"query": "\xff"}', b"[" * 20_000 + b"]" * 20_000]
happens = [client.post("/", content=body, headers=JSON).status_code for body in bodies]

print("expected:", [400, 400])
print("happens: ", happens)
assert happens == [500, 500], "mended"
