"""A WebSocket message that is JSON but no object, or whose parts have wrong types, is an exception.

graphql-transport-ws: "Receiving a message of a type or format which is not specified in this
document will result in an immediate socket closure with the event 4400". Here the application
raises, with a traceback in the log, and the client sees 1006 (of the server, 1011 or no close).
"""

import json

import strawberry
from starlette.testclient import TestClient
from strawberry.asgi import GraphQL

MESSAGES = (
    [],
    "hi",
    None,
    {"id": {}, "type": "subscribe", "payload": {"query": "{ hello }"}},
    {"id": "1", "type": "subscribe", "payload": "x"},
)


@strawberry.type
class Query:
    @strawberry.field
    def hello(self) -> str:
        return "world"


def fate_of(message: object) -> str:
    client = TestClient(GraphQL(strawberry.Schema(Query)))
    try:
        with client.websocket_connect("/", subprotocols=["graphql-transport-ws"]) as socket:
            socket.send_text('{"type": "connection_init"}')
            socket.receive_text()
            socket.send_text(json.dumps(message))
            return str(socket.receive().get("code"))
    except Exception as fault:  # noqa: BLE001 - whatever the application raises.
        return f"{type(fault).__name__}: {fault}"


happens = [fate_of(message) for message in MESSAGES]

print("expected:", ["4400"] * 5)
print("happens: ", happens)
assert "4400" not in happens, "mended"
