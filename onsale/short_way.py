"""From the parsed request to the answer's bytes without tasks and messages in between.

By ASGI a request costs a task, a channel of messages each way and a look at every character of
every header of the answer: as much as a small operation itself. An application that has a
`short_way` is asked by plain calls instead, once the whole request is there; what it cannot answer
at once comes when its future is done. Whatever is unusual goes the long way: large bodies, bodies
of unknown length, upgrades, `Expect`, streams.

Uvicorn's protocol does the rest as ever: parsing, keep-alive, pipelining, the server's end.
"""

import asyncio
from contextvars import Context, copy_context
from functools import partial
from typing import Any, NamedTuple, Protocol

from starlette.types import Scope
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from onsale.at_once import at_once
from onsale.graphql.http import Done, Waiting
from onsale.graphql.http_requests import HttpRequest, announced_bytes
from onsale.graphql.replies import Headers, Reply
from onsale.handshakes import Handshake, usual_handshake
from onsale.no_http import JsonRefusals
from onsale.patience import PatientWebSocket

#: A longer one is read piece by piece, so that no client fills our memory while it is slow.
SHORT_BODY_BYTES_MAX = HIGH_WATER_LIMIT
#: From here on, copying an answer behind its head costs more than writing twice.
JOINED_BYTES_MAX = 32 * 1024


class ShortWay(Protocol):
    """How an application is asked."""

    def is_short(self, scope: Scope) -> bool:
        """Tell whether it answers this request."""

    def begin(self, request: HttpRequest) -> Done:
        """Answer a request that is there as a whole, as far as that needs no waiting."""

    def resume(self, request: HttpRequest, waiting: Waiting) -> Done:
        """Go on with what has been waited for."""


class Asked(NamedTuple):
    """A request that is answered the short way, and where uvicorn keeps what becomes of it."""

    request: HttpRequest
    cycle: RequestResponseCycle
    context: Context


class ShortWayProtocol(JsonRefusals):
    """Uvicorn's protocol, with a short way through it."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._short_way: ShortWay | None = getattr(self.config.app, "short_way", None)
        self._proxies = _proxies(self.app, self.config.forwarded_allow_ips)
        #: Until something comes: nothing of it is in the parser yet.
        self._is_new = True
        self._shakes_hands = (
            self.ws_protocol_class is PatientWebSocket and not self.config.ws_per_message_deflate
        )
        #: What is answered next, as soon as its body is there.
        self._asked: Asked | None = None
        #: What is waited for.
        self._waited_for: asyncio.Future[Any] | None = None
        self._date: tuple[Headers, bytes] = ([], b"")
        #: Since when nothing is asked here, by the loop's clock; None: something is.
        self._idle_since: float | None = None
        #: Looks, while more waits to be read than the line takes, whether any of it is read.
        self._look_at_reader: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Parse, and answer what has become a whole request."""
        if self._is_new:
            self._is_new = False
            if self._shakes_hands and (handshake := usual_handshake(data)) is not None:
                self._shake_hands(handshake)
                return
        super().data_received(data)
        if self._asked is not None and not self._asked.cycle.more_body:
            self._answer()

    def _shake_hands(self, handshake: Handshake) -> None:
        """Leave the line to a WebSocket, as `handle_websocket_upgrade` does."""
        self.connections.discard(self)
        self.parser: Any = None  # It leads back here.
        socket = PatientWebSocket(self.config, self.server_state, self.app_state)
        socket.connection_made(self.transport)
        socket.begin(handshake)
        self.transport.set_protocol(socket)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up what nobody waits for any more."""
        super().connection_lost(exc)
        self._asked = None
        if self._waited_for is not None:
            self._waited_for.cancel()
        self._look_no_more()
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None

    def pause_writing(self) -> None:
        """Wait for a reader; not for ever, since nothing else ends a line that nobody reads."""
        super().pause_writing()
        self._look_later(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Go on: it is read."""
        super().resume_writing()
        self._look_no_more()

    def _look_later(self, unread_bytes: int) -> None:
        self._look_no_more()
        self._look_at_reader = self.loop.call_later(
            self.timeout_keep_alive, self._look, unread_bytes
        )

    def _look(self, before: int) -> None:
        """Cut the line if nothing of what waited has been taken meanwhile."""
        unread_bytes = self.transport.get_write_buffer_size()
        if unread_bytes < before:
            self._look_later(unread_bytes)
        else:
            self.transport.abort()

    def _look_after_closing(self) -> None:
        """Do not wait for ever for a reader of what is left."""
        if unread_bytes := self.transport.get_write_buffer_size():
            self._look_later(unread_bytes)

    def _look_no_more(self) -> None:
        if self._look_at_reader is not None:
            self._look_at_reader.cancel()
            self._look_at_reader = None

    def on_response_complete(self) -> None:
        """Go on with the pipeline, or wait for more, as uvicorn does; but with one timer for all.

        To set one for each answer and to cancel it at the next request costs as much as to parse
        that. So it is left to run, and looks when it ends whether it is time already.
        """
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            if not self.pipeline:  # Or else the line that is long already would grow.
                self.flow.resume_reading()
            self._start_asgi_task(cycle, app)
            return
        self.flow.resume_reading()
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._hang_up_after(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        """Hang up if nothing has been asked for long enough."""
        self.timeout_keep_alive_task = None
        if self._idle_since is None:
            return  # The end of what is being done sets the timer again.
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._hang_up_after(left)
        else:
            super().timeout_keep_alive_handler()
            self._look_after_closing()

    def _hang_up_after(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            seconds, self.timeout_keep_alive_handler
        )

    def _unset_keepalive_if_required(self) -> None:
        """Note that something is asked; the timer runs on."""
        self._idle_since = None

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Begin with a request whose head is there, and, after others in a pipeline, its body."""
        request = self._short_request(cycle) if app is self.app else None
        if request is None:
            super()._start_asgi_task(cycle, app)
            return
        self._asked = Asked(request, cycle, copy_context())
        if not cycle.more_body:
            self.loop.call_soon(self._answer)  # Not now: pipelines are longer than the stack is.

    def _short_request(self, cycle: RequestResponseCycle) -> HttpRequest | None:
        scope: Any = cycle.scope
        if self._short_way is None or not self._short_way.is_short(scope):
            return None
        if self._proxies is not None:
            at_once(self._proxies(scope, _unused, _unused))
        request = HttpRequest(scope)
        headers = request.headers
        if b"upgrade" in headers or b"expect" in headers or b"transfer-encoding" in headers:
            return None
        is_small = (announced_bytes(request) or 0) <= SHORT_BODY_BYTES_MAX
        return request if is_small else None

    def _answer(self) -> None:
        """Answer the request that is there; not on a line that is closed, where nobody hears it."""
        asked = self._asked
        if asked is None or asked.cycle.more_body:
            return  # It was another one's turn, and this one's comes when its body is there.
        self._asked = None
        if not self.transport.is_closing():
            asked.request.body = asked.cycle.body
            asked.context.run(self._begin, asked)

    def _begin(self, asked: Asked) -> None:
        if self._short_way is not None:
            self._conclude(asked, self._short_way.begin(asked.request))

    def _conclude(self, asked: Asked, done: Done) -> None:
        if isinstance(done, Reply):
            self._reply(asked.cycle, done)
        elif isinstance(done, Waiting):
            self._wait(asked, done)
        else:
            stream: Any = done
            super()._start_asgi_task(asked.cycle, stream)

    def _wait(self, asked: Asked, waiting: Waiting) -> None:
        """Wait, as one of those whom the server waits for at its end, and cancels then."""
        future: Any = waiting.future  # Uvicorn expects tasks there, and asks no more of them.
        self._waited_for = future
        self.tasks.add(future)
        future.add_done_callback(partial(self._go_on, asked, waiting), context=asked.context)

    def _go_on(self, asked: Asked, waiting: Waiting, future: Any) -> None:
        self.tasks.discard(future)
        self._waited_for = None
        if self._short_way is not None and not self.transport.is_closing():
            self._conclude(asked, self._short_way.resume(asked.request, waiting))
        elif not future.cancelled():
            future.exception()  # Nobody is left to be told.

    def _reply(self, cycle: RequestResponseCycle, reply: Reply) -> None:
        """Write an answer, as uvicorn would have done it."""
        if cycle.disconnected or self.transport.is_closing():
            return
        if self.flow.write_paused:  # By the answer before, which nobody takes.
            task = self.loop.create_task(self._reply_later(cycle, reply))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
            return
        cycle.response_started = cycle.response_complete = True
        self._write(cycle, reply)
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
            self._look_after_closing()
        on_response, cycle.on_response = cycle.on_response, _nothing
        on_response()

    async def _reply_later(self, cycle: RequestResponseCycle, reply: Reply) -> None:
        await self.flow.drain()
        self._reply(cycle, reply)

    def _write(self, cycle: RequestResponseCycle, reply: Reply) -> None:
        body = b"" if cycle.scope["method"] == "HEAD" else reply.body
        parts = [STATUS_LINE[reply.status], self._date_line()]
        for name, value in reply.headers:
            parts += (name, b": ", value, b"\r\n")
        parts.append(b"content-length: %d\r\n" % len(reply.body))
        parts.append(b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n")
        if len(body) <= JOINED_BYTES_MAX:
            parts.append(body)
            self.transport.write(b"".join(parts))
        else:
            self.transport.write(b"".join(parts))
            self.transport.write(body)

    def _date_line(self) -> bytes:
        """Write down what uvicorn says with every answer; it makes a new list of it each second."""
        headers, line = self._date
        if headers is not self.server_state.default_headers:
            headers = self.server_state.default_headers
            line = b"".join(b"%s: %s\r\n" % header for header in headers)
            self._date = headers, line
        return line


def _proxies(app: Any, trusted: Any) -> ProxyHeadersMiddleware | None:
    """Give what finds the client behind the proxies that are configured, if any are.

    It changes the scope and then calls an application: one that does nothing.
    """
    if not isinstance(app, ProxyHeadersMiddleware):
        return None
    return ProxyHeadersMiddleware(_nothing_asked, trusted)


async def _nothing_asked(*_: Any) -> None: ...


async def _unused(*_: Any) -> Any: ...


def _nothing() -> None: ...
