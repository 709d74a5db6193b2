"""Empty parameters of a GET request are read as JSON, and refused with 400.

The specification "GraphQL over HTTP" has an empty `variables`, `extensions` or `operationName`
count as absent; forms in a browser send them so.
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
answer = client.get("/?query={hello}&variables=&extensions=&operationName=")

print("expected:", 200, {"data": {"hello": "world"}})
print("happens: ", answer.status_code, answer.text)
assert answer.status_code == 400, "mended"
