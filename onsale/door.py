"""The address that a server listens at: taken, written as URLs write it, and found from nearby."""

import socket

from onsale.settings import Settings

#: Where the page to try the API with is.
GRAPHIQL_PATH = "/graphiql"
#: Where payment providers send their webhooks.
WEBHOOKS_PATH = "/webhooks/payments"
#: Who listens at all addresses of a machine is found, from the same machine, at this one.
NEARBY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nobody listens here.


def take_door(host: str, port: int, *, shared: bool = False) -> socket.socket:
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
        if shared:
            share_door(door)
        door.bind(address)
    except OSError:
        door.close()
        raise
    return door


def share_door(door: socket.socket) -> None:
    """Let workers listen where this one is held, and nobody who does not share it himself.

    Said after it was taken: whoever finds the port in use is told so, as he always is.
    """
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)


def join_door(host: str, port: int) -> socket.socket:
    """Take a door that is shared; the kernel then deals out connections to all who listen."""
    return take_door(host, port, shared=True)


def nearby(host: str) -> str:
    """Say where somebody on the same machine finds who listens there."""
    return NEARBY.get(host, host)


def host_and_port(host: str, port: int) -> str:
    """Write both as URLs do: an IPv6 address has brackets, for it is full of colons."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def webhooks_url(settings: Settings) -> str | None:
    """Say where a payment provider on this machine reaches us; None: our port is not known."""
    if settings.port == 0:
        return None
    return f"http://{host_and_port(nearby(settings.host), settings.port)}{WEBHOOKS_PATH}"
