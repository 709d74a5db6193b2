"""A house with events, reservations and orders in a real database, and contexts that take notes."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import event as sqlalchemy_event

from box_office.availability import PostgresBooks
from box_office.box_office import BoxOffice
from box_office.database import Database
from box_office.hot_events import HotEvents
from box_office.news import NoNews
from box_office.price_levels import SeatPriceLists
from box_office.seat_maps import SeatGeometries
from models import EventState
from onsale.graphql_schema import graphql_schema
from schema.context import Buyer, Context
from schema.ids import NodeKind, encode_id, encode_seat_id
from subscriptions.boards import Boards
from subscriptions.feed import NoFeed
from tests.compiled.values import Palette
from tests.graphql.conftest import Doorman
from tests.graphql.programme import Programme
from tests.graphql.test_reserving_and_buying import PURCHASE, RESERVE
from tests.halls import PretendProvider

#: Whoever asks in every operation that is judged.
BUYER = Buyer(UUID(int=0xB0B), is_guest=True)
#: The notes of the operation that runs; what others do in the background is none of its business.
_NOTES: ContextVar[list[str] | None] = ContextVar("_NOTES", default=None)
VALUES = re.compile(r"\(\$\d+(?:::\w+)?(?:, \$\d+(?:::\w+)?)*\)")
UNKNOWN_ID = "nothing-like-an-id-of-ours"


@dataclass(slots=True)
class NotedContext(Context):
    """A context that knows which statements its operation gave to the database."""

    notes: list[str] = field(default_factory=list)


@dataclass
class World:
    """What can be asked about, and by whom."""

    context: Context
    programme: Programme
    ids: list[str]

    def surroundings(self) -> NotedContext:
        """Give an operation its context, with nothing remembered and nothing noted."""
        notes: list[str] = []
        _NOTES.set(notes)
        facts = {one.name: getattr(self.context, one.name) for one in fields(Context) if one.init}
        return NotedContext(**{**facts, "hot_events": HotEvents()}, notes=notes)

    def palette(self) -> Palette:
        """Give arguments what there is, and what there is not."""
        return Palette(
            by_type={
                "ID": [*self.ids, UNKNOWN_ID],
                "Date": ["2026-11-20", "2026-13-01"],
                "DateTime": ["2026-11-20T19:30:00Z", "2026-11-20"],
                "Decimal": ["1.50"],
            },
            by_name={
                "slug": ["hamlet", "nothing"],
                "city": ["Leeds", "Oslo"],
                "search": ["ham", "", "x y"],
                "typeKey": ["theatre", "nothing"],
                "seatIndexes": [[0, 1], [4], [], [99]],
                "after": ["nothing"],
                "before": ["nothing"],
                "first": [1, 2, 100, 0],
                "last": [1, 2],
                "quantity": [1, 2, 0],
                "sinceVersion": [0, 1],
                "idempotencyKey": ["key 1", "key 2"],
                "email": ["ada@example.org", "nobody"],
                "paymentToken": ["pretend_ok", "pretend_declined"],
            },
        )

    async def must(self, document: str, **asked: Any) -> dict[str, Any]:
        """Run a mutation in which nothing may go wrong, as the buyer."""
        result = await graphql_schema.execute(
            document, {"input": asked}, context_value=self.surroundings()
        )
        assert not result.errors, result.errors
        assert result.data is not None
        (answer,) = result.data.values()
        assert not answer["errors"], answer
        return dict(answer)


@asynccontextmanager
async def open_world(database: Database) -> AsyncIterator[World]:
    """Build the house, and open a box office for it."""
    boards = Boards(PostgresBooks(database), NoFeed())
    await boards.start()
    box_office = BoxOffice.open(database, boards, NoNews(), PretendProvider())
    context = Context(
        box_office=box_office,
        identity=Doorman(),
        live=boards,
        geometries=SeatGeometries(database),
        seat_price_lists=SeatPriceLists(database),
        buyer=BUYER,
        request_id="request-1",
    )
    world = World(context, Programme(database), [])
    await _fill(world)
    listening = database.engine.sync_engine, "before_cursor_execute"

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if (notes := _NOTES.get()) is not None:
            notes.append(VALUES.sub("($…)", statement))

    sqlalchemy_event.listen(*listening, note)
    yield world
    sqlalchemy_event.remove(*listening, note)
    await box_office.close()
    await boards.stop()


async def _fill(world: World) -> None:
    """Put on events of several kinds; reserve at one, and buy at another."""
    programme, soon = world.programme, datetime.now(UTC).replace(microsecond=0)
    hall, barn = await programme.house(), await programme.house("Barn", "Oslo")
    facts: list[dict[str, Any]] = [
        {"title": "Hamlet", "performers": ("The Players", "A Ghost"), "description": "Words."},
        {"title": "Macbeth", "house": barn, "performers": ("The Players",)},
        {"title": "Lear", "blocked_seat_indexes": (0, 7), "image_url": "https://example.org/l"},
        {"title": "Timon", "state": EventState.DRAFT},
        {"title": "Othello", "sales_open_at": soon + timedelta(days=20)},
    ]
    starts_at = soon + timedelta(days=30)
    events = [await programme.event(**one, starts_at=starts_at) for one in facts]
    ids = [encode_id(NodeKind.EVENT, event.id) for event in events]
    held = await world.must(RESERVE, eventId=ids[0], seatIndexes=[0, 3])
    bought = await world.must(RESERVE, eventId=ids[1], seatIndexes=[1])
    order = await world.must(
        PURCHASE,
        reservationId=bought["reservation"]["id"],
        idempotencyKey="key",
        email="ada@example.org",
        paymentToken="pretend_ok",
    )
    world.ids = [
        *ids,
        held["reservation"]["id"],
        bought["reservation"]["id"],
        order["order"]["id"],
        encode_seat_id(events[0].id, 0),
        encode_seat_id(events[1].id, 4),
        encode_id(NodeKind.SECTION, hall.stalls.id),
        encode_id(NodeKind.SECTION, hall.floor.id),
        encode_id(NodeKind.SEAT_MAP, barn.seat_map.id),
        encode_id(NodeKind.VENUE, barn.venue.id),
    ]
