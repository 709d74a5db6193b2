"""A `first` beyond the limit, or below 0, raises a plain ValueError.

It is the client's mistake, but MaskErrors takes it for a fault of the server: "Unexpected error."
"""

from collections.abc import Iterable

import strawberry
from strawberry import relay
from strawberry.extensions import MaskErrors


@strawberry.type
class Seat(relay.Node):
    number: relay.NodeID[int]


@strawberry.type
class Query:
    @relay.connection(relay.ListConnection[Seat])
    def seats(self) -> Iterable[Seat]:
        return [Seat(number=number) for number in range(3)]


schema = strawberry.Schema(Query, extensions=[MaskErrors])
happens = []
for first in (1_000, -1):
    result = schema.execute_sync(f"{{ seats(first: {first}) {{ edges {{ cursor }} }} }}")
    happens += [error.message for error in result.errors or []]

print("expected: messages about `first`")
print("happens: ", happens)
assert happens == ["Unexpected error.", "Unexpected error."], "mended"
