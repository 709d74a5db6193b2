"""Telling people where a server is, once it is there."""

from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from onsale.door import GRAPHIQL_PATH, host_and_port
from onsale.settings import Settings


@dataclass(frozen=True, slots=True)
class Host:
    """The attendant of a server that is alone: it opens when it can."""

    say_ready: Callable[[], None]

    def attend(self, end: Callable[[], None]) -> None:
        """Let it go on: signals tell it when to end."""

    async def until_open(self) -> None:
        """Let it open."""

    def opened(self) -> None:
        """Say where it is."""
        self.say_ready()


def say_where(console: Console, settings: Settings) -> None:
    """Say that it is ready, and what is served at which address."""
    address = host_and_port(settings.host, settings.port)
    places = Table.grid(padding=(0, 2))
    if settings.serves_graphiql:
        places.add_row("Try it (GraphiQL)", f"http://{address}{GRAPHIQL_PATH}")
    places.add_row("API (POST, GET)", f"http://{address}/graphql")
    places.add_row("Live seat maps", f"ws://{address}/graphql (graphql-transport-ws)")
    places.add_row("Process is up", f"http://{address}/healthz")
    places.add_row("Can sell", f"http://{address}/readyz")
    console.print("\n[bold]onsale is ready.[/bold] Ctrl-C stops it.")
    console.print(places, "", highlight=False)
