"""A body that is JSON but no object is answered with 500.

`parse_http_body` takes whatever `json.loads` gave for a dictionary or a list of dictionaries.
"""

import strawberry
from starlette.testclient import TestClient
from strawberry.asgi import GraphQL
from strawberry.schema.config import StrawberryConfig


@strawberry.type
class Query:
    @strawberry.field
    def hello(self) -> str:
        return "world"


JSON = {"content-type": "application/json"}
batching = StrawberryConfig(batching_config={"max_operations": 10})
plain = TestClient(GraphQL(strawberry.Schema(Query)), raise_server_exceptions=False)
batches = TestClient(
    GraphQL(strawberry.Schema(Query, config=batching)), raise_server_exceptions=False
)
happens = [plain.post("/", content=body, headers=JSON).status_code for body in ('"x"', "5", "null")]
happens += [batches.post("/", content=body, headers=JSON).status_code for body in ("[1]", "[null]")]

print("expected:", [400] * 5)
print("happens: ", happens)
assert happens == [500] * 5, "mended"
