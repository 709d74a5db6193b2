"""Runs operations, for both transports: which one is meant, how long it may take, what is told."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol, Self

from graphql import ExecutionResult, GraphQLError, OperationType

from compiled_documents import Plan, Running
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
from onsale.graphql.under_way import UnderWay
from schema.errors import ErrorCode

#: Everybody is promised an answer within ten seconds, and the way to them takes some time too.
QUERY_TIMEOUT_SECONDS = 9.5
MUTATION_ANSWER_SECONDS = 9.5


class OperationContext(Protocol):
    """What the transport needs of the context: `schema.context.Context`, or a test's own."""

    @property
    def request_id(self) -> str:
        """What a fault is referred to by."""

    def for_operation(self) -> Self:
        """Give a copy with fresh loaders and fresh views of the boards."""


@dataclass(slots=True)  # Not frozen: that takes four times as long to make.
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
        self._under_way = UnderWay()

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
        plan = document.plan(name, self._plans, cost)
        return Operation(request, text, document.operations[name], name, cost, plan)

    def begin(
        self, operation: Operation, context: OperationContext, transport: str
    ) -> Answer | asyncio.Future[Answer]:
        """Answer a query or a mutation; if it has to wait for something, in a future, in time.

        A query is cut off when it takes too long, or its client has gone and the future is
        cancelled. A mutation is neither: it runs to its end whatever becomes of the caller; who
        waits too long for it is told how to learn its outcome.
        """
        started = time.perf_counter()
        result = _start(operation, context)
        if isinstance(result, ExecutionResult):
            return _concluded(operation, context, transport, started, result)
        is_query = operation.type is OperationType.QUERY
        seconds = self._query_timeout_seconds if is_query else self._mutation_answer_seconds
        return self._under_way.begin(
            _finish(operation, context, transport, started, result),
            seconds,
            lambda: _timed_out(operation, context, transport, started, seconds),
            lasts=not is_query,
        )

    async def run(self, operation: Operation, context: OperationContext, transport: str) -> Answer:
        """Answer a query or a mutation to who waits in a task; its end is the future's, too."""
        answer = self.begin(operation, context, transport)
        return answer if isinstance(answer, Answer) else await answer

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
        await self._under_way.finish()

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


def _start(operation: Operation, context: OperationContext) -> Running:
    """Run the operation's plan until it waits, if it does."""
    request = operation.request
    try:
        return operation.plan.run(request.variables, context, extensions=request.extensions)
    except Exception as fault:  # noqa: BLE001 - it is logged where the answer is made.
        return _broken(fault)


async def _finish(
    operation: Operation,
    context: OperationContext,
    transport: str,
    started: float,
    running: Awaitable[ExecutionResult],
) -> Answer:
    try:
        result = await running
    except Exception as fault:  # noqa: BLE001 - it is logged where the answer is made.
        result = _broken(fault)
    return _concluded(operation, context, transport, started, result)


def _broken(fault: Exception) -> ExecutionResult:
    """Whatever a plan breaks on is our fault, and told like a resolver's."""
    return ExecutionResult(None, [GraphQLError(str(fault), original_error=fault)])


def _concluded(
    operation: Operation,
    context: OperationContext,
    transport: str,
    started: float,
    result: ExecutionResult,
) -> Answer:
    answer = with_cost(answer_of(result, context.request_id), operation.cost)
    _log(operation, context, transport, started, answer)
    return answer


def _timed_out(
    operation: Operation, context: OperationContext, transport: str, started: float, seconds: float
) -> Answer:
    """Say that it takes too long; a mutation that is late is logged now, and at its end."""
    if operation.type is OperationType.QUERY:
        message = f"The query took longer than {seconds:g} seconds. Ask for less."
    else:
        message = (
            f"This takes longer than {seconds:g} seconds. It goes on here. Repeat exactly this"
            " call to learn the outcome: nothing happens twice."
        )
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
