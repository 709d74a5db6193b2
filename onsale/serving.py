"""Running the web server: its limits, and its word that it is ready."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable

import structlog
import uvicorn
from starlette.applications import Starlette

from onsale.app import create_app
from onsale.crew.worker import END_SECONDS_MAX
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

#: Calls what it is given once the server shall end, from within the event loop.
WhenToEnd = Callable[[Callable[[], None]], None]

log = structlog.get_logger("onsale.serving")


def run_server(
    settings: Settings,
    door: socket.socket,
    say_ready: Callable[[], None],
    when_to_end: WhenToEnd | None = None,
) -> None:
    """Serve behind this door until SIGTERM or Ctrl-C, or until `when_to_end` says so.

    `say_ready` is called once whoever comes is let in. Raises StartError.
    """
    app = create_app(settings)
    server = AnnouncedServer(
        _configuration(app, settings), app.state.closing, say_ready, when_to_end
    )
    server.run(sockets=[door])


class AnnouncedServer(uvicorn.Server):
    """A server that says so when it is ready, and not before."""

    def __init__(
        self,
        config: uvicorn.Config,
        closing: asyncio.Event,
        say_ready: Callable[[], None],
        when_to_end: WhenToEnd | None,
    ) -> None:
        super().__init__(config)
        self._closing = closing
        self._say_ready = say_ready
        self._when_to_end = when_to_end

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and then tell people where to go."""
        if self._when_to_end is not None:
            self._when_to_end(self._end)
        await super().startup(sockets)
        if self.started:
            self._say_ready()
            loop = type(asyncio.get_running_loop())
            log.info("This process serves", process=os.getpid(), event_loop=loop.__module__)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop; event streams end now, or else they would be waited for."""
        self._closing.set()
        await super().shutdown(sockets)

    def _end(self) -> None:
        """End in order; there is nobody who would insist, so the kernel shall."""
        self.should_exit = True
        signal.alarm(END_SECONDS_MAX)


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
