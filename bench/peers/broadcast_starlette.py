"""A bare broadcast: Starlette, uvicorn's own WebSocket protocol, and a loop over everybody.

As much of graphql-transport-ws as the watchers ask for. It decides nothing and checks nobody: what
is POSTed is told to all who have subscribed, each under the id of their operation.
"""

import json
import os
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

SNAPSHOT = Path(os.environ["BROADCAST_SNAPSHOT_FILE"]).read_text()

subscribed: dict[WebSocket, str] = {}


async def subscribe(socket: WebSocket) -> None:
    """Greet a subscriber, tell the snapshot, and keep the socket until it goes."""
    await socket.accept(subprotocol="graphql-transport-ws")
    try:
        await socket.receive_text()
        await socket.send_text('{"type":"connection_ack"}')
        operation_id = json.loads(await socket.receive_text())["id"]
        await socket.send_text(message(operation_id, SNAPSHOT))
        subscribed[socket] = operation_id
        await socket.receive_text()
    except WebSocketDisconnect:
        subscribed.pop(socket, None)


async def change(request: Request) -> Response:
    """Tell everybody what came."""
    told = (await request.body()).decode()
    for socket, operation_id in list(subscribed.items()):
        await socket.send_text(message(operation_id, told))
    return Response()


def message(operation_id: str, told: str) -> str:
    """Write a message; the operation's id is the one part that is different for each."""
    return (
        f'{{"type":"next","id":"{operation_id}",'
        f'"payload":{{"data":{{"seatAvailability":{told}}}}}}}'
    )


async def ready(_request: Request) -> Response:
    """Say that it runs."""
    return Response()


app = Starlette(
    routes=[
        Route("/graphql", ready),
        Route("/changes", change, methods=["POST"]),
        WebSocketRoute("/graphql", subscribe),
    ]
)
