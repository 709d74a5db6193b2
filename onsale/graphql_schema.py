"""The one GraphQL schema: each root type joined from the subjects' own parts."""

import strawberry
from graphql import build_schema, lexicographic_sort_schema, print_schema
from strawberry.schema.config import StrawberryConfig

from onsale.graphql.served_schema import ServedSchema
from resolvers.events import EventQuery
from resolvers.nodes import NodeQuery
from resolvers.orders import OrderMutation
from resolvers.reservations import ReservationMutation, ReservationQuery
from resolvers.sessions import SessionMutation
from resolvers.viewer import ViewerQuery
from schema.describing import describe
from schema.scalars import SCALARS
from subscriptions.seat_availability import SeatAvailabilitySubscription


@strawberry.type
class Query(NodeQuery, EventQuery, ReservationQuery, ViewerQuery):
    """What can be read. Events, seat maps and availability are open to everybody."""


@strawberry.type
class Mutation(SessionMutation, ReservationMutation, OrderMutation):
    """What can be done. Each answers what became of it, and all the reasons why not."""


@strawberry.type
class Subscription(SeatAvailabilitySubscription):
    """What can be followed live, over a WebSocket."""


def sorted_sdl() -> str:
    """Print the whole schema, everything in the order of its name.

    Only the printed text is sorted, by way of a second schema made from it: Strawberry cannot
    resolve unions of a sorted schema.
    """
    return print_schema(lexicographic_sort_schema(build_schema(str(graphql_schema)))) + "\n"


graphql_schema = ServedSchema(
    Query,
    mutation=Mutation,
    subscription=Subscription,
    config=StrawberryConfig(scalar_map=SCALARS),
)
describe(graphql_schema)
