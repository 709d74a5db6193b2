"""`connection_init` with `payload: null` closes the socket; the reference acknowledges it.

Clients that serialise an absent payload as null cannot connect.
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
with client.websocket_connect("/", subprotocols=["graphql-transport-ws"]) as socket:
    socket.send_text('{"type": "connection_init", "payload": null}')
    happens = socket.receive()

print("expected:", {"type": "connection_ack"})
print("happens: ", happens)
assert happens.get("code") == 4400, "mended"
