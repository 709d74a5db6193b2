"""`disable_field_suggestions` hides the names of fields only, not of arguments, types and enums.

Whoever turns introspection off and this on still gives the schema away, word by word.
"""

from enum import Enum

import strawberry
from strawberry.schema.config import StrawberryConfig


@strawberry.enum
class Colour(Enum):
    RED = "red"


@strawberry.type
class Seat:
    name: str = "A1"


@strawberry.type
class Query:
    @strawberry.field
    def seat(self, colour: Colour = Colour.RED) -> Seat:
        return Seat()


schema = strawberry.Schema(Query, config=StrawberryConfig(disable_field_suggestions=True))
wrong = [
    "{ seet { name } }",
    "{ seat(color: RED) { name } }",
    "{ seat(colour: REDD) { name } }",
    "{ seat { ... on Seet { name } } }",
]
messages = [schema.execute_sync(query).errors or [] for query in wrong]
happens = ["Did you mean" in errors[0].message for errors in messages]

print("expected: suggestions in", [False] * 4)
print("happens:  suggestions in", happens)
assert happens == [False, True, True, True], "mended"
