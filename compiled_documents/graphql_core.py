"""graphql-core's way of running an operation: for what is not compiled, and for what goes wrong."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLSchema,
    OperationDefinitionNode,
)
from graphql.execution import Executor, default_field_resolver, default_type_resolver
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.values import VariableValues, get_variable_values
from strawberry.execution import optimized_is_awaitable

#: The result of an operation: an awaitable only if something in it really waits.
Running = ExecutionResult | Awaitable[ExecutionResult]


@dataclass(frozen=True, slots=True)
class Request:
    """What one request brings along."""

    variables: Mapping[str, Any]
    context: Any
    root: Any
    #: The `extensions` of the request, which Strawberry's executor takes.
    extensions: Mapping[str, Any] | None = None


class CoreOperation:
    """One operation of a document, as graphql-core runs it."""

    def __init__(
        self,
        schema: GraphQLSchema,
        executor_class: type[Executor[Any]],
        document: DocumentNode,
        operation_name: str | None,
    ) -> None:
        self.schema = schema
        #: None: there is no such operation, and graphql-core says so.
        self.node = _operation(document, operation_name)
        self.fragment_definitions = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self.fragments = {
            name: FragmentDetails(definition)
            for name, definition in self.fragment_definitions.items()
        }
        self._executor_class = executor_class
        self._document = document
        self._operation_name = operation_name

    def run(self, request: Request) -> Running:
        """Run the whole operation."""
        options: dict[str, Any] = {"is_awaitable": optimized_is_awaitable}
        if request.extensions is not None:
            options["operation_extensions"] = dict(request.extensions)
        executor = self._executor_class.build(
            self.schema,
            self._document,
            request.root,
            request.context,
            dict(request.variables),
            self._operation_name,
            **options,
        )
        if isinstance(executor, list):
            return ExecutionResult(None, executor)
        result = executor.execute_operation()
        if isinstance(result, ExecutionResult):
            release(executor)
            return result
        return _finish(executor, result)

    def variable_values(self, request: Request) -> VariableValues:
        """Coerce variables that are known to be right."""
        definitions = self.node.variable_definitions if self.node else None
        values = get_variable_values(self.schema, definitions or (), dict(request.variables))
        assert isinstance(values, VariableValues), "compiled code read the same variables"
        return values

    def executor(self, request: Request, values: VariableValues) -> Executor[Any]:
        """Make an executor for what a compiled operation does not do itself."""
        assert self.node is not None, "what does not exist was not compiled"
        options: dict[str, Any] = {"is_awaitable": optimized_is_awaitable}
        if request.extensions is not None:
            options["operation_extensions"] = dict(request.extensions)
        return self._executor_class(
            self.schema,
            self.fragment_definitions,
            self.fragments,
            request.root,
            request.context,
            self.node,
            values,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            **options,
        )


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    """Find the operation as graphql-core does; None: it will say itself why there is none."""
    found = [
        definition
        for definition in document.definitions
        if isinstance(definition, OperationDefinitionNode)
        and (name is None or (definition.name is not None and definition.name.value == name))
    ]
    if len(found) > 1 and name is None:
        return None
    return found[-1] if found else None


async def _finish(executor: Executor[Any], result: Any) -> ExecutionResult:
    try:
        return await result  # type: ignore[no-any-return]
    finally:
        release(executor)


def release(executor: Executor[Any]) -> None:
    """Let go of what an executor refers to in a circle, so that no request waits for the collector.

    Its helpers are bound to it. What still runs in the background may need them.
    """
    if not executor.background_futures:
        vars(executor).pop("async_helpers", None)
