"""When the server closes a socket while operations run, each of them logs a traceback.

The adapter catches `WebSocketDisconnect`; since 1.10 Starlette raises `WebSocketDisconnected`, a
RuntimeError, from a send after the close.
"""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator

import strawberry
from starlette.testclient import TestClient
from strawberry.asgi import GraphQL


class Counting(logging.Handler):
    count = 0

    def emit(self, record: logging.LogRecord) -> None:
        Counting.count += record.exc_info is not None


@strawberry.type
class Query:
    @strawberry.field
    def hello(self) -> str:
        return "world"


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self) -> AsyncGenerator[int]:
        for number in range(1_000):
            yield number
            await asyncio.sleep(0)


logging.basicConfig(handlers=[Counting()], force=True)
client = TestClient(GraphQL(strawberry.Schema(Query, subscription=Subscription)))
last = {}
for _ in range(20):  # Whether an operation is just about to send is a matter of luck.
    with client.websocket_connect("/", subprotocols=["graphql-transport-ws"]) as socket:
        socket.send_text('{"type": "connection_init"}')
        socket.receive_text()
        for name in range(50):
            asked = {
                "id": str(name),
                "type": "subscribe",
                "payload": {"query": "subscription { count }"},
            }
            socket.send_text(json.dumps(asked))
        socket.send_text('{"type": "unknown"}')  # The server closes for this: 4400.
        while "code" not in (last := socket.receive()):
            pass
    if Counting.count:
        break

print("expected: 0 tracebacks")
print("happens: ", Counting.count, "tracebacks, after close", last["code"])
assert Counting.count, "mended"
