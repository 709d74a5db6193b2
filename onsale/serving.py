"""Running the web server: its limits, and its word that it is ready."""

import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.lifespan.on import LifespanOn

from onsale.app import create_app
from onsale.crew.worker import END_SECONDS_MAX
from onsale.patience import PatientWebSocket
from onsale.settings import Settings
from onsale.short_way import ShortWayProtocol

#: GraphQL operations are small; a larger message is no operation.
WEB_SOCKET_MESSAGE_BYTES_MAX = 65_536
#: Longer than proxies keep their connections, so that none sends into one that is just closing.
KEEP_ALIVE_SECONDS = 75
PING_EVERY_SECONDS = 20.0
FINISH_SECONDS_MAX = 3
#: Everybody comes in one second: the kernel keeps this many waiting at the door.
WAITING_CONNECTIONS_MAX = 4096

#: How often a server that may not open yet looks whether it shall end instead.
LOOK_EVERY_SECONDS = 0.05

log = structlog.get_logger("onsale.serving")


class Attendant(Protocol):
    """Whoever has started a server: lets it open, is told that it has, and may tell it to end."""

    def attend(self, end: Callable[[], None]) -> None:
        """Begin, within the event loop: from now on `end` may be called."""

    async def until_open(self) -> None:
        """Wait until the server may let people in, which it could from now on."""

    def opened(self) -> None:
        """Hear that it does let them in."""


def run_server(settings: Settings, door: socket.socket, attendant: Attendant) -> None:
    """Serve behind this door until SIGTERM, Ctrl-C or the attendant's word. Raises StartError."""
    app = create_app(settings)
    server = AttendedServer(_configuration(app, settings), app.state.closing, attendant)
    server.run(sockets=[door])


class AttendedServer(uvicorn.Server):
    """A server that opens when it may, and says so when it has."""

    def __init__(
        self, config: uvicorn.Config, closing: asyncio.Event, attendant: Attendant
    ) -> None:
        super().__init__(config)
        self._closing = closing
        self._attendant = attendant

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and open: listen, and not before."""
        self._attendant.attend(self._end)
        self.lifespan = _HeldBack(self.config, self._until_open)
        await super().startup(sockets)
        if self.started:
            self._attendant.opened()
            loop = type(asyncio.get_running_loop())
            log.info("This process serves", process=os.getpid(), event_loop=loop.__module__)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop; event streams end now, or else they would be waited for."""
        self._closing.set()
        await super().shutdown(sockets)

    async def _until_open(self) -> None:
        """Wait for the attendant's word; one that shall end meanwhile waits no more."""
        word = asyncio.ensure_future(self._attendant.until_open())
        while not (word.done() or self.should_exit):
            await asyncio.wait({word}, timeout=LOOK_EVERY_SECONDS)
        word.cancel()

    def _end(self) -> None:
        """End in order; there is nobody who would insist, so the kernel shall."""
        self.should_exit = True
        signal.alarm(END_SECONDS_MAX)


class _HeldBack(LifespanOn):
    """The application's start, which is not over before the server may open."""

    def __init__(self, config: uvicorn.Config, until_open: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._until_open = until_open

    async def startup(self) -> None:
        """Start, and wait."""
        await super().startup()
        if not self.should_exit:
            await self._until_open()


def _configuration(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="uvloop",
        lifespan="on",  # A start that fails is a failed start.
        http=ShortWayProtocol,
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
