"""Everything with an identity of its own."""

import strawberry


@strawberry.interface
class Node:
    """A thing with an identity: keep its `id`, and `node(id:)` finds it again."""

    __slots__ = ()

    id: strawberry.ID
    """The thing's id, the same in every answer. Compare it, keep it, do not take it apart."""
