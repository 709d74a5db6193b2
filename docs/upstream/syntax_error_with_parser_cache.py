"""With ParserCache, a syntax error over WebSocket is answered with a bare `complete`.

The cache raises out of `on_parse`, the handler logs a traceback, and the client is told that the
operation has ended well, without an answer.
"""

import json
import logging

import strawberry
from starlette.testclient import TestClient
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache

logging.disable()  # The traceback.


@strawberry.type
class Query:
    @strawberry.field
    def hello(self) -> str:
        return "world"


def cache() -> ParserCache:
    return ParserCache()


client = TestClient(GraphQL(strawberry.Schema(Query, extensions=[cache])))
with client.websocket_connect("/", subprotocols=["graphql-transport-ws"]) as socket:
    socket.send_text('{"type": "connection_init"}')
    socket.receive_text()
    asked = {"id": "1", "type": "subscribe", "payload": {"query": "{"}}
    socket.send_text(json.dumps(asked))
    happens = json.loads(socket.receive_text())

print('expected: {"id": "1", "type": "error", ...}')
print("happens: ", happens)
assert happens == {"id": "1", "type": "complete"}, "mended"
