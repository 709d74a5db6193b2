"""Plans: documents made ready to be run many times."""

from collections.abc import Awaitable, Mapping
from typing import Any

from graphql import DocumentNode, ExecutionResult, GraphQLSchema
from graphql.execution import Executor
from strawberry.execution import optimized_is_awaitable

#: The result of an operation: an awaitable only if something in it really waits.
Running = ExecutionResult | Awaitable[ExecutionResult]


class Plans:
    """Makes plans for the documents of one schema."""

    def __init__(
        self,
        schema: GraphQLSchema,
        executor_class: type[Executor[Any]],
        *,
        enabled: bool = True,
    ) -> None:
        """Plan for `schema`; `executor_class` runs what is not compiled: all, unless `enabled`."""
        self.schema = schema
        self.executor_class = executor_class
        self.enabled = enabled

    def plan(self, document: DocumentNode, operation_name: str | None) -> "Plan":
        """Make the plan of a valid document's operation; to be kept as long as the document is."""
        return Plan(self, document, operation_name)


class Plan:
    """One operation of one document, ready to be run."""

    def __init__(self, plans: Plans, document: DocumentNode, operation_name: str | None) -> None:
        self._plans = plans
        self._document = document
        self._operation_name = operation_name

    def run(
        self,
        variables: Mapping[str, Any] | None,
        context: Any,
        root: Any = None,
        *,
        extensions: Mapping[str, Any] | None = None,
    ) -> Running:
        """Run a query or a mutation; `extensions` are those of the request."""
        return self._execute(variables, context, root, extensions)

    def run_event(
        self,
        payload: Any,
        variables: Mapping[str, Any] | None,
        context: Any,
        *,
        extensions: Mapping[str, Any] | None = None,
    ) -> Running:
        """Answer one event of a subscription; the context must be the event's own."""
        return self._execute(variables, context, payload, extensions)

    def _execute(
        self,
        variables: Mapping[str, Any] | None,
        context: Any,
        root: Any,
        extensions: Mapping[str, Any] | None,
    ) -> Running:
        """Let graphql-core run the whole operation."""
        options: dict[str, Any] = {}
        if extensions is not None:
            options["operation_extensions"] = dict(extensions)
        executor = self._plans.executor_class.build(
            self._plans.schema,
            self._document,
            root,
            context,
            dict(variables or {}),
            self._operation_name,
            is_awaitable=optimized_is_awaitable,
            **options,
        )
        if isinstance(executor, list):
            return ExecutionResult(None, executor)
        return executor.execute_operation()  # type: ignore[return-value]  # @defer is off.
