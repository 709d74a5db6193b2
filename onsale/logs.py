"""The log: one line a fact, for people or for machines, and no secrets in it."""

import asyncio
import atexit
import logging
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from random import getrandbits
from typing import Any

import orjson
import structlog
from structlog.typing import EventDict, Processor

from onsale.settings import LogFormat

REQUEST_ID_HEADER = "x-request-id"

_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
#: Uvicorn writes by the second where `onsale.patience` is at work, and by the first elsewhere.
_ABOUT_SOCKETS = {"uvicorn.error", "onsale.sockets"}
_PER_SOCKET = re.compile(r'"WebSocket|^connection (open|closed)|^Invalid UTF-8 sequence')
#: What exceptions may quote of a request or a row: addresses, our tokens, passwords within URLs.
_SECRETS = re.compile(
    r"[\w.+-]+@[\w-]+\.[\w.-]+|eyJ[\w-]+\.[\w-]+\.[\w-]*|(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"
)

#: One list for good: loggers keep the one they first wrote with, and must follow a new format.
_PROCESSORS: list[Processor] = []

#: Lines of this turn of the event loop.
_UNWRITTEN: list[str] = []

log = structlog.get_logger("onsale.graphql")


def configure_logs(log_format: LogFormat) -> None:
    """Make structlog and the standard library's loggers, uvicorn's among them, write alike."""
    renderer = _renderer(log_format)
    _PROCESSORS[:] = [*_shared(), renderer]
    structlog.configure(
        processors=_PROCESSORS,
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=LineLogger,
        cache_logger_on_first_use=True,
    )
    handler = LineHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_shared(),
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    handler.addFilter(_is_news)
    # Other libraries' chatter may quote URLs and what they carry; their warnings matter.
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    _let_uvicorn_follow()


def log_fact(event: str, facts: dict[str, Any]) -> None:
    """Log what happens all the time, at level info, with all that there is to say of it.

    For machines the line is what structlog would write, in a fifth of the time: nothing is bound,
    merged or searched for secrets. So there must be none in it.
    """
    if _PROCESSORS and _PROCESSORS[-1] is _FOR_MACHINES:
        facts |= {"event": event, "level": "info", "timestamp": datetime.now(UTC)}
        _write_soon(orjson.dumps(facts, option=orjson.OPT_UTC_Z).decode())
    else:
        log.info(event, **facts)


def _write_soon(line: str) -> None:
    """Write what happens in one turn of the event loop at once, and without one now."""
    if not _UNWRITTEN:
        try:
            asyncio.get_running_loop().call_soon(_write_all)
        except RuntimeError:
            write_line(line)
            return
    _UNWRITTEN.append(line)


def _write_all() -> None:
    lines = _UNWRITTEN.copy()
    del _UNWRITTEN[: len(lines)]  # Another thread may just have added one.
    if lines:
        write_line("\n".join(lines))


def write_line(line: str) -> None:
    """Write to standard error if that works: no sale fails because a log cannot be written."""
    if _UNWRITTEN:
        _write_all()  # First what was said before.
    with suppress(OSError, ValueError):
        sys.stderr.write(line + "\n")


class LineLogger:
    """The end of structlog's chain."""

    def __init__(self, *_: Any) -> None:
        """Take structlog's arguments for factories, of which we use none."""

    def msg(self, line: str) -> None:
        """Write a line, of whatever level."""
        write_line(line)

    debug = info = warning = error = critical = exception = fatal = log = msg


class LineHandler(logging.Handler):
    """The end of the standard library's chain."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record as a line."""
        write_line(self.format(record))


def request_id_of(headers: Mapping[str, str]) -> str:
    """Take the id that a proxy gave the request, if it looks like one, or make one."""
    return request_id_like(headers.get(REQUEST_ID_HEADER))


def request_id_like(given: str | None) -> str:
    """Take what was given as the request's id, if it looks like one, or make one."""
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given
    return f"{getrandbits(64):016x}"  # It is a name, and no secret.


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        hide_secrets,
    ]


def hide_secrets(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Blank out what a traceback or a foreign library's line may quote; our own lines never do."""
    for key in ("exception", "event"):
        text = event.get(key)
        if isinstance(text, str) and ("@" in text or "eyJ" in text):
            event[key] = _SECRETS.sub("[hidden]", text)
    return event


def _renderer(log_format: LogFormat) -> Processor:
    if log_format is LogFormat.JSON:
        return _FOR_MACHINES
    # Never structlog's rich tracebacks: they print the values of local variables.
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )


def _json_line(event: EventDict, **_: Any) -> str:
    return orjson.dumps(event, default=str).decode()


_FOR_MACHINES: Processor = structlog.processors.JSONRenderer(serializer=_json_line)


#: A turn that a server's end cuts short has its lines, too.
atexit.register(_write_all)


def _is_news(record: logging.LogRecord) -> bool:
    """Leave out uvicorn's lines per socket.

    They quote whole URLs, whatever is in them, and a frame of bad UTF-8 is no traceback's worth.
    """
    return not (record.name in _ABOUT_SOCKETS and _PER_SOCKET.search(str(record.msg)))


def _let_uvicorn_follow() -> None:
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.getLogger("uvicorn").setLevel(logging.INFO)
    logging.getLogger("uvicorn.access").disabled = True
