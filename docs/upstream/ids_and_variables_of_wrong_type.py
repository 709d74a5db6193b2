"""Over WebSocket an operation's id may be a number or empty, and variables may be a string.

graphql-transport-ws: `id: '<unique-operation-id>'` is a string, `variables` an object; anything
else closes the socket with 4400. Here they run.
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


def fate_of(operation_id: object, **payload: object) -> str:
    client = TestClient(GraphQL(strawberry.Schema(Query)))
    with client.websocket_connect("/", subprotocols=["graphql-transport-ws"]) as socket:
        socket.send_text('{"type": "connection_init"}')
        socket.receive_text()
        asked = {"query": "{ hello }", **payload}
        socket.send_text(json.dumps({"id": operation_id, "type": "subscribe", "payload": asked}))
        answer = socket.receive()
        return str(json.loads(answer["text"])["type"] if "text" in answer else answer["code"])


happens = [fate_of(5), fate_of(""), fate_of("1", variables="x")]

print("expected:", ["4400"] * 3)
print("happens: ", happens)
assert happens == ["next"] * 3, "mended"
