"""What is refused before GraphQL begins is answered in plain text, and 405 without `Allow`.

Clients of a JSON API parse each answer as JSON. RFC 9110, 15.5.6: a 405 must have `Allow`.
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
client = TestClient(GraphQL(strawberry.Schema(Query)))
malformed = client.post("/", content="{", headers=JSON)
wrong_method = client.put("/", json={"query": "{ hello }"})
happens = [
    (answer.status_code, answer.headers["content-type"], answer.headers.get("allow"))
    for answer in (malformed, wrong_method)
]

print("expected:", [(400, "application/json", None), (405, "application/json", "GET, POST")])
print("happens: ", happens)
assert happens == [
    (400, "text/plain; charset=utf-8", None),
    (405, "text/plain; charset=utf-8", None),
], "mended"
