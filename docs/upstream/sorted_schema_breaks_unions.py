"""With `sort_schema=True` every field that returns a union fails.

graphql-core's `lexicographic_sort_schema` makes new types; Strawberry's `resolve_type` compares
the old ones by identity.
"""

from typing import Annotated

import strawberry
from strawberry.schema.config import StrawberryConfig


@strawberry.type
class A:
    name: str = "a"


@strawberry.type
class B:
    name: str = "b"


@strawberry.type
class Query:
    @strawberry.field
    def either(self) -> Annotated[A | B, strawberry.union("Either")]:
        return A()


schema = strawberry.Schema(Query, config=StrawberryConfig(sort_schema=True))
happens = schema.execute_sync("{ either { __typename } }")

print("expected:", {"either": {"__typename": "A"}})
print("happens: ", happens.data, happens.errors)
assert happens.errors, "mended"
