"""The address that a server listens at: taken, written as URLs write it, and found from nearby."""

import socket

#: Who listens at all addresses of a machine is found, from the same machine, at this one.
NEARBY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nobody listens here.


def take_door(host: str, port: int) -> socket.socket:
    """Take a port before anybody listens behind it. Raises OSError."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except UnicodeError:  # No name server is even asked for a name such as "a..b".
        raise socket.gaierror(socket.EAI_NONAME, "There is no such name") from None
    door = socket.socket(family, kind)
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(address)
    except OSError:
        door.close()
        raise
    return door


def nearby(host: str) -> str:
    """Say where somebody on the same machine finds who listens there."""
    return NEARBY.get(host, host)


def host_and_port(host: str, port: int) -> str:
    """Write both as URLs do: an IPv6 address has brackets, for it is full of colons."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
