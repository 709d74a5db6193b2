"""WebSockets whose reader has stopped reading are cut off, and cost little until then.

What such a reader is sent waits in buffers here and in the kernel; a polite close would wait
behind it for ever, and a peer that still answers the kernel's probes is never found dead.
"""

import asyncio
import fcntl
import logging
import socket
import struct
import sys
import termios
from asyncio.transports import BaseTransport
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.http11 import Request
from websockets.protocol import Protocol, State

from onsale.graphql.frames import LINE, is_pong, usual_text
from onsale.handshakes import Handshake, usual_handshake

#: Next to nothing of what waits was taken for so long: whoever it is may come again and resume.
UNREAD_SECONDS_MAX = 10.0
#: What a reader is told then who wakes up just now, and for how long we hope for that.
TOO_SLOW, TOO_SLOW_SECONDS = 4008, 1.0
#: Less is what kernels shift between them while nobody reads.
TAKEN_BYTES_MIN = 8 * 1024
#: Left to itself, the kernel keeps megabytes for each of them. It doubles what it is asked for.
KERNEL_BYTES_MAX = 128 * 1024
SWITCHING_PROTOCOLS = 101
#: What an application is told of a line that ended without a word.
GONE = 1006
#: What uvicorn and `websockets` say of each socket that comes and goes is not kept (`onsale.logs`);
#: asking all handlers whether to keep it costs a tenth of letting a client in.
QUIET = logging.getLogger("onsale.sockets")
QUIET.setLevel(logging.WARNING)
#: How many lines are closed at a turn of the event loop when the server stops.
FAREWELLS_AT_ONCE = 64
#: How to close: the kernel shall not go on to offer what nobody reads.
AT_ONCE = struct.pack("ii", 1, 0)


class PatientWebSocket(WebSocketsSansIOProtocol):
    """Uvicorn's protocol, with an end to its patience."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._patience: asyncio.TimerHandle | None = None
        self.logger = self.conn.logger = QUIET
        self._line: socket.socket
        #: What the application has yet to say yes or no to.
        self._handshake: Handshake | None = None
        #: Whether all of its frames so far came one by one, and were read here.
        self._is_usual = False
        #: Whether its reader takes what it is sent, as far as we know.
        self.is_taking = True
        #: Called when a line that took no more takes something again.
        self.when_taking: Callable[[], None] | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """Say how much may be on its way to the reader."""
        super().connection_made(transport)
        self._line = transport.get_extra_info("socket")
        self._line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES_MAX)

    def data_received(self, data: bytes) -> None:
        """Take what the client sends: a handshake, then mostly short messages, one by one.

        What is unusual is read by `websockets`, and so is then all that follows: it may be in the
        middle of a frame. Answers to our pings come whole, so that it is not.
        """
        if self._is_usual and self.handshake_complete and self.conn.state is State.OPEN:
            text = usual_text(data)
            if text is not None and len(text) <= self.config.ws_max_size:
                self.curr_msg_data_type, self.frames = "text", [text]
                self.send_receive_event_to_app()
                return
        self._is_usual = self._is_usual and is_pong(data)
        handshake = None
        if not self.handshake_initiated and not self.config.ws_per_message_deflate:
            handshake = usual_handshake(data)
        if handshake is not None:
            self.begin(handshake)
        else:
            super().data_received(data)

    def begin(self, handshake: Handshake) -> None:
        """Ask the application about a handshake, as `handle_connect` does with unusual ones."""
        self._is_usual = True
        self._handshake = handshake
        self.handshake_initiated = True
        self.conn.parser = Protocol.parse(self.conn)  # From now on there are frames.
        next(self.conn.parser)
        self.scope = {
            "type": "websocket",
            "asgi": {"version": self.asgi_version, "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": self.scheme,
            "server": self.server,
            "client": self.client,
            "root_path": self.root_path,
            "path": self.root_path + handshake.path,
            "raw_path": self.root_path.encode() + handshake.raw_path,
            "query_string": handshake.query_string,
            "headers": handshake.headers,
            "subprotocols": handshake.subprotocols,
            "state": self.app_state.copy(),
            "extensions": {"websocket.http.response": {}, LINE: self},  # type: ignore[dict-item]
        }
        self.queue.put_nowait({"type": "websocket.connect"})
        task = self.loop.create_task(self.run_asgi())
        task.add_done_callback(self.on_task_complete)
        self.tasks.add(task)

    async def send(self, message: Any) -> None:
        """Send what the application says; a usual handshake is accepted without `websockets`."""
        if message["type"] != "websocket.accept" or self._handshake is None:
            await super().send(message)
            return
        if self.disconnected or self.transport.is_closing():
            raise ClientDisconnected
        headers = [*self.default_headers, *message.get("headers", ())]
        self.transport.write(self._handshake.answer(headers, message.get("subprotocol")))
        self._handshake = None
        self.conn.state = State.OPEN
        self.handshake_complete = True
        self.start_keepalive()

    def handle_connect(self, event: Request) -> None:
        """Show the application the way to write past ASGI (`onsale.graphql.frames.Line`)."""
        super().handle_connect(event)
        if self.response.status_code == SWITCHING_PROTOCOLS:
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[LINE] = self

    def write(self, frames: bytes) -> None:
        """Send whole frames. Nothing happens once the line is closed."""
        if self.conn.state is State.OPEN and not self.transport.is_closing():
            self.transport.write(frames)

    def pause_writing(self) -> None:
        """Wait for the reader, since it takes less than it is sent."""
        super().pause_writing()
        self.is_taking = False
        self._wait_for_reader()

    def resume_writing(self) -> None:
        """Go on: it reads. At the end it has to read the rest, too."""
        if not (self.close_sent or self.transport.is_closing()):
            self._wait_no_more()
        super().resume_writing()
        self.is_taking = True
        if self.when_taking is not None:
            self.when_taking()

    def keepalive_timeout(self) -> None:
        """Close politely whoever does not answer; but what was never read is in the way of that."""
        super().keepalive_timeout()
        self.disconnected = True
        self._wait_for_reader()

    def send_receive_event_to_app(self) -> None:
        """Pass a message on; one that is no UTF-8 closes the line, as far as it is still open."""
        try:
            super().send_receive_event_to_app()
        except InvalidState:  # The client has closed in the same breath.
            self.handle_parser_exception()

    def handle_parser_exception(self) -> None:
        """Close on whoever breaks the rules of frames.

        What the application has yet to send finds nobody then; to uvicorn that is a fault of the
        application, with a traceback, though it could not know.
        """
        if self.conn.close_sent is None:  # Nobody has been let in yet, so there is nothing to say.
            self.disconnected = True
            self.transport.abort()
            return
        super().handle_parser_exception()
        self.disconnected = True
        self._wait_for_reader()

    async def run_asgi(self) -> None:
        """Serve until one side closes, however it says so; the same is in the way of that."""
        app, self.app = self.app, self._answering(self.app)
        await super().run_asgi()
        self.app = app  # Nothing is left that leads from here to here: see also the next line.
        self.scope["extensions"].pop(LINE, None)
        if not self.disconnected:
            self._wait_for_reader()

    def _answering(self, app: Any) -> Any:
        """Note that a handshake is over that was refused in words: uvicorn forgets it."""

        async def answer(scope: Any, receive: Any, send: Any) -> None:
            await app(scope, receive, send)
            self.handshake_complete |= self.initial_response is not None

        return answer

    def eof_received(self) -> None:
        """Let go of who will say no more, even if they do not read what is left."""
        super().eof_received()  # The transport closes now: once all is written.
        self.queue.put_nowait({"type": "websocket.disconnect", "code": GONE})
        self.disconnected = True
        self._wait_for_reader()

    def shutdown(self) -> None:
        """Close, since the server stops; when it is this line's turn."""
        Farewells.of(self.config).say_to(self)

    def say_farewell(self) -> None:
        """Close now; a line that is just closing anyway is no reason to give up on the others."""
        if self not in self.connections:
            return  # It is gone.
        try:
            super().shutdown()
        except InvalidState:  # The client has said goodbye, and we have answered.
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget about it."""
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait_for_reader(self) -> None:
        """Begin to wait; who waits already does not begin anew."""
        if self._patience is None:
            unread = self._unread_bytes()
            self._patience = self.loop.call_later(UNREAD_SECONDS_MAX, self._lose_patience, unread)

    def _lose_patience(self, before: int) -> None:
        """Cut the line, unless the reader has taken some of it meanwhile."""
        self._patience = None
        unread = self._unread_bytes()
        if before - unread >= TAKEN_BYTES_MIN:
            self._wait_for_reader()
        elif unread and self.conn.state is State.OPEN and not self.transport.is_closing():
            self._call_too_slow()
            self._patience = self.loop.call_later(TOO_SLOW_SECONDS, self._cut)
        elif unread:  # Or else nothing is in the way of a polite close.
            self._cut()

    def _call_too_slow(self) -> None:
        """Close politely, which is heard by who takes the rest within a second; they may resume."""
        reason = "Too slow: subscribe again from your last version"
        self.queue.put_nowait({"type": "websocket.disconnect", "code": TOO_SLOW, "reason": reason})
        self.conn.send_close(TOO_SLOW, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.disconnected = self.close_sent = True
        self.writable.set()  # Who waits to send something waits no more.

    def _cut(self) -> None:
        self._patience = None
        if self._unread_bytes():
            self._line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self.transport.abort()

    def _unread_bytes(self) -> int:
        """Count what the reader has yet to take: here, and in the kernel, where that can be told.

        The kernel takes more from us only once it has got rid of a good deal.
        """
        here: int = self.transport.get_write_buffer_size()
        try:
            answer = fcntl.ioctl(self._line.fileno(), termios.TIOCOUTQ, bytes(4))
        except (OSError, ValueError):
            return here
        return here + int.from_bytes(answer, sys.byteorder)

    def _wait_no_more(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


class Farewells:
    """Closes all lines of a server that stops, a group at a time.

    The application ends what each of them follows: all at once, that would stand in the way of the
    payments that are being finished.
    """

    _of_servers: ClassVar["WeakKeyDictionary[Config, Farewells]"] = WeakKeyDictionary()

    def __init__(self) -> None:
        self._lines: deque[PatientWebSocket] = deque()

    @classmethod
    def of(cls, server: Config) -> "Farewells":
        """Give those of the server that has this configuration."""
        return cls._of_servers.setdefault(server, cls())

    def say_to(self, line: PatientWebSocket) -> None:
        """Close this line after those that were named before."""
        self._lines.append(line)
        if len(self._lines) == 1:
            line.loop.call_soon(self._go_on, line.loop)

    def _go_on(self, loop: asyncio.AbstractEventLoop) -> None:
        for _ in range(min(len(self._lines), FAREWELLS_AT_ONCE)):
            self._lines.popleft().say_farewell()
        if self._lines:
            loop.call_soon(self._go_on, loop)
