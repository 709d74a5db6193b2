"""NaN and Infinity are read from request bodies, though JSON does not have them.

RFC 8259, 6. `json.loads` takes them unless `parse_constant` refuses.
"""

import strawberry
from starlette.testclient import TestClient
from strawberry.asgi import GraphQL


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, times: float | None = 1.0) -> str:
        return f"world {times}"


JSON = {"content-type": "application/json"}
client = TestClient(GraphQL(strawberry.Schema(Query)))
body = '{"query": "{ hello }", "variables": {"unused": NaN, "other": -Infinity}}'
answer = client.post("/", content=body, headers=JSON)

print("expected:", 400)
print("happens: ", answer.status_code, answer.text)
assert answer.status_code == 200, "mended"
