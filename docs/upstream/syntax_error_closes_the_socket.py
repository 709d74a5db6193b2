"""A syntax error, or an unknown operationName, in one operation closes the socket of all of them.

graphql-transport-ws has the message `error` for it. The client library graphql-ws takes 4400 for
fatal and does not connect again: all other subscriptions of the page are dead.
"""

import json

import strawberry
from starlette.testclient import TestClient
from strawberry.asgi import GraphQL


@strawberry.type
class Query:
    @strawberry.field
    def hello(self) -> str:
        return "world"


def fate_of(**payload: str) -> str:
    client = TestClient(GraphQL(strawberry.Schema(Query)))
    with client.websocket_connect("/", subprotocols=["graphql-transport-ws"]) as socket:
        socket.send_text('{"type": "connection_init"}')
        socket.receive_text()
        socket.send_text(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        answer = socket.receive()
        return str(json.loads(answer["text"])["type"] if "text" in answer else answer["code"])


happens = [fate_of(query="{"), fate_of(query="query A { hello }", operationName="B")]

print("expected:", ["error", "error"])
print("happens: ", happens)
assert happens == ["4400", "4400"], "mended"
