"""`application/graphql-response+json` is never answered, and what cannot run has `data` and 200.

The specification "GraphQL over HTTP": a server SHOULD support the media type; with it, a document
that cannot be parsed or validated, and variables that do not fit, are 400, without `data`.
graphql-http's audits 22EB, 865D, 556A, D586, 5E5B, 51FE, 74FF and 86EE fail for this.
"""

import strawberry
from starlette.testclient import TestClient
from strawberry.asgi import GraphQL

MEDIA_TYPE = "application/graphql-response+json"


@strawberry.type
class Query:
    @strawberry.field
    def double(self, number: int) -> int:
        return 2 * number


client = TestClient(GraphQL(strawberry.Schema(Query)))
requests = [
    {"query": "{"},
    {"query": "{ nowhere }"},
    {"query": "query ($n: Int!) { double(number: $n) }", "variables": {"n": "x"}},
]
answers = [client.post("/", json=body, headers={"accept": MEDIA_TYPE}) for body in requests]
happens = [
    (answer.status_code, answer.headers["content-type"], "data" in answer.json())
    for answer in answers
]
expected = [(400, MEDIA_TYPE, False)] * 3

print("expected:", expected)
print("happens: ", happens)
assert happens == [(200, "application/json", True)] * 3, "mended"
