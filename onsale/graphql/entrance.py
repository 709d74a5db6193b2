"""What both transports need to let somebody in, and to turn somebody away."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from onsale.graphql.answers import Answer
from onsale.graphql.broadcasts import Broadcasts
from onsale.graphql.connections import Connections
from onsale.graphql.operations import Operation, OperationContext, Operations
from onsale.graphql.origins import Origins
from onsale.graphql.rate_limits import REFUSED_COST, Asker, RateLimits
from onsale.graphql.requests import OperationRequest
from onsale.identity import Tokens, Visitor

MakeContext = Callable[[Visitor, str], OperationContext]


@dataclass(frozen=True, slots=True)
class Entrance:
    """One server's way in, shared by HTTP, event streams and sockets."""

    operations: Operations
    make_context: MakeContext
    tokens: Tokens
    origins: Origins
    rate_limits: RateLimits = field(default_factory=RateLimits)
    connections: Connections = field(default_factory=Connections)
    #: What is told to many at once; None: every subscription is executed for itself.
    broadcasts: Broadcasts | None = None
    #: Set when the server is about to stop: streams end then, for nobody else would end them.
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    def admit_at_once(
        self, asked: OperationRequest | Operation, request_id: str, asker: Asker
    ) -> Operation | Answer | Coroutine[Any, Any, Operation | Answer]:
        """Find the operation that is meant, and take what it costs. Raises TooMuchAsked.

        Reading a document is work, too: who has nothing left is turned away before it, and one that
        is refused costs something. Now and then the budgets of all servers have to be asked: that
        takes time, so a coroutine is given.
        """
        self.rate_limits.check(asker)
        operation: Operation | Answer
        if isinstance(asked, Operation):
            operation = asked
        else:
            operation = self.operations.read(asked, request_id)
        cost = operation.cost if isinstance(operation, Operation) else REFUSED_COST
        if self.rate_limits.spend(asker, cost):
            return operation
        return self._admit_paid(operation, asker, cost)

    async def admit(
        self, asked: OperationRequest, request_id: str, asker: Asker
    ) -> Operation | Answer:
        """Do so for who can wait. Raises TooMuchAsked."""
        admitted = self.admit_at_once(asked, request_id, asker)
        return admitted if isinstance(admitted, Operation | Answer) else await admitted

    async def _admit_paid(
        self, operation: Operation | Answer, asker: Asker, cost: int
    ) -> Operation | Answer:
        await self.rate_limits.take(asker, cost)
        return operation


def asker_of(visitor: Visitor, address: str | None) -> Asker:
    """Say whose budget an operation of this visitor is taken from."""
    return Asker(visitor.buyer.id.int if visitor.buyer else None, address)
