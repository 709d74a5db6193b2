"""WebSocket frames (RFC 6455, section 5.2) as this server writes and mostly gets them.

Those of a server are not masked: a frame is its head and then plain text. Written by hand because
the same text goes to thousands: it is put together once, and only what differs between its readers
is put in front. Those of clients are masked, and nearly all of them short texts, one at a time.
"""

import struct
from collections.abc import Callable
from typing import Protocol

#: The last and only frame of a text message.
TEXT = 0x81
PONG = 0x8A
_SHORT, _MEDIUM = 126, 1 << 16
_MASKED, _MASK_BYTES = 0x80, 4
#: Of a client's short frame.
_HEAD_BYTES = 2 + _MASK_BYTES


def text_frame(text: bytes) -> bytes:
    """Put a text message, UTF-8, into one frame."""
    size = len(text)
    if size < _SHORT:
        return b"%c%c" % (TEXT, size) + text
    if size < _MEDIUM:
        return struct.pack("!BBH", TEXT, _SHORT, size) + text
    return struct.pack("!BBQ", TEXT, _SHORT + 1, size) + text


def usual_text(data: bytes) -> bytes | None:
    """Read a text message in one masked frame that is all of what came; None: it is anything else.

    Whether it is UTF-8 is not looked at.
    """
    if len(data) < _HEAD_BYTES or data[0] != TEXT or not data[1] & _MASKED:
        return None
    size, begin = data[1] & ~_MASKED, _HEAD_BYTES
    if size == _SHORT:
        size, begin = int.from_bytes(data[2:4]), _HEAD_BYTES + 2
    if (size > _SHORT and begin == _HEAD_BYTES) or len(data) != begin + size:
        return None
    mask = int.from_bytes(data[begin - _MASK_BYTES : begin] * (size // _MASK_BYTES + 1))
    mask >>= 8 * (_MASK_BYTES - size % _MASK_BYTES)
    return (int.from_bytes(data[begin:]) ^ mask).to_bytes(size)


def is_pong(data: bytes) -> bool:
    """Tell whether an answer to a ping, in one masked frame, is all of what came."""
    return (
        len(data) >= _HEAD_BYTES
        and data[0] == PONG
        and data[1] >= _MASKED
        and len(data) == _HEAD_BYTES + (data[1] & ~_MASKED)
    )


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
