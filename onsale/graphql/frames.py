"""WebSocket frames as a server sends them: not masked, so a frame is its head and then plain text.

Written by hand because the same text goes to thousands: it is put together once, and only what
differs between its readers is put in front.
"""

import struct
from collections.abc import Callable
from typing import Protocol

#: The last and only frame of a text message.
TEXT = 0x81
_SHORT, _MEDIUM = 126, 1 << 16


def text_frame(text: bytes) -> bytes:
    """Put a text message, UTF-8, into one frame."""
    size = len(text)
    if size < _SHORT:
        return b"%c%c" % (TEXT, size) + text
    if size < _MEDIUM:
        return struct.pack("!BBH", TEXT, _SHORT, size) + text
    return struct.pack("!BBQ", TEXT, _SHORT + 1, size) + text


class Line(Protocol):
    """A WebSocket's line to its client, past ASGI: what is written goes to the transport."""

    #: Called when a line that took no more takes something again.
    when_taking: Callable[[], None] | None

    @property
    def is_taking(self) -> bool:
        """Whether it is open, and its reader takes what it is sent."""

    def write(self, frames: bytes) -> None:
        """Send whole frames. Nothing happens once the line is closed."""


#: Where an ASGI scope's extensions have the line, if the server gives it.
LINE = "onsale.line"
