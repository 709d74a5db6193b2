"""Shapes: compiled code for one operation and one set of truths of what its directives ask."""

from collections.abc import Callable
from types import CoroutineType
from typing import Any

from graphql import ExecutionResult, GraphQLError, GraphQLSchema, OperationType

from compiled_documents.graphql_core import Running
from compiled_documents.kept import KeptBlocks
from compiled_documents.resolving import ResolvingWriter
from compiled_documents.running import Run, Trail
from compiled_documents.selections import Selection

#: Gives the object that was selected of a source, or a coroutine of it.
ObjectFunction = Callable[[Run, Any, Trail], Any]


class Shape:
    """A compiled operation."""

    __slots__ = ("_execute",)

    def __init__(self, execute: ObjectFunction) -> None:
        self._execute = execute

    def run(self, run: Run, root: Any) -> Running:
        """Execute the operation."""
        try:
            data = self._execute(run, root, None)
        except GraphQLError as error:
            return run.failure(error)
        return _finish(run, data) if data.__class__ is CoroutineType else run.result(data)


async def _finish(run: Run, coming: Any) -> ExecutionResult:
    try:
        data = await coming
    except GraphQLError as error:
        return run.failure(error)
    return run.result(data)


def compile_shape(
    schema: GraphQLSchema, operation: OperationType, selection: Selection, kept: KeptBlocks
) -> Shape:
    """Write and compile the code of an operation."""
    writer = ResolvingWriter(schema, kept)
    selections = [selection]
    if operation is OperationType.MUTATION:
        selections = [Selection(selection.type, (field,)) for field in selection.fields]
    functions = [writer.object(each) for each in selections]
    names = writer.code.run()
    steps = [names[function] for function in functions]
    return Shape(steps[0] if len(steps) == 1 else _serially(steps))


def _serially(steps: list[ObjectFunction]) -> ObjectFunction:
    """Execute a mutation's fields one after the other; each step gives an object of one."""

    def execute(run: Run, root: Any, trail: Trail) -> Any:
        data: dict[str, Any] = {}
        for number, step in enumerate(steps):
            part = step(run, root, trail)
            if part.__class__ is CoroutineType:
                return _execute_rest(run, root, data, part, steps[number + 1 :])
            data |= part
        return data

    return execute


async def _execute_rest(
    run: Run, root: Any, data: dict[str, Any], coming: Any, steps: list[ObjectFunction]
) -> dict[str, Any]:
    """Go on with a mutation once one of its fields has to be waited for."""
    data |= await coming
    for step in steps:
        part = step(run, root, None)
        data |= await part if part.__class__ is CoroutineType else part
    return data
