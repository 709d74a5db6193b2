"""Two schemas cannot be made of one Query class that has `relay.node()`.

`NodeExtension.apply` changes the field that it is applied to, and asserts that nobody did before.
Tests that make a schema each, and processes with a public and an inner one, cannot.
"""

import strawberry
from strawberry import relay


@strawberry.type
class Seat(relay.Node):
    number: relay.NodeID[int]


@strawberry.type
class Query:
    node: relay.Node = relay.node()


strawberry.Schema(Query, types=[Seat])
try:
    strawberry.Schema(Query, types=[Seat])
    happens = "a second schema"
except TypeError as fault:
    happens = f"{type(fault.__cause__).__name__}: {fault}"

print("expected: a second schema")
print("happens: ", happens)
assert happens.startswith("AssertionError"), "mended"
