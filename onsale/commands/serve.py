"""`serve`: the API, with all that it needs."""

import socket
from collections.abc import Callable
from typing import Annotated

import typer
import uvicorn
from rich.table import Table

from onsale.app import create_app
from onsale.commands.reaching import console_of, ready
from onsale.commands.seed import seed_if_empty
from onsale.settings import Settings, StartError

#: GraphQL operations are small; a larger message is no operation.
WEB_SOCKET_MESSAGE_BYTES_MAX = 65_536
PING_EVERY_SECONDS = 20.0
FINISH_SECONDS_MAX = 3
#: Everybody comes in one second: the kernel keeps this many waiting at the door.
WAITING_CONNECTIONS_MAX = 4096


def serve(
    *,
    demo: Annotated[
        bool, typer.Option("--demo", help="Migrate, and load demo events when there are none.")
    ] = False,
) -> None:
    """Serve the API. Without a DATABASE_URL, on a PostgreSQL and a Valkey of its own."""
    given = Settings.read()
    with _bound(given.host, given.port) as door, ready(given, may_migrate=demo) as settings:
        if demo:
            seed_if_empty(settings)
        port = door.getsockname()[1]
        server = AnnouncedServer(_configuration(settings), lambda: _say_where(settings, port))
        server.run(sockets=[door])


class AnnouncedServer(uvicorn.Server):
    """A server that says so when it is ready, and not before."""

    def __init__(self, config: uvicorn.Config, say_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._say_ready = say_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and then tell people where to go."""
        await super().startup(sockets)
        if self.started:
            self._say_ready()


def _bound(host: str, port: int) -> socket.socket:
    """Take the port before anything is started for it; the server listens when it is ready."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        door = socket.socket(family, kind)
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(address)
    except OSError as fault:
        raise StartError(
            f"Cannot serve on {host}:{port}: {fault.strerror}. Choose others by ONSALE_HOST and "
            "ONSALE_PORT."
        ) from None
    return door


def _configuration(settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(settings),
        loop="uvloop",
        lifespan="on",  # A start that fails is a failed start.
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=WEB_SOCKET_MESSAGE_BYTES_MAX,
        ws_per_message_deflate=False,  # Messages are small, and each would be packed per viewer.
        ws_ping_interval=PING_EVERY_SECONDS,
        ws_ping_timeout=PING_EVERY_SECONDS,
        backlog=WAITING_CONNECTIONS_MAX,
        timeout_graceful_shutdown=FINISH_SECONDS_MAX,
        access_log=False,  # One line an operation is logged by onsale itself.
        log_config=None,
        server_header=False,
    )


def _say_where(settings: Settings, port: int) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    places = Table.grid(padding=(0, 2))
    places.add_row("API (POST, GET)", f"http://{host}:{port}/graphql")
    places.add_row("Live seat maps", f"ws://{host}:{port}/graphql (graphql-transport-ws)")
    places.add_row("Process is up", f"http://{host}:{port}/healthz")
    places.add_row("Can sell", f"http://{host}:{port}/readyz")
    console = console_of(settings)
    console.print("\n[bold]onsale is ready.[/bold] Ctrl-C stops it.")
    console.print(places, "", highlight=False)
