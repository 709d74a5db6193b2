"""Running the pretending provider until SIGTERM, Ctrl-C, or the end of whoever started it."""

import asyncio
import socket
import sys

import uvicorn

from onsale.payments.pretend.own import RECORD
from onsale.payments.pretend.program import create_provider
from onsale.payments.pretend.record import Record
from onsale.settings import Settings, StartError


def run(
    settings: Settings,
    host: str,
    port: int,
    fd: int | None,
    notify: tuple[str, ...],
    slow_seconds: float,
) -> None:
    """Serve the provider's interface."""
    assert settings.payments_key is not None, "the command sees to it"
    key = settings.payments_key.get_secret_value()
    app = create_provider(Record(settings.data_dir / RECORD), key, notify, slow_seconds)
    try:
        door = socket.socket(fileno=fd) if fd is not None else socket.create_server((host, port))
    except OSError as fault:
        raise StartError(f"Cannot serve on {host}:{port}: {fault.strerror}.") from None
    config = uvicorn.Config(
        app, http="httptools", ws="none", access_log=False, server_header=False, log_level="warning"
    )
    if fd is None:
        where = "{}:{}".format(*door.getsockname()[:2])
        print(f"The pretending payment provider is at http://{where}", flush=True)  # noqa: T201 - for who starts it.
    asyncio.run(serve(uvicorn.Server(config), door, ends_with_input=fd is not None))


async def serve(server: uvicorn.Server, door: socket.socket, *, ends_with_input: bool) -> None:
    """Serve behind this door; with `ends_with_input` until nobody holds our standard input."""
    if ends_with_input:
        loop = asyncio.get_running_loop()

        def ended() -> None:
            loop.remove_reader(sys.stdin.fileno())
            server.should_exit = True

        loop.add_reader(sys.stdin.fileno(), ended)
    await server.serve(sockets=[door])
