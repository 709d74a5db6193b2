"""Runs operations, for both transports: which one is meant, how long it may take, what is told."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol, Self

from graphql import ExecutionResult, GraphQLError, OperationType

from compiled_documents import Plan
from onsale.graphql.allowances import COST_MAX
from onsale.graphql.answers import Answer, Outcome, answer_of, refused, too_dear, with_cost
from onsale.graphql.errors import plain_error, present
from onsale.graphql.operation_log import (
    Listener,
    log_operation,
    log_subscription_end,
    log_subscription_start,
)
from onsale.graphql.requests import OperationRequest
from onsale.graphql.served_schema import ServedSchema
from onsale.graphql.trusted_documents import TrustedDocuments, UnknownDocument
from schema.errors import ErrorCode

#: Everybody is promised an answer within ten seconds, and the way to them takes some time too.
QUERY_TIMEOUT_SECONDS = 9.5
MUTATION_ANSWER_SECONDS = 9.5
#: At the server's end: how long begun mutations may take to finish.
MUTATIONS_FINISH_SECONDS = 5.0


class OperationContext(Protocol):
    """What the transport needs of the context: `schema.context.Context`, or a test's own."""

    @property
    def request_id(self) -> str:
        """What a fault is referred to by."""

    def for_operation(self) -> Self:
        """Give a copy with fresh loaders and fresh views of the boards."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A valid operation, ready to run."""

    request: OperationRequest
    #: The document, whether it was sent or named.
    text: str
    type: OperationType
    name: str | None
    #: What it costs: see `onsale.graphql.costs`.
    cost: int
    #: How it is run.
    plan: Plan


class Operations:
    """What this server can execute, and the mutations under way."""

    def __init__(
        self,
        schema: ServedSchema,
        query_timeout_seconds: float = QUERY_TIMEOUT_SECONDS,
        mutation_answer_seconds: float = MUTATION_ANSWER_SECONDS,
        *,
        trusted: TrustedDocuments | None = None,
        introspection: bool = True,
        compiled: bool = True,
    ) -> None:
        self._schema = schema
        self._plans = schema.plans(compiled=compiled)
        self._query_timeout_seconds = query_timeout_seconds
        self._mutation_answer_seconds = mutation_answer_seconds
        self._trusted = trusted or TrustedDocuments()
        self._introspection = introspection and not self._trusted.locked
        self._mutations: set[asyncio.Task[Answer]] = set()

    def read(self, request: OperationRequest, request_id: str) -> Operation | Answer:
        """Find the operation that is meant; a REFUSED answer says why there is none."""
        try:
            text = self._trusted.text_of(request)
        except UnknownDocument as unknown:
            return refused([plain_error(unknown.code, str(unknown))])
        document = self._schema.documents.read(text)
        if document.errors:
            return refused(present(document.errors, request_id))
        name = request.operation_name
        if name is None and len(document.operations) == 1:
            name = next(iter(document.operations))
        elif name is None or name not in document.operations:
            return refused([_unresolved(name, len(document.operations))])
        if document.asks_schema and not self._introspection:
            return refused([_closed_schema()])
        cost = document.costs[name].asked(request.variables or {})
        if cost > COST_MAX:
            return too_dear(cost)
        plan = document.plan(name, self._plans)
        return Operation(request, text, document.operations[name], name, cost, plan)

    async def run(self, operation: Operation, context: OperationContext, transport: str) -> Answer:
        """Answer a query or a mutation, in time whatever the database does.

        A query is cut off when it takes too long or its client has gone. A mutation is neither:
        who pays and closes the page has paid, so it runs to its end whatever becomes of the caller;
        who waits too long for it is told how to learn its outcome.
        """
        if operation.type is OperationType.QUERY:
            return await self._query(operation, context, transport)
        return await self._mutation(operation, context, transport)

    async def subscribe(
        self, operation: Operation, context: OperationContext, transport: str
    ) -> AsyncGenerator[Answer]:
        """Give the subscription's messages; a REFUSED one is the first and last."""
        started, messages, failures = time.perf_counter(), 0, []
        about = Listener(operation.name, transport, context.request_id)
        log_subscription_start(about)
        try:
            async with aclosing(await self._stream(operation, context)) as results:
                async for result in results:
                    answer = answer_of(result, context.request_id)
                    failures = answer.errors
                    messages += 1
                    yield answer
        finally:
            seconds = time.perf_counter() - started
            log_subscription_end(about, seconds=seconds, messages=messages, errors=failures)

    async def finish(self) -> None:
        """Let the mutations under way come to their end, before the database is let go of."""
        if self._mutations:
            await asyncio.wait(self._mutations, timeout=MUTATIONS_FINISH_SECONDS)

    async def _query(
        self, operation: Operation, context: OperationContext, transport: str
    ) -> Answer:
        started = time.perf_counter()
        query = asyncio.create_task(self._logged(operation, context, transport))
        try:
            # Not `asyncio.timeout`: its end waits for connections to be let go of, which takes
            # two seconds where the database is silent.
            await asyncio.wait((query,), timeout=self._query_timeout_seconds)
            if query.done():
                return query.result()
        finally:
            query.cancel()
        message = (
            f"The query took longer than {self._query_timeout_seconds:g} seconds. Ask for less."
        )
        return _timed_out(operation, context, transport, started, message)

    async def _mutation(
        self, operation: Operation, context: OperationContext, transport: str
    ) -> Answer:
        """Begin a mutation and wait for it; a late one is logged when answered, and at its end."""
        started = time.perf_counter()
        mutation = asyncio.create_task(self._logged(operation, context, transport))
        self._mutations.add(mutation)
        mutation.add_done_callback(self._mutations.discard)
        await asyncio.wait((mutation,), timeout=self._mutation_answer_seconds)
        if mutation.done():
            return mutation.result()
        message = (
            f"This takes longer than {self._mutation_answer_seconds:g} seconds. It goes on here."
            " Repeat exactly this call to learn the outcome: nothing happens twice."
        )
        return _timed_out(operation, context, transport, started, message)

    async def _logged(
        self, operation: Operation, context: OperationContext, transport: str
    ) -> Answer:
        started = time.perf_counter()
        result = await _executed(operation, context)
        answer = with_cost(answer_of(result, context.request_id), operation.cost)
        _log(operation, context, transport, started, answer)
        return answer

    async def _stream(
        self, operation: Operation, context: OperationContext
    ) -> AsyncGenerator[ExecutionResult]:
        request = operation.request
        return await self._schema.stream(  # type: ignore[return-value]  # @defer is off.
            operation.text,
            variable_values=request.variables,
            context_value=context,
            operation_name=operation.name,
            operation_extensions=request.extensions,
        )


async def _executed(operation: Operation, context: OperationContext) -> ExecutionResult:
    """Run the operation's plan; whatever it breaks on is our fault, and told like a resolver's."""
    request = operation.request
    try:
        result = operation.plan.run(request.variables, context, extensions=request.extensions)
        return result if isinstance(result, ExecutionResult) else await result
    except Exception as fault:  # noqa: BLE001 - it is logged where the answer is made.
        return ExecutionResult(None, [GraphQLError(str(fault), original_error=fault)])


def _timed_out(
    operation: Operation, context: OperationContext, transport: str, started: float, message: str
) -> Answer:
    errors = [plain_error(ErrorCode.TIMEOUT, message)]
    answer = with_cost(Answer(Outcome.TIMED_OUT, {"errors": errors}), operation.cost)
    _log(operation, context, transport, started, answer)
    return answer


def _unresolved(name: str | None, operations: int) -> dict[str, Any]:
    if name is not None:
        message = f"The document has no operation named {name[:80]!r}."
    elif operations:
        message = "The document has several operations; operationName must say which one to run."
    else:
        message = "The document has no operation to run."
    return plain_error(ErrorCode.OPERATION_RESOLUTION_FAILURE, message)


def _closed_schema() -> dict[str, Any]:
    message = "This server does not tell its schema. Ask whoever runs it for `schema.graphql`."
    return plain_error(ErrorCode.GRAPHQL_VALIDATION_FAILED, message)


def _log(
    operation: Operation,
    context: OperationContext,
    transport: str,
    started: float,
    answer: Answer,
) -> None:
    log_operation(
        name=operation.name,
        kind=operation.type.value,
        transport=transport,
        request_id=context.request_id,
        seconds=time.perf_counter() - started,
        errors=answer.errors,
    )
