"""How long the lists of the schema can become, told where they are defined.

What an operation costs is judged before it runs, and then only these numbers are known.
"""

from collections.abc import Callable
from typing import Any

import strawberry
from graphql import GraphQLField, GraphQLUnionType, get_named_type
from strawberry.schema.schema_converter import GraphQLCoreConverter

#: Lists that say nothing are at most this long: sections, prices, performers, refusals.
LIST_SIZE = 100
#: Why something is refused: each kind of reason is there once or so.
REASONS = 10
#: The largest hall that is sold by the seat.
HALL_SEATS = 20_000
#: The most seats that one message of a subscription tells of, as a rule.
CHANGES = 1_000


def list_field(*, at_most: int, graphql_type: Any = None) -> Callable[[Callable[..., Any]], Any]:
    """Make a resolver the field of a list that can become as long as this: in place of `field`."""

    def decorate(resolver: Callable[..., Any]) -> Any:
        metadata = {"at_most": at_most}
        return strawberry.field(resolver, metadata=metadata, graphql_type=graphql_type)

    return decorate


def most_of(field: GraphQLField) -> int:
    """Give what was said of a list, or what holds for all others of its kind."""
    if isinstance(get_named_type(field.type), GraphQLUnionType):
        return REASONS  # The only lists of unions are the errors of payloads.
    definition: Any = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    most: int = (definition.metadata if definition else {}).get("at_most", LIST_SIZE)
    return most
