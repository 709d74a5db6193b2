"""Running the web server: its limits, and its word that it is ready."""

import asyncio
import socket
from collections.abc import Callable

import uvicorn
from rich.console import Console
from rich.table import Table
from starlette.applications import Starlette

from onsale.app import create_app
from onsale.door import host_and_port
from onsale.graphiql import PATH as GRAPHIQL_PATH
from onsale.no_http import JsonRefusals
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
    settings = settings.model_copy(update={"port": door.getsockname()[1]})
    app = create_app(settings)
    server = AnnouncedServer(
        _configuration(app, settings), app.state.closing, lambda: _say_where(console, settings)
    )
    server.run(sockets=[door])


class AnnouncedServer(uvicorn.Server):
    """A server that says so when it is ready, and not before."""

    def __init__(
        self, config: uvicorn.Config, closing: asyncio.Event, say_ready: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._closing = closing
        self._say_ready = say_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and then tell people where to go."""
        await super().startup(sockets)
        if self.started:
            self._say_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop; event streams end now, or else they would be waited for."""
        self._closing.set()
        await super().shutdown(sockets)


def _configuration(app: Starlette, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="uvloop",
        lifespan="on",  # A start that fails is a failed start.
        http=JsonRefusals,
        ws=PatientWebSocket,
        ws_max_size=WEB_SOCKET_MESSAGE_BYTES_MAX,
        ws_per_message_deflate=False,  # Messages are small, and each would be packed per viewer.
        ws_ping_interval=PING_EVERY_SECONDS,
        ws_ping_timeout=PING_EVERY_SECONDS,
        backlog=WAITING_CONNECTIONS_MAX,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=FINISH_SECONDS_MAX,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        access_log=False,  # One line an operation is logged by onsale itself.
        log_config=None,
        server_header=False,
    )


def _say_where(console: Console, settings: Settings) -> None:
    address = host_and_port(settings.host, settings.port)
    places = Table.grid(padding=(0, 2))
    if settings.serves_graphiql:
        places.add_row("Try it (GraphiQL)", f"http://{address}{GRAPHIQL_PATH}")
    places.add_row("API (POST, GET)", f"http://{address}/graphql")
    places.add_row("Live seat maps", f"ws://{address}/graphql (graphql-transport-ws)")
    places.add_row("Process is up", f"http://{address}/healthz")
    places.add_row("Can sell", f"http://{address}/readyz")
    console.print("\n[bold]onsale is ready.[/bold] Ctrl-C stops it.")
    console.print(places, "", highlight=False)
