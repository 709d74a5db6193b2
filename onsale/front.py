"""What a request meets first: GraphQL at once, and for everything else the whole application.

Starlette's router and its three middlewares cost a request more than its reading and writing do.
Of what they do, `/graphql` needs what its own code does: errors in JSON, and headers for pages of
other origins.
"""

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from onsale.graphql.cross_origin import CrossOrigin
from onsale.graphql.entrance import Entrance
from onsale.graphql.http import Done, GraphQLOverHTTP, Waiting
from onsale.graphql.http_requests import HttpRequest

#: With a slash, too: a redirect would lose what was posted.
GRAPHQL_PATHS = ("/graphql", "/graphql/")


class Front:
    """The ASGI application that a server is given."""

    def __init__(
        self, app: Starlette, sockets: ASGIApp, entrance: Entrance, cross_origin: CrossOrigin
    ) -> None:
        """Put `app` behind GraphQL, over HTTP and over `sockets`."""
        self._app = app
        self._sockets = sockets
        self._cross_origin = cross_origin
        self._graphql = GraphQLOverHTTP(entrance, cross_origin)
        #: What the application tells whoever runs it.
        self.state = app.state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request, a socket or the server's own life on to who answers it."""
        if self.is_short(scope):
            await self._graphql(scope, receive, send)
        elif scope["type"] == "websocket" and scope["path"] in GRAPHQL_PATHS:
            await self._sockets(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    @property
    def short_way(self) -> "Front":
        """Let servers that know how ask by plain calls: see `onsale.short_way`."""
        return self

    def begin(self, request: HttpRequest) -> Done:
        """Answer a request that is there as a whole, as far as that needs no waiting."""
        return self._graphql.begin(request)

    def resume(self, request: HttpRequest, waiting: Waiting) -> Done:
        """Go on with what has been waited for."""
        return self._graphql.resume(request, waiting)

    def is_short(self, scope: Scope) -> bool:
        """Tell whether this is a request that GraphQL answers by itself."""
        return (
            scope["type"] == "http"
            and scope["path"] in GRAPHQL_PATHS
            and not (self._cross_origin.is_open and _is_preflight(scope))
        )


def _is_preflight(scope: Scope) -> bool:
    """Tell whether a browser asks what it may send from another origin: Starlette answers that."""
    if scope["method"] != "OPTIONS":
        return False
    names = {name for name, _ in scope["headers"]}
    return {b"origin", b"access-control-request-method"} <= names
