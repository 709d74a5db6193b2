"""An `encode_json` that returns bytes, as orjson's does, makes binary WebSocket frames.

Clients of graphql-transport-ws take text only. `encode_json` is typed to return either.
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


class BytesGraphQL(GraphQL[None, None]):
    def encode_json(self, data: object) -> bytes:
        return json.dumps(data).encode()


client = TestClient(BytesGraphQL(strawberry.Schema(Query)))
with client.websocket_connect("/", subprotocols=["graphql-transport-ws"]) as socket:
    socket.send_text('{"type": "connection_init"}')
    happens = socket.receive()

print("expected:", {"type": "websocket.send", "text": '{"type": "connection_ack"}'})
print("happens: ", happens)
assert happens.get("bytes"), "mended"
