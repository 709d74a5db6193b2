"""Who takes nothing is cut off; who takes a little now and then is not."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from onsale import patience
from tests.faults.deaf import ReluctantSocket
from tests.given_time import eventually

#: Less than makes the server pause, and more than its kernel and the reader's take.
TEXT = "x" * 50_000
KERNEL_BYTES = 4_096
UNREAD_SECONDS = 0.6
FORBIDDEN = 4403
#: The frame that says so.
CLOSED = b"\x88\x02" + FORBIDDEN.to_bytes(2, "big")
RESTARTING = b"\x88\x02" + (1012).to_bytes(2, "big")
TOO_SLOW = patience.TOO_SLOW.to_bytes(2, "big") + b"Too slow"


@pytest.fixture(autouse=True)
def _short_of_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "UNREAD_SECONDS_MAX", UNREAD_SECONDS)


@pytest.fixture
def _small_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "KERNEL_BYTES_MAX", KERNEL_BYTES)


async def talk_without_end(_scope: Any, receive: Callable[[], Any], send: Any) -> None:
    """As an application, send as much as is taken."""
    await accept(receive, send)
    while True:
        await send({"type": "websocket.send", "text": TEXT})


async def talk_once(_scope: Any, receive: Callable[[], Any], send: Any) -> None:
    """Say one thing, and listen."""
    await accept(receive, send)
    await send({"type": "websocket.send", "text": TEXT})
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def talk_twice(_scope: Any, receive: Callable[[], Any], send: Any) -> None:
    """Say more than the server takes from an application before somebody reads."""
    await accept(receive, send)
    await send({"type": "websocket.send", "text": 2 * TEXT})
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def talk_and_close(_scope: Any, receive: Callable[[], Any], send: Any) -> None:
    """Say one thing, and close."""
    await accept(receive, send)
    await send({"type": "websocket.send", "text": TEXT})
    await send({"type": "websocket.close", "code": FORBIDDEN})


async def accept(receive: Callable[[], Any], send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept", "subprotocol": "graphql-transport-ws"})


@asynccontextmanager
async def talking(app: Any, **settings: Any) -> AsyncIterator[tuple[uvicorn.Server, int]]:
    """Serve it; gives the server and its port."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        config = uvicorn.Config(
            app, ws=patience.PatientWebSocket, lifespan="off", log_config=None, **settings
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[door]))
        await eventually(lambda: server.started)
        yield server, door.getsockname()[1]
        server.should_exit = True
        await task


async def unread_by(server: uvicorn.Server) -> Any:
    """Give the one line, once some of what was said on it waits here for its reader."""

    def waiting() -> list[Any]:
        lines = list(server.server_state.connections)
        return [line for line in lines if line.transport.get_write_buffer_size()]

    await eventually(lambda: len(waiting()) == 1)
    return waiting()[0]


async def test_who_reads_a_little_is_served_on_and_who_reads_nothing_is_cut_off() -> None:
    async with talking(talk_without_end) as (_, port):
        slow, deaf = [await asyncio.to_thread(ReluctantSocket, port) for _ in range(2)]
        for _ in range(round(5 * UNREAD_SECONDS / 0.02)):
            await asyncio.to_thread(slow.read_a_little)
            await asyncio.sleep(0.02)

        await eventually(lambda: not deaf.is_connected())
        assert slow.is_connected()

        await eventually(lambda: not slow.is_connected())  # Now that it has stopped, too.
        slow.close()
        deaf.close()


@pytest.mark.usefixtures("_small_kernel")
async def test_who_says_goodbye_and_reads_no_more_is_cut_off() -> None:
    async with talking(talk_once) as (server, port):
        deaf = await asyncio.to_thread(ReluctantSocket, port)
        await unread_by(server)

        deaf.say_goodbye()

        await eventually(lambda: not deaf.is_connected())
        deaf.close()


@pytest.mark.usefixtures("_small_kernel")
async def test_whom_we_close_and_who_reads_no_more_is_cut_off() -> None:
    async with talking(talk_and_close) as (server, port):
        deaf = await asyncio.to_thread(ReluctantSocket, port)
        line = await unread_by(server)

        assert not line.transport.is_closing(), "it would wait for an answer until then"
        await eventually(lambda: not deaf.is_connected())
        deaf.close()


@pytest.mark.usefixtures("_small_kernel")
async def test_a_server_that_ends_waits_no_longer_for_who_reads_no_more() -> None:
    async with talking(talk_once) as (server, port):
        deaf = await asyncio.to_thread(ReluctantSocket, port)
        await unread_by(server)

        server.should_exit = True

        await eventually(lambda: not deaf.is_connected())
        deaf.close()


@pytest.mark.usefixtures("_small_kernel")
async def test_who_reads_a_part_of_what_is_left_at_the_end_and_stops_is_cut_off() -> None:
    async with talking(talk_twice, ws_ping_interval=0.1, ws_ping_timeout=0.1) as (server, port):
        slow = await asyncio.to_thread(ReluctantSocket, port)
        line = await unread_by(server)
        await eventually(line.transport.is_closing)

        while not line.writable.is_set():
            await asyncio.to_thread(slow.read_a_little)

        assert line.transport.get_write_buffer_size() > 0
        await eventually(lambda: not slow.is_connected())
        slow.close()


@pytest.mark.usefixtures("_small_kernel")
async def test_who_has_read_all_and_hesitates_to_answer_is_closed_politely() -> None:
    async with talking(talk_and_close) as (_, port):
        reader = await asyncio.to_thread(ReluctantSocket, port)
        heard = b""
        while not heard.endswith(CLOSED):
            heard += await asyncio.to_thread(reader.read_a_little)

        await asyncio.sleep(2 * UNREAD_SECONDS)
        reader.say_goodbye()

        assert await asyncio.to_thread(reader.ends_politely)
        reader.close()


@pytest.mark.usefixtures("_small_kernel")
async def test_who_reads_nothing_and_wakes_up_just_then_is_told_to_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patience, "TOO_SLOW_SECONDS", 10)
    async with talking(talk_twice) as (server, port):
        late = await asyncio.to_thread(ReluctantSocket, port)
        line = await unread_by(server)
        await eventually(lambda: line.close_sent)

        heard = b""
        while TOO_SLOW not in heard:
            news = await asyncio.to_thread(late.read_a_little)
            assert news, "the line was cut"
            heard += news

        late.close()


@pytest.mark.usefixtures("_small_kernel")
async def test_who_is_too_slow_is_no_fault_of_the_application(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with talking(talk_without_end) as (server, port):
        deaf = await asyncio.to_thread(ReluctantSocket, port)
        await unread_by(server)
        await eventually(lambda: not server.server_state.connections)
        deaf.close()

    assert not [record for record in caplog.records if record.levelno > logging.INFO]


async def test_who_hangs_up_half_and_reads_on_gets_the_rest_and_the_end() -> None:
    async with talking(talk_once) as (server, port):
        client = await asyncio.to_thread(ReluctantSocket, port)
        client.hang_up_half()

        heard = b""
        while news := await asyncio.to_thread(client.read_a_little):
            heard += news

        assert heard.count(b"x") == len(TEXT)
        await eventually(lambda: not server.server_state.connections)
        client.close()


@pytest.mark.usefixtures("_small_kernel")
async def test_who_hangs_up_half_and_reads_nothing_is_let_go_of() -> None:
    async with talking(talk_once) as (server, port):
        deaf = await asyncio.to_thread(ReluctantSocket, port)
        await unread_by(server)

        deaf.hang_up_half()

        await eventually(lambda: not server.server_state.tasks)  # The application knows at once.
        await eventually(lambda: not server.server_state.connections)
        deaf.close()


@pytest.mark.usefixtures("_small_kernel")
async def test_a_client_that_is_just_leaving_does_not_stop_the_server_from_ending_in_order() -> (
    None
):
    async with talking(talk_once) as (server, port):
        leaving = [await asyncio.to_thread(ReluctantSocket, port) for _ in range(3)]
        await eventually(lambda: len(server.server_state.connections) == 3)
        for client in leaving:
            client.say_goodbye()
        lines = list(server.server_state.connections)
        await eventually(lambda: all(line.transport.is_closing() for line in lines))
        staying = await asyncio.to_thread(ReluctantSocket, port)
        await eventually(lambda: len(server.server_state.connections) == 4)

        server.should_exit = True

        heard = b""
        while news := await asyncio.to_thread(staying.read_a_little):
            heard += news
        assert heard.endswith(RESTARTING)
        for client in (*leaving, staying):
            client.close()


async def test_a_server_that_stops_closes_its_lines_a_group_at_a_time() -> None:
    told_at: list[int] = []
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async def listen(_scope: Any, receive: Callable[[], Any], send: Any) -> None:
        await accept(receive, send)
        assert (await receive())["code"] == 1012
        told_at.append(turns)

    count = 3 * patience.FAREWELLS_AT_ONCE
    async with talking(listen) as (server, port):
        clients = await asyncio.to_thread(lambda: [ReluctantSocket(port) for _ in range(count)])
        await eventually(lambda: len(server.server_state.connections) == count)
        counting = asyncio.create_task(take_turns())
        server.should_exit = True
        await eventually(lambda: len(told_at) == count)
        counting.cancel()
        for client in clients:
            client.close()

    assert told_at[-1] - told_at[0] >= 2
