"""Ports of this machine."""

import random
import socket
from urllib.parse import urlsplit

CONNECT_SECONDS_MAX = 1.0
#: Below those that systems give to outgoing connections: while a server is away nobody else gets
#: its port by chance, and no client that tries it again and again meets itself there.
OWN_PORTS = range(20_000, 32_000)


def free_port() -> int:
    """Find a port of 127.0.0.1 that nobody listens on."""
    while True:
        port = random.choice(OWN_PORTS)  # noqa: S311 - no secret.
        if is_free(port):
            return port


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1."""
    with socket.socket() as probe:
        # As servers do: connections of an earlier one that are still fading away do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
        return True


def answers(url: str) -> bool:
    """Whether somebody accepts connections where this URL points."""
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname, parts.port), CONNECT_SECONDS_MAX).close()
    except OSError:
        return False
    return True
