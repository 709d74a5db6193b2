"""Queries that were asked before in the very same words.

When tickets go on sale, everybody's page sends the same few bodies: the event, its map, what is
free. What such a body asks is read once: its JSON, its parameters, its document, its cost. Who asks
it is looked at each time, and so is the answer. Mutations are never the same twice, and are not
kept: they say what buyers paid with.

A short query is kept from its first time on, until so many others have come after it; the document
and the plan that it needs are kept with it, beyond `onsale.graphql.documents` if need be.
"""

from graphql import OperationType

from onsale.graphql.http_requests import HttpRequest
from onsale.graphql.operations import Operation

BODY_BYTES_MAX = 2_000
QUERIES_MAX = 256


class KnownQueries:
    """The latest that were learnt, each by the body of its request."""

    def __init__(self) -> None:
        self._queries: dict[bytes, Operation] = {}

    def of(self, request: HttpRequest) -> Operation | None:
        """Give what a request asks, if that is known."""
        body = _body_of(request)
        return None if body is None else self._queries.get(body)

    def learn(self, request: HttpRequest, operation: object) -> None:
        """Remember what a request asks, if it is a query."""
        if not isinstance(operation, Operation) or operation.type is not OperationType.QUERY:
            return
        body = _body_of(request)
        if body is None:
            return
        if len(self._queries) >= QUERIES_MAX:
            del self._queries[next(iter(self._queries))]
        self._queries[body] = operation


def _body_of(request: HttpRequest) -> bytes | None:
    """Give what the query is in; None: it is in the URL, or too long to be everybody's."""
    is_short = len(request.body) <= BODY_BYTES_MAX
    return bytes(request.body) if is_short and request.scope["method"] == "POST" else None
