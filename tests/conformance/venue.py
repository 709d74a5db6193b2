"""A whole server with something on sale, and four who ask: what the tests of this folder may share.

Every file starts a server of its own, once; its tests only look, or leave what they made.
"""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from box_office.database import Database
from models import Event, EventState
from onsale.embedded import Services
from schema.ids import NodeKind, encode_id
from tests.conftest import broken_rules, own_database
from tests.graphql.programme import House, Programme
from tests.servers import ServerProcess, running_servers

ANSWER_SECONDS_MAX = 20.0
#: What differs between two answers that are the same.
PASSING_HEADERS = {"date", "x-request-id"}


@dataclass
class Asker:
    """Somebody with a token, or nobody."""

    name: str
    client: httpx.Client
    token: str | None = None
    #: What is theirs, by its type.
    ids: dict[str, str] = field(default_factory=dict)

    def response(self, document: str, **variables: Any) -> httpx.Response:
        """Send an operation."""
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        body = {"query": document, "variables": variables}
        return self.client.post("/graphql", json=body, headers=headers)

    def told(self, document: str, **variables: Any) -> tuple[int, dict[str, str], bytes]:
        """Give all that an answer says, down to its bytes."""
        response = self.response(document, **variables)
        headers = {k: v for k, v in response.headers.items() if k not in PASSING_HEADERS}
        return response.status_code, headers, response.content

    def do(self, document: str, **variables: Any) -> Any:
        """Send an operation that works, and give the value of its only field."""
        answer = self.response(document, **variables).json()
        assert "errors" not in answer, answer
        (value,) = answer["data"].values()
        return value


@dataclass(frozen=True)
class Venue:
    """A running server, its event on sale, another that is a draft, and its files."""

    server: ServerProcess
    database_url: str
    house: House
    #: What everybody sees, and what nobody sees yet.
    event: Event
    draft: Event
    #: Closes what the askers have opened.
    leaving: ExitStack

    @property
    def event_id(self) -> str:
        """Name the event as clients do."""
        return encode_id(NodeKind.EVENT, self.event.id)

    def another_event(self, **facts: Any) -> Event:
        """Put one more event on sale."""
        return asyncio.run(_another_event(self.database_url, self.house, facts))

    def execute(self, statement: str, *values: Any) -> None:
        """Do something to the database behind the server's back."""
        asyncio.run(_execute(self.database_url, statement, values))

    def asker(self, name: str) -> Asker:
        """Let somebody come who has no token yet."""
        client = httpx.Client(base_url=self.server.url, timeout=ANSWER_SECONDS_MAX)
        return Asker(name, self.leaving.enter_context(client))

    def guest(self, name: str) -> Asker:
        """Let a guest begin a session."""
        guest = self.asker(name)
        guest.token = guest.do("mutation { startGuestSession { token } }")["token"]
        guest.client.cookies.clear()
        return guest


@contextmanager
def open_venue(
    services: Services, template: str, data_dir: Path, **settings: str
) -> Iterator[Venue]:
    """Run a server over a database of its own, whose books are audited when it has stopped."""
    with asyncio.Runner() as runner:
        own = own_database(services, template)
        url = runner.run(own.__aenter__())
        house, on_sale, draft = runner.run(_programme(url))
        with (
            running_servers(url, None, data_dir, 1, **settings) as (server,),
            ExitStack() as leaving,
        ):
            yield Venue(server, url, house, on_sale, draft, leaving)
        assert runner.run(broken_rules(url)) == {}
        runner.run(own.__aexit__(None, None, None))


async def _another_event(url: str, house: House, facts: dict[str, Any]) -> Event:
    database = await Database.connect(url)
    event = await Programme(database).event("Another", house, **facts)
    await database.close()
    return event


async def _execute(url: str, statement: str, values: tuple[Any, ...]) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement, *values)
    await connection.close()


async def _programme(url: str) -> tuple[House, Event, Event]:
    database = await Database.connect(url)
    programme = Programme(database)
    facts: dict[str, Any] = {"performers": ("Anna",), "description": "All of it."}
    on_sale = await programme.event("Hamlet", **facts)
    draft = await programme.event("Not yet", state=EventState.DRAFT, **facts)
    house = await programme.house()
    await database.close()
    return house, on_sale, draft
