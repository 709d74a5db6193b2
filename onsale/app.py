"""The composition root: the one place that knows every layer, and joins them into a server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from box_office.availability import PostgresBooks
from box_office.box_office import BoxOffice
from box_office.database import Database
from box_office.hot_events import HotEvents
from box_office.house import house_of
from box_office.news import NoNews, SeatNews
from box_office.price_levels import SeatPriceLists
from box_office.seat_maps import SeatGeometries
from onsale.bookkeeping import audit_forever, retain_forever
from onsale.door import GRAPHIQL_PATH, webhooks_url
from onsale.front import Front
from onsale.garbage import spare_what_stays
from onsale.graphiql import graphiql_routes, lead_there
from onsale.graphql.broadcasts import Broadcasts
from onsale.graphql.connections import Connections
from onsale.graphql.cross_origin import CrossOrigin, cors_middleware
from onsale.graphql.entrance import Entrance
from onsale.graphql.errors import plain_error
from onsale.graphql.operations import Operations
from onsale.graphql.origins import Origins
from onsale.graphql.rate_limits import RateLimits
from onsale.graphql.trusted_documents import TrustedDocuments, read_manifest
from onsale.graphql.websocket import GraphQLOverWebSocket
from onsale.graphql_schema import graphql_schema
from onsale.health import health_routes
from onsale.identity import Tokens, Visitor
from onsale.layouts import Layouts, serve_layout
from onsale.logs import configure_logs
from onsale.metrics import metrics_routes
from onsale.payments.pretend.adapter import PretendProvider
from onsale.payments.pretend.own import own_provider
from onsale.redis_cluster import news_and_feed
from onsale.settings import Settings, StartError
from onsale.sweeping import reconcile_forever, refresh_statistics_forever, sweep_forever
from onsale.token_key import load_token_key
from onsale.webhooks import webhook_routes
from schema.context import Context
from schema.errors import ErrorCode
from schema.kept import KnownSeats
from subscriptions.boards import Boards
from subscriptions.feed import NewsFeed, NoFeed

#: Where to go: the answer to `/`, and to whoever got lost.
PLACES = {
    "graphql": "/graphql",
    "live": "/graphql, as a WebSocket with the subprotocol graphql-transport-ws",
    "health": "/healthz",
    "readiness": "/readyz",
    "metrics": "/metrics",
}


@dataclass(frozen=True, slots=True)
class Parts:
    """What lives from a server's start to its end."""

    database: Database
    boards: Boards
    box_office: BoxOffice
    geometries: SeatGeometries
    seat_price_lists: SeatPriceLists
    hot_events: HotEvents
    known_seats: KnownSeats
    layouts: Layouts


class Server:
    """One server: what it is made of, and the context of each operation."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._parts: Parts | None = None
        tokens = Tokens(load_token_key(settings))
        nobody = Visitor(tokens, None, by_cookie=False)
        self.entrance = Entrance(
            operations=Operations(
                graphql_schema,
                trusted=_trusted_documents(settings),
                introspection=settings.introspection,
                compiled=settings.compiled_documents,
            ),
            make_context=self.make_context,
            tokens=tokens,
            origins=Origins(settings.allowed_origins),
            rate_limits=RateLimits(
                per_buyer=settings.cost_per_buyer, per_address=settings.cost_per_address
            ),
            connections=Connections(settings.connections_per_address),
            broadcasts=Broadcasts(graphql_schema, partial(self.make_context, nobody)),
        )

    @property
    def parts(self) -> Parts:
        """What was opened at the start."""
        assert self._parts is not None, "requests come after the start"
        return self._parts

    def make_context(self, visitor: Visitor, request_id: str) -> Context:
        """Give an operation its surroundings."""
        parts = self.parts
        return Context(
            box_office=parts.box_office,
            identity=visitor,
            live=parts.boards,
            geometries=parts.geometries,
            seat_price_lists=parts.seat_price_lists,
            hot_events=parts.hot_events,
            known_seats=parts.known_seats,
            buyer=visitor.buyer,
            request_id=request_id,
        )

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """Open everything, and close it in the reverse order once begun mutations are done."""
        async with (
            open_parts(self._settings, webhooks_url(self._settings)) as self._parts,
            self._shared_limits(),
        ):
            spare_what_stays()
            yield
            await self.entrance.operations.finish()

    @asynccontextmanager
    async def _shared_limits(self) -> AsyncIterator[None]:
        """Count what buyers ask together with the other servers, when there is a Redis."""
        url = self._settings.redis_url
        if url is None:
            yield
            return
        house = await house_of(self.parts.database)
        async with self.entrance.rate_limits.counts.shared(url, house):
            yield


def create_app(settings: Settings) -> Front:
    """Make the ASGI application. Nothing is connected before its lifespan begins."""
    configure_logs(settings.log_format)
    server = Server(settings)
    sockets = GraphQLOverWebSocket(server.entrance)

    async def layout(request: Request) -> Response:
        return await serve_layout(server.parts.layouts, request)

    app = Starlette(
        routes=[
            Route("/", welcome(graphiql=settings.serves_graphiql)),
            *(graphiql_routes() if settings.serves_graphiql else []),
            Route("/layouts/{name}.json", layout),
            *health_routes(lambda: server.parts.database),
            *metrics_routes(lambda: server.parts.database),
            *webhook_routes(lambda: server.parts.box_office),
        ],
        middleware=(
            [Middleware(cors_middleware, allowed_origins=settings.allowed_origins)]
            if settings.allowed_origins
            else []
        ),
        exception_handlers={HTTPException: show_the_way, Exception: apologise},
        lifespan=server.lifespan,
    )
    app.state.closing = server.entrance.closing
    return Front(app, sockets, server.entrance, CrossOrigin(settings.allowed_origins))


def _trusted_documents(settings: Settings) -> TrustedDocuments:
    """Read the manifest, and see at the start whether all of it can be run. Raises StartError."""
    path = settings.trusted_documents
    if path is None:
        return TrustedDocuments()
    try:
        documents = read_manifest(path)
    except (OSError, ValueError) as fault:
        raise StartError(f"ONSALE_TRUSTED_DOCUMENTS: {path}: {fault}") from None
    for name, text in documents.items():
        for error in graphql_schema.documents.read(text).errors:
            raise StartError(f"ONSALE_TRUSTED_DOCUMENTS: {path}: {name}: {error.message}")
    return TrustedDocuments(documents, locked=settings.locked)


@asynccontextmanager
async def open_parts(settings: Settings, notify: str | None = None) -> AsyncIterator[Parts]:
    """Open a server's parts in order; on the way out they close in the reverse order.

    `notify` is where a payment provider of our own sends its webhooks; None: nowhere.
    """
    assert settings.database_url is not None, "commands see to it that there is a database"
    async with AsyncExitStack() as stack:
        database = await Database.connect(settings.database_url)
        stack.push_async_callback(database.close)
        news, feed = await _open_news(settings.redis_url, database, stack)
        boards = Boards(PostgresBooks(database), feed)
        await boards.start()
        stack.push_async_callback(boards.stop)
        provider = await _open_provider(settings, stack, notify)
        box_office = BoxOffice.open(database, boards, news, provider)
        stack.push_async_callback(box_office.close)
        for chore in (
            sweep_forever(box_office),
            reconcile_forever(box_office),
            refresh_statistics_forever(database),
            audit_forever(database),
            retain_forever(database, settings),
        ):
            stack.push_async_callback(_end, asyncio.create_task(chore))
        layouts = Layouts(database)
        stack.push_async_callback(layouts.close)
        yield Parts(
            database=database,
            boards=boards,
            box_office=box_office,
            geometries=SeatGeometries(database),
            seat_price_lists=SeatPriceLists(database),
            hot_events=HotEvents(),
            known_seats=KnownSeats(),
            layouts=layouts,
        )


async def _open_news(
    url: str | None, database: Database, stack: AsyncExitStack
) -> tuple[SeatNews, NewsFeed]:
    """Tell and hear through Redis, when there is one."""
    if url is None:
        return NoNews(), NoFeed()
    news, feed = news_and_feed(url, await house_of(database))
    for part in (news, feed):
        await part.start()
        stack.push_async_callback(part.stop)
    return news, feed


async def _open_provider(
    settings: Settings, stack: AsyncExitStack, notify: str | None
) -> PretendProvider:
    """Reach the payment provider that is named, or start one that pretends."""
    if settings.payments_url is not None and settings.payments_key is not None:
        url, key = settings.payments_url, settings.payments_key.get_secret_value()
    else:
        own = await stack.enter_async_context(own_provider(settings.data_dir, notify))
        url, key = own.url, own.key
    return await stack.enter_async_context(PretendProvider.connected(url, key))


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def welcome(*, graphiql: bool) -> Callable[[Request], Awaitable[Response]]:
    """Say where the API is; lead a person with a browser to the page to try it with."""
    places = {**PLACES, "graphiql": GRAPHIQL_PATH} if graphiql else PLACES

    async def answer(request: Request) -> Response:
        page = lead_there(request) if graphiql else None
        return page or JSONResponse({"name": "onsale", **places}, headers={"vary": "Accept"})

    return answer


async def show_the_way(_request: Request, problem: Exception) -> Response:
    """Answer in JSON to requests that match no route."""
    assert isinstance(problem, HTTPException)
    message = problem.detail
    if problem.status_code == 404:  # noqa: PLR2004 - not found.
        message = "There is nothing here. The API is at /graphql."
    errors = [plain_error(ErrorCode.BAD_REQUEST, message)]
    return JSONResponse({"errors": errors}, problem.status_code, headers=problem.headers)


async def apologise(_request: Request, _problem: Exception) -> Response:
    """Answer in JSON when something broke outside of GraphQL; the server logs the traceback."""
    errors = [plain_error(ErrorCode.INTERNAL_ERROR, "Something went wrong on our side.")]
    return JSONResponse({"errors": errors}, status_code=500)
