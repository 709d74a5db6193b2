"""Ports of this machine."""

import socket
from urllib.parse import urlsplit

CONNECT_SECONDS_MAX = 1.0


def free_port() -> int:
    """Find a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(url: str) -> bool:
    """Whether somebody accepts connections where this URL points."""
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname, parts.port), CONNECT_SECONDS_MAX).close()
    except OSError:
        return False
    return True
