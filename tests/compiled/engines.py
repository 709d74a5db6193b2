"""Two ways to run an operation: as graphql-core does it, and as its plan does."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from graphql import DocumentNode, ExecutionResult, GraphQLSchema, execute
from graphql.execution import Executor, MiddlewareManager
from strawberry.execution import optimized_is_awaitable

from compiled_documents import Plan, Plans
from onsale.graphql.served_schema import FreshContextExecutor

IS_AWAITABLE: Any = optimized_is_awaitable
Running = ExecutionResult | Awaitable[ExecutionResult]


class Surroundings(Protocol):
    """What an operation's context has in every test: notes of what was called."""

    @property
    def notes(self) -> list[str]:
        """What resolvers and loaders noted, in their order."""

    def for_operation(self) -> Any:
        """Give a copy for the next event, with the same notes."""


@dataclass(frozen=True)
class Ask:
    """One operation to be run."""

    tree: DocumentNode
    variables: dict[str, Any] | None = None
    name: str | None = None
    root: Any = None
    #: Whether `root` is the event of a subscription.
    is_event: bool = False


class Engine(Protocol):
    """Runs an operation."""

    def __call__(self, ask: Ask, context: Any) -> Running:
        """Give the result, or something to wait for."""


def by_graphql_core(
    schema: GraphQLSchema, executor: type[Executor[Any]] = FreshContextExecutor
) -> Engine:
    """Run as Strawberry lets graphql-core run it."""

    def run(ask: Ask, context: Any) -> Running:
        if ask.is_event:
            return _event(schema, executor, ask, context)
        return execute(
            schema,
            ask.tree,
            ask.root,
            context,
            ask.variables,
            ask.name,
            middleware=MiddlewareManager(),
            executor_class=executor,
            is_awaitable=IS_AWAITABLE,
            operation_extensions=None,
        )

    return run


def _event(schema: GraphQLSchema, kind: type[Executor[Any]], ask: Ask, context: Any) -> Running:
    executor = kind.build(
        schema,
        ask.tree,
        context_value=context,
        raw_variable_values=ask.variables,
        operation_name=ask.name,
        is_awaitable=IS_AWAITABLE,
    )
    if isinstance(executor, list):
        return ExecutionResult(None, executor)
    running: Any = executor.build_per_event_executor(ask.root).execute_operation(serially=False)
    return running  # type: ignore[no-any-return] # @defer is off.


@dataclass
class Share:
    """How many fields graphql-core has executed."""

    fields: int = 0


def counting(share: Share) -> type[Executor[Any]]:
    """Make an executor that counts the fields it executes: what a plan handed to graphql-core."""

    class CountingExecutor(FreshContextExecutor):
        def execute_field(self, *args: Any, **options: Any) -> Any:
            share.fields += 1
            return super().execute_field(*args, **options)

    return CountingExecutor


@dataclass
class ByPlan:
    """Runs each operation by the plan that its document has, and counts what the plan gave away."""

    schema: GraphQLSchema
    handed_on: Share = field(default_factory=Share)
    change: Callable[[Plan], Any] | None = None
    _known: dict[tuple[int, str | None], tuple[DocumentNode, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._plans = Plans(self.schema, counting(self.handed_on))

    def __call__(self, ask: Ask, context: Any) -> Running:
        plan = self.plan_of(ask)
        if ask.is_event:
            return plan.run_event(ask.root, ask.variables, context.for_operation())
        return plan.run(ask.variables, context, ask.root)

    def plan_of(self, ask: Ask) -> Plan:
        """Give the one plan of the operation; `change` may have put a mutant in its place."""
        key = (id(ask.tree), ask.name)
        if key not in self._known:
            plan = self._plans.plan(ask.tree, ask.name)
            self._known[key] = (ask.tree, self.change(plan) if self.change else plan)
        known: Plan = self._known[key][1]
        return known
