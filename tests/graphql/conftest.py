"""Operations as the transport runs them, without a socket between."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest
from graphql import ExecutionResult

from box_office.availability import PostgresBooks
from box_office.box_office import BoxOffice
from box_office.database import Database
from box_office.hot_events import HotEvents
from box_office.news import NoNews
from box_office.price_levels import SeatPriceLists
from box_office.seat_maps import SeatGeometries
from compiled_documents import Plans
from onsale.graphql.errors import present
from onsale.graphql.served_schema import FreshContextExecutor
from onsale.graphql_schema import graphql_schema
from schema.context import Buyer, Context, GuestSession
from subscriptions.boards import Boards
from subscriptions.feed import NoFeed
from tests.graphql.programme import Programme
from tests.halls import PretendProvider
from tests.servers import COMPILED

#: Documents are compiled at once, for no test runs one twice.
PLANS = Plans(graphql_schema._schema, FreshContextExecutor, enabled=COMPILED)


class Doorman:
    """Gives out tokens that anybody can read: a name tag is enough in here."""

    def start_guest_session(self, buyer: Buyer | None) -> GuestSession:
        """Make a new guest known, or the same buyer for longer."""
        buyer = buyer or Buyer(id=uuid4(), is_guest=True)
        return GuestSession(f"token of {buyer.id}", datetime.now(UTC) + timedelta(days=1), buyer)


@dataclass(frozen=True)
class Api:
    """Whoever asks, and how."""

    context: Context

    async def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        """Run an operation in which nothing may go wrong."""
        result = await self._run(document, variables)
        assert result.errors is None, result.errors
        data: dict[str, Any] = orjson.loads(orjson.dumps(result.data))
        return data

    async def codes(self, document: str, **variables: Any) -> list[str]:
        """Run an operation, and say the codes of what went wrong."""
        return [error["extensions"]["code"] for error in await self.errors(document, **variables)]

    async def errors(self, document: str, **variables: Any) -> list[dict[str, Any]]:
        """Run an operation, and say what went wrong as a client would read it."""
        result = await self._run(document, variables)
        return present(result.errors or [], "request-1")

    def as_buyer(self, buyer: Buyer | None = None) -> "Api":
        """Ask as this buyer, or as a new guest."""
        return Api(replace(self.context, buyer=buyer or Buyer(id=uuid4(), is_guest=True)))

    async def _run(self, document: str, variables: dict[str, Any]) -> Any:
        # Events are read anew each time: tests do not wait until a server would.
        context = replace(self.context, hot_events=HotEvents())
        read = graphql_schema.documents.read(document)
        if read.errors:
            return ExecutionResult(None, list(read.errors))
        (name,) = read.operations
        plan = read.plan(name, PLANS)
        result = plan.run(variables, context)
        return result if isinstance(result, ExecutionResult) else await result


@pytest.fixture
async def api(database: Database) -> AsyncIterator[Api]:
    """An anonymous visitor."""
    boards = Boards(PostgresBooks(database), NoFeed())
    await boards.start()
    box_office = BoxOffice.open(database, boards, NoNews(), PretendProvider())
    yield Api(
        Context(
            box_office=box_office,
            identity=Doorman(),
            live=boards,
            geometries=SeatGeometries(database),
            seat_price_lists=SeatPriceLists(database),
            buyer=None,
            request_id="request-1",
        )
    )
    await box_office.close()
    await boards.stop()


@pytest.fixture
def programme(database: Database) -> Programme:
    """A house, and events to be made in it."""
    return Programme(database)
