"""An id of the right type with a part that does not fit tells Python's message to the client."""

from collections.abc import Iterable
from typing import Any

import strawberry
from strawberry import relay


@strawberry.type
class Seat(relay.Node):
    number: relay.NodeID[int]

    @classmethod
    def resolve_nodes(cls, *, node_ids: Iterable[str], **_: Any) -> list["Seat"]:
        return [cls(number=int(node_id)) for node_id in node_ids]


@strawberry.type
class Query:
    node: relay.Node = relay.node()


schema = strawberry.Schema(Query, types=[Seat])
asked = str(relay.GlobalID("Seat", "x"))
result = schema.execute_sync(f'{{ node(id: "{asked}") {{ id }} }}')
happens = [error.message for error in result.errors or []]

print("expected: a message about the id")
print("happens: ", happens)
assert "invalid literal for int()" in happens[0], "mended"
