"""Runs operations, for both transports: which one is meant, how long it may take, what is told."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Protocol, Self

from graphql import OperationType
from strawberry.types.execution import ExecutionResult, PreExecutionError

from onsale.graphql.errors import plain_error, present
from onsale.graphql.operation_log import (
    Listener,
    log_operation,
    log_subscription_end,
    log_subscription_start,
)
from onsale.graphql.served_schema import ServedSchema
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


class Outcome(Enum):
    """What became of an operation."""

    EXECUTED = auto()
    #: Wrong before anything ran, so there is no `data`.
    REFUSED = auto()
    TIMED_OUT = auto()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client gets: the JSON, and what the transport has to know about it."""

    outcome: Outcome
    payload: dict[str, Any]

    @property
    def errors(self) -> list[dict[str, Any]]:
        """The errors, as JSON."""
        errors: list[dict[str, Any]] = self.payload.get("errors", [])
        return errors


@dataclass(frozen=True, slots=True)
class OperationRequest:
    """What a client sent, of the right shape but not yet read."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """A valid operation, ready to run."""

    request: OperationRequest
    type: OperationType
    name: str | None


class Operations:
    """What this server can execute, and the mutations under way."""

    def __init__(
        self,
        schema: ServedSchema,
        query_timeout_seconds: float = QUERY_TIMEOUT_SECONDS,
        mutation_answer_seconds: float = MUTATION_ANSWER_SECONDS,
    ) -> None:
        self._schema = schema
        self._query_timeout_seconds = query_timeout_seconds
        self._mutation_answer_seconds = mutation_answer_seconds
        self._mutations: set[asyncio.Task[Answer]] = set()

    def read(self, request: OperationRequest, request_id: str) -> Operation | Answer:
        """Find the operation that is meant; a REFUSED answer says why there is none."""
        document = self._schema.documents.read(request.query)
        if document.errors:
            return refused(present(document.errors, request_id))
        name = request.operation_name
        if name is None and len(document.operations) == 1:
            name = next(iter(document.operations))
        elif name is None or name not in document.operations:
            return refused([_unresolved(name, len(document.operations))])
        return Operation(request, document.operations[name], name)

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
                    answer = _answer(result, context.request_id)
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
        request = operation.request
        result = await self._schema.execute(
            request.query,
            variable_values=request.variables,
            context_value=context,
            operation_name=operation.name,
            operation_extensions=request.extensions,
        )
        answer = _answer(result, context.request_id)
        _log(operation, context, transport, started, answer)
        return answer

    async def _stream(
        self, operation: Operation, context: OperationContext
    ) -> AsyncGenerator[ExecutionResult]:
        request = operation.request
        return await self._schema.stream(  # type: ignore[return-value]  # @defer is off.
            request.query,
            variable_values=request.variables,
            context_value=context,
            operation_name=operation.name,
            operation_extensions=request.extensions,
        )


def refused(errors: list[dict[str, Any]]) -> Answer:
    """Answer that nothing ran: by the specification there is no `data` then, not even null."""
    return Answer(Outcome.REFUSED, {"errors": errors})


def _answer(result: ExecutionResult, request_id: str) -> Answer:
    if not result.errors:
        return Answer(Outcome.EXECUTED, {"data": result.data})
    errors = present(result.errors, request_id)
    never_ran = result.data is None and all(error.path is None for error in result.errors)
    if never_ran or isinstance(result, PreExecutionError):
        return refused(errors)
    return Answer(Outcome.EXECUTED, {"errors": errors, "data": result.data})


def _timed_out(
    operation: Operation, context: OperationContext, transport: str, started: float, message: str
) -> Answer:
    errors = [plain_error(ErrorCode.TIMEOUT, message)]
    answer = Answer(Outcome.TIMED_OUT, {"errors": errors})
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
