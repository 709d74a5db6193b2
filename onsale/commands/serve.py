"""`serve`: the API, with all that it needs."""
# ruff: noqa: PLC0415 - what is heavy is imported when it is needed: see onsale/commands/__init__.py.

import socket
import sys
from functools import partial
from typing import Annotated

import typer

from onsale.door import host_and_port, share_door, take_door
from onsale.settings import Settings, StartError


def serve(
    *,
    demo: Annotated[
        bool, typer.Option("--demo", help="Migrate, and load demo events when there are none.")
    ] = False,
) -> None:
    """Serve the API. Without a DATABASE_URL, on a PostgreSQL and a Valkey of its own."""
    given = Settings.read()
    if given.workers > 1 and sys.platform != "linux":
        raise StartError("ONSALE_WORKERS: only Linux deals out one port's connections to several.")
    with _bound(given.host, given.port) as door:
        from onsale.commands.announcing import Host, say_where
        from onsale.commands.reaching import console_of, ready

        with ready(given, may_migrate=demo, serves=True) as reached:
            if demo:
                from onsale.seeding import seed_if_empty

                seed_if_empty(reached)
            settings = reached.model_copy(update={"port": door.getsockname()[1]})
            say_ready = partial(say_where, console_of(settings), settings)
            if settings.workers == 1:
                from onsale.serving import run_server

                run_server(settings, door, Host(say_ready))
            else:
                from onsale.crew.leader import lead

                share_door(door)
                lead(settings, say_ready)


def _bound(host: str, port: int) -> socket.socket:
    """Take the port before anything is started for it; the server listens when it is ready."""
    try:
        return take_door(host, port)
    except OSError as fault:
        raise StartError(
            f"Cannot serve on {host_and_port(host, port)}: {fault.strerror}. Choose others by "
            "ONSALE_HOST and ONSALE_PORT."
        ) from None
