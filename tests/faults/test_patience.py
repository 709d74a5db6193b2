"""Who takes nothing is cut off; who takes a little now and then is not."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from onsale import patience
from tests.faults.deaf import ReluctantSocket
from tests.given_time import eventually

TEXT = "x" * 50_000
UNREAD_SECONDS = 0.6


async def talk_without_end(_scope: Any, receive: Callable[[], Any], send: Any) -> None:
    """As an application, send as much as is taken."""
    await receive()
    await send({"type": "websocket.accept", "subprotocol": "graphql-transport-ws"})
    while True:
        await send({"type": "websocket.send", "text": TEXT})


@asynccontextmanager
async def talking() -> AsyncIterator[int]:
    """Serve it; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        config = uvicorn.Config(
            talk_without_end, ws=patience.PatientWebSocket, lifespan="off", log_config=None
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[door]))
        await eventually(lambda: server.started)
        yield door.getsockname()[1]
        server.should_exit = True
        await task


async def test_who_reads_a_little_is_served_on_and_who_reads_nothing_is_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patience, "UNREAD_SECONDS_MAX", UNREAD_SECONDS)
    async with talking() as port:
        slow, deaf = [await asyncio.to_thread(ReluctantSocket, port) for _ in range(2)]
        for _ in range(round(5 * UNREAD_SECONDS / 0.02)):
            await asyncio.to_thread(slow.read_a_little)
            await asyncio.sleep(0.02)

        await eventually(lambda: not deaf.is_connected())
        assert slow.is_connected()

        await eventually(lambda: not slow.is_connected())  # Now that it has stopped, too.
        slow.close()
        deaf.close()
