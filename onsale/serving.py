"""Running the web server: its limits, and its word that it is ready."""

import socket
from collections.abc import Callable

import uvicorn
from rich.console import Console
from rich.table import Table

from onsale.app import create_app
from onsale.door import host_and_port
from onsale.patience import PatientWebSocket
from onsale.settings import Settings

#: GraphQL operations are small; a larger message is no operation.
WEB_SOCKET_MESSAGE_BYTES_MAX = 65_536
#: Longer than proxies keep their connections, so that none sends into one that is just closing.
KEEP_ALIVE_SECONDS = 75
PING_EVERY_SECONDS = 20.0
FINISH_SECONDS_MAX = 3
#: Everybody comes in one second: the kernel keeps this many waiting at the door.
WAITING_CONNECTIONS_MAX = 4096


def run_server(settings: Settings, door: socket.socket, console: Console) -> None:
    """Serve behind this door until SIGTERM or Ctrl-C."""
    where = settings.host, door.getsockname()[1]
    settings = settings.model_copy(update={"port": where[1]})
    server = AnnouncedServer(_configuration(settings), lambda: _say_where(console, *where))
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


def _configuration(settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(settings),
        loop="uvloop",
        lifespan="on",  # A start that fails is a failed start.
        http="httptools",
        ws=PatientWebSocket,
        ws_max_size=WEB_SOCKET_MESSAGE_BYTES_MAX,
        ws_per_message_deflate=False,  # Messages are small, and each would be packed per viewer.
        ws_ping_interval=PING_EVERY_SECONDS,
        ws_ping_timeout=PING_EVERY_SECONDS,
        backlog=WAITING_CONNECTIONS_MAX,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=FINISH_SECONDS_MAX,
        access_log=False,  # One line an operation is logged by onsale itself.
        log_config=None,
        server_header=False,
    )


def _say_where(console: Console, host: str, port: int) -> None:
    address = host_and_port(host, port)
    places = Table.grid(padding=(0, 2))
    places.add_row("API (POST, GET)", f"http://{address}/graphql")
    places.add_row("Live seat maps", f"ws://{address}/graphql (graphql-transport-ws)")
    places.add_row("Process is up", f"http://{address}/healthz")
    places.add_row("Can sell", f"http://{address}/readyz")
    console.print("\n[bold]onsale is ready.[/bold] Ctrl-C stops it.")
    console.print(places, "", highlight=False)
