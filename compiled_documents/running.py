"""One run of a compiled operation: what compiled code asks of it, and the way to graphql-core.

The functions here that complete values do in the same order what the methods of the same purpose
do in `graphql.execution.executor`; read them side by side.
"""

from collections.abc import Callable, Mapping, Sequence
from types import CoroutineType
from typing import Any, TypeAlias

from graphql import ExecutionResult, GraphQLError, GraphQLOutputType, GraphQLResolveInfo
from graphql.execution import Executor
from graphql.execution.values import VariableValues
from graphql.pyutils import Path, gather_with_cancel

from compiled_documents.graphql_core import CoreOperation, Request, release
from compiled_documents.oddities import is_awaitable
from compiled_documents.selections import Field

#: A path as compiled code makes it, cheaply: (what leads there, key, type). None: the root.
Trail: TypeAlias = tuple[Any, str | int, str | None] | None
#: Completes a value, or raises; what it gives may have to be awaited.
Complete = Callable[["Run", Any, Trail], Any]


class Run:
    """One operation that is being executed by compiled code.

    Whatever goes wrong is handed to graphql-core's executor, which is made when it is first needed
    and collects all errors. So their order, their paths and what they make null are its own.
    """

    __slots__ = ("_executor", "_operation", "_request", "_values", "context", "variables")

    def __init__(
        self, operation: CoreOperation, request: Request, variables: Mapping[str, Any]
    ) -> None:
        """`variables` are the coerced ones."""
        self.context = request.context
        self.variables = variables
        self._operation = operation
        self._request = request
        self._executor: Executor[Any] | None = None
        self._values: VariableValues | None = None

    @property
    def variable_values(self) -> VariableValues:
        """The coerced variables as graphql-core has them."""
        if self._values is None:
            self._values = self._operation.variable_values(self._request)
        return self._values

    @property
    def executor(self) -> Executor[Any]:
        """What does all that compiled code does not."""
        if self._executor is None:
            self._executor = self._operation.executor(self._request, self.variable_values)
        return self._executor

    def info(self, field: Field, trail: Trail) -> GraphQLResolveInfo[Any]:
        """Make what graphql-core tells resolvers, and its own methods about a field."""
        assert trail is not None, "the root is no field"
        while trail[1].__class__ is int:  # Items of a list are told of the list.
            trail = trail[0]
        nodes = [detail.node for detail in field.details]
        return self.executor.build_resolve_info(
            field.definition, nodes, field.parent, path_of(trail)
        )

    def execute_field(self, field: Field, source: Any, trail: Trail) -> Any:
        """Leave a field to graphql-core, before its resolver was called."""
        return self.executor.execute_field(
            field.parent, source, field.details, path_of(trail), None
        )

    def execute_fields(
        self,
        fields: Sequence[Field],
        source: Any,
        trail: Trail,
        results: dict[str, Any],
        waiting: list[str],
    ) -> None:
        """Leave fields of an object to graphql-core, one after the other."""
        for field in fields:
            value = self.execute_field(field, source, (trail, field.key, field.parent.name))
            results[field.key] = value
            if value.__class__ is CoroutineType:
                waiting.append(field.key)

    def complete_value(
        self, field: Field, type_: GraphQLOutputType, value: Any, trail: Trail
    ) -> Any:
        """Leave a value to graphql-core: a field's, or an item of it. Raises what is wrong."""
        info = self.info(field, trail)
        return self.executor.complete_value(type_, field.details, info, path_of(trail), value, None)

    def complete(self, field: Field, value: Any, trail: Trail) -> Any:
        """Leave a field's value to graphql-core, and its errors too."""
        try:
            completed = self.complete_value(field, field.type, value, trail)
            return self.guard(field, completed, trail) if is_awaitable(completed) else completed
        except Exception as error:  # noqa: BLE001 - as graphql-core does.
            return self.fail(field, error, trail)

    def fail(self, field: Field, error: Exception, trail: Trail) -> None:
        """Let graphql-core collect a field's error, or raise it where null may not stand."""
        self.executor.handle_field_error(error, field.type, field.details, path_of(trail))

    async def guard(self, field: Field, completing: Any, trail: Trail) -> Any:
        """Wait for a field's value, and collect its error."""
        try:
            return await completing
        except Exception as error:  # noqa: BLE001 - as graphql-core does.
            return self.fail(field, error, trail)

    def complete_items(
        self,
        field: Field,
        type_: GraphQLOutputType,
        items: Sequence[Any],
        trail: Trail,
        complete: Complete,
    ) -> Any:
        """Complete a list whose items, of this type, have fields with resolvers."""
        completed: list[Any] = []
        waiting: list[int] = []
        index = 0
        try:
            for index, item in enumerate(items):
                value = self._complete_item(field, type_, item, (trail, index, None), complete)
                completed.append(value)
                if value.__class__ is CoroutineType:
                    waiting.append(index)
        except Exception:
            rest = [item for item in items[index + 1 :] if is_awaitable(item)]
            self.abandon([*(completed[index] for index in waiting), *rest])
            raise
        return gather_items(completed, waiting) if waiting else completed

    def _complete_item(
        self,
        field: Field,
        type_: GraphQLOutputType,
        item: Any,
        trail: Trail,
        complete: Complete,
    ) -> Any:
        if is_awaitable(item):
            info = self.info(field, trail)
            return self.executor.complete_awaitable_list_item_value(
                item, type_, field.details, info, path_of(trail), None
            )
        try:
            completed = complete(self, item, trail)
        except Exception as error:  # noqa: BLE001 - as graphql-core does.
            return self._fail_item(field, type_, error, trail)
        if is_awaitable(completed):
            return self._guard_item(field, type_, completed, trail)
        return completed

    async def _guard_item(
        self, field: Field, type_: GraphQLOutputType, completing: Any, trail: Trail
    ) -> Any:
        try:
            return await completing
        except Exception as error:  # noqa: BLE001 - as graphql-core does.
            return self._fail_item(field, type_, error, trail)

    def _fail_item(
        self, field: Field, type_: GraphQLOutputType, error: Exception, trail: Trail
    ) -> None:
        self.executor.handle_field_error(error, type_, field.details, path_of(trail))

    def abandon(self, awaitables: list[Any]) -> None:
        """Let siblings of a failed field come to their end in the background."""
        if awaitables:
            self.executor.settle_in_background(awaitables)

    def result(self, data: dict[str, Any]) -> ExecutionResult:
        """Give the result, and let go of what was needed for it."""
        executor = self._executor
        if executor is None:
            return ExecutionResult(data, None)
        errors = executor.collected_errors.errors
        release(executor)
        return ExecutionResult(data, errors or None)

    def failure(self, error: GraphQLError) -> ExecutionResult:
        """Give the result when null had to go up to the root."""
        executor = self.executor
        executor.collected_errors.add(error, None)
        errors = executor.collected_errors.errors
        release(executor)
        return ExecutionResult(None, errors)


def path_of(trail: Trail) -> Path:
    """Make the path that graphql-core knows."""
    assert trail is not None, "the root has no path"
    before, key, typename = trail
    return Path(None if before is None else path_of(before), key, typename)


async def gather_fields(results: dict[str, Any], waiting: list[str]) -> dict[str, Any]:
    """Wait for fields of an object, side by side."""
    if len(waiting) == 1:
        key = waiting[0]
        results[key] = await results[key]
    else:
        values = await gather_with_cancel(*(results[key] for key in waiting))
        results.update(zip(waiting, values, strict=True))
    return results


async def gather_items(completed: list[Any], waiting: list[int]) -> list[Any]:
    """Wait for items of a list, side by side."""
    if len(waiting) == 1:
        index = waiting[0]
        completed[index] = await completed[index]
    else:
        values = await gather_with_cancel(*(completed[index] for index in waiting))
        for index, value in zip(waiting, values, strict=True):
            completed[index] = value
    return completed
