"""Engines with one fault each, all but one of them small: the judge must notice every one."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from graphql import ExecutionResult, GraphQLError, GraphQLSchema
from graphql.execution import Executor
from strawberry.dataloader import DataLoader

from onsale.graphql.served_schema import FreshContextExecutor
from tests.compiled.engines import IS_AWAITABLE, Ask, Engine, Running, by_graphql_core
from tests.compiled.nasty.surroundings import Noting

MakeEngine = Callable[[GraphQLSchema], Engine]
Change = Callable[[ExecutionResult], ExecutionResult]


@dataclass(frozen=True)
class Mutant:
    """A fault, and a document that shows it."""

    fault: str
    document: str
    make: MakeEngine


def changing(change: Change) -> MakeEngine:
    """Change what graphql-core answers."""

    def make(schema: GraphQLSchema) -> Engine:
        core = by_graphql_core(schema)

        async def later(running: Awaitable[ExecutionResult]) -> ExecutionResult:
            return change(await running)

        def run(ask: Ask, context: Any) -> Running:
            running: Any = core(ask, context)
            return later(running) if IS_AWAITABLE(running) else change(running)

        return run

    return make


def executing(kind: type[Executor[Any]]) -> MakeEngine:
    """Let another executor run it."""

    def make(schema: GraphQLSchema) -> Engine:
        def run(ask: Ask, context: Any) -> Running:
            executor: Any = kind.build(
                schema,
                ask.tree,
                context_value=context,
                raw_variable_values=ask.variables,
                is_awaitable=IS_AWAITABLE,
            )
            running: Running = executor.execute_operation()
            return running

        return run

    return make


def _before(do: Callable[[Any], None]) -> MakeEngine:
    """Do something first."""

    def make(schema: GraphQLSchema) -> Engine:
        core = by_graphql_core(schema)

        def run(ask: Ask, context: Any) -> Running:
            do(context)
            return core(ask, context)

        return run

    return make


def _with_keys_turned(result: ExecutionResult) -> ExecutionResult:
    return ExecutionResult(dict(reversed((result.data or {}).items())), result.errors)


def _with_whole_numbers_as_floats(result: ExecutionResult) -> ExecutionResult:
    data = {key: float(value) for key, value in (result.data or {}).items()}
    return ExecutionResult(data, result.errors)


def _with_errors_turned(result: ExecutionResult) -> ExecutionResult:
    return ExecutionResult(result.data, list(reversed(result.errors or [])))


def _with_null_not_passed_on(result: ExecutionResult) -> ExecutionResult:
    return ExecutionResult(result.data or {"must": None}, result.errors)


def _with_each_error(**changed: Any) -> Change:
    """Change something of every error."""

    def change(result: ExecutionResult) -> ExecutionResult:
        errors = []
        for error in result.errors or []:
            facts = {
                "nodes": error.nodes,
                "path": error.path,
                "original_error": error.original_error,
                "extensions": error.extensions,
            }
            message = changed.get("message", error.message)
            errors.append(GraphQLError(message, **{**facts, **changed, "message": message}))
        return ExecutionResult(result.data, errors)

    return change


class _CallsInReverse(FreshContextExecutor):
    """Calls the last resolver first, and orders the answer as if nothing had been."""

    def execute_fields(self, parent: Any, source: Any, path: Any, fields: Any, *rest: Any) -> Any:
        turned = dict(reversed(fields.items()))
        result = super().execute_fields(parent, source, path, turned, *rest)
        return {key: result[key] for key in fields} if isinstance(result, dict) else result


class _CallsTwice(FreshContextExecutor):
    """Executes every field twice, as a compiler does that falls back too late."""

    def execute_field(self, *args: Any) -> Any:
        super().execute_field(*args)
        return super().execute_field(*args)


class _OneAfterTheOther(FreshContextExecutor):
    """Runs the root fields of a query one after the other, so that nothing comes in batches."""

    def execute_operation(self, serially: bool | None = None) -> Any:
        assert serially is None
        return super().execute_operation(serially=True)


class _AllAtOnce(FreshContextExecutor):
    """Runs mutations side by side."""

    def execute_operation(self, serially: bool | None = None) -> Any:
        assert serially is None
        return super().execute_operation(serially=False)


class _LeadsAstray(FreshContextExecutor):
    """Tells resolvers another path than their own."""

    def build_resolve_info(self, field: Any, nodes: Any, parent: Any, path: Any) -> Any:
        return super().build_resolve_info(field, nodes, parent, path.add_key("astray", None))


def _small_batches(context: Noting) -> None:
    context.halves = DataLoader(context._load_halves, max_batch_size=1)


def _leave_a_task(_context: Any) -> None:
    _LEFT.append(asyncio.ensure_future(asyncio.sleep(3600)))


_LEFT: list[asyncio.Task[None]] = []


def _leave_a_coroutine(_context: Any) -> None:
    asyncio.sleep(0)  # type: ignore[unused-coroutine] # it is what is wrong here.


def _lose_an_exception(_context: Any) -> None:
    asyncio.get_running_loop().call_exception_handler({"message": "lost"})


def _fail(_context: Any) -> None:
    raise KeyError("within the plan")


def _waiting(schema: GraphQLSchema) -> Engine:
    core = by_graphql_core(schema)

    def run(ask: Ask, context: Any) -> Running:
        async def later() -> Any:
            return core(ask, context)

        return later()

    return run


NO_PATH = _with_each_error(path=None)
TWO_FAULTS = "{ text(way: RAISES) page { items { name } } other: text(way: RAISES_LATER) }"
MUTANTS = [
    Mutant("keys in another order", "{ text must }", changing(_with_keys_turned)),
    Mutant(
        "another kind of number",
        "mutation { add }",
        changing(_with_whole_numbers_as_floats),
    ),
    Mutant("errors in another order", TWO_FAULTS, changing(_with_errors_turned)),
    Mutant("null not passed on", "{ must(way: NOTHING) }", changing(_with_null_not_passed_on)),
    Mutant("a path that is lost", TWO_FAULTS, changing(NO_PATH)),
    Mutant("a path that is wrong", TWO_FAULTS, changing(_with_each_error(path=["text", 0]))),
    Mutant("a place that is lost", TWO_FAULTS, changing(_with_each_error(nodes=None))),
    Mutant("another message", TWO_FAULTS, changing(_with_each_error(message="broken"))),
    Mutant("no cause", TWO_FAULTS, changing(_with_each_error(original_error=None))),
    Mutant(
        "extensions that are lost",
        "{ text(way: RAISES_GRAPHQL) }",
        changing(_with_each_error(extensions=None)),
    ),
    Mutant("calls in another order", "{ sure { text must } }", executing(_CallsInReverse)),
    Mutant("calls twice", "{ sure { text } }", executing(_CallsTwice)),
    Mutant(
        "calls one after the other",
        "{ a: sure { half } b: sure { half(of: 6) } }",
        executing(_OneAfterTheOther),
    ),
    Mutant(
        "mutations side by side",
        "mutation { add again: add(number: 2) }",
        executing(_AllAtOnce),
    ),
    Mutant("resolvers led astray", "{ sure { about } }", executing(_LeadsAstray)),
    Mutant("smaller batches", "{ sure { half other: half(of: 6) } }", _before(_small_batches)),
    Mutant("a task left behind", "{ text }", _before(_leave_a_task)),
    Mutant("a coroutine left behind", "{ text }", _before(_leave_a_coroutine)),
    Mutant("an exception lost", "{ text }", _before(_lose_an_exception)),
    Mutant("an exception out of the plan", "{ text }", _before(_fail)),
    Mutant("waiting for nothing", "{ text }", _waiting),
]
