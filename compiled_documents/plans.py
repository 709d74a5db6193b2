"""Plans: documents made ready to be run many times."""

import warnings
from collections import Counter
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from graphql import DocumentNode, GraphQLSchema, OperationDefinitionNode
from graphql.execution import Executor, default_field_resolver

from compiled_documents.directives import deciding_variables
from compiled_documents.graphql_core import CoreOperation, Request, Running
from compiled_documents.kept import KeptBlocks
from compiled_documents.oddities import NotCompilable
from compiled_documents.resolvers import Sources
from compiled_documents.running import Run
from compiled_documents.selections import Collector
from compiled_documents.shapes import Shape, compile_shape
from compiled_documents.variables import Variables

#: How many shapes of one operation are compiled: sets of truths of the variables that its
#: directives name. Further ones are run by graphql-core.
SHAPES_MAX = 8
#: How many fields all plans of a schema may have together, in all their shapes.
PLANNED_FIELDS_MAX = 20_000
#: How many of them one shape may have: a few fragments can stand for very many fields, and to
#: compile this many takes some 50 ms.
SHAPE_FIELDS_MAX = 400
#: How often graphql-core runs what there was no room for, before it is tried again.
RUNS_BETWEEN_TRIES = 100


class Plans:
    """Makes plans for the documents of one schema."""

    def __init__(
        self,
        schema: GraphQLSchema,
        executor_class: type[Executor[Any]],
        *,
        enabled: bool = True,
        compiled_from_run: int = 1,
    ) -> None:
        """Plan for `schema`; `executor_class` runs what is not compiled: all, unless `enabled`.

        Compiling costs a hundred runs, so it may wait for the second: much is sent only once.

        Raises ValueError for a schema with Strawberry's extensions, which plans would not call.
        """
        strawberry = getattr(schema, "_strawberry_schema", None)
        if strawberry is not None and strawberry.get_extensions():
            raise ValueError("Plans do not call the extensions of a schema.")
        self.schema = schema
        self.executor_class = executor_class
        self.enabled = enabled
        self.compiled_from_run = compiled_from_run
        self.kept = KeptBlocks()
        self.sources = Sources(schema, default_field_resolver)
        self._planned: WeakKeyDictionary[Plan, int] = WeakKeyDictionary()

    def plan(
        self, document: DocumentNode, operation_name: str | None, *, at_once: bool = False
    ) -> "Plan":
        """Make the plan of a valid document's operation; to be kept as long as the document is.

        `at_once` compiles it at its first run: for what costs more to run than to compile.
        """
        return Plan(self, document, operation_name, 1 if at_once else self.compiled_from_run)

    @property
    def field_count(self) -> int:
        """How many fields are planned now."""
        return sum(self._planned.values())

    def fields_left(self) -> int:
        """Say how many fields a further shape may have."""
        return min(SHAPE_FIELDS_MAX, PLANNED_FIELDS_MAX - self.field_count)

    def count(self, plan: "Plan", fields: int) -> None:
        """Count the fields of a shape, for as long as its plan lives."""
        self._planned[plan] = self._planned.get(plan, 0) + fields


class Plan:
    """One operation of one document, ready to be run."""

    def __init__(
        self,
        plans: Plans,
        document: DocumentNode,
        operation_name: str | None,
        compiled_from_run: int,
    ) -> None:
        self._plans = plans
        self._compiled_from_run = compiled_from_run
        self._core = CoreOperation(plans.schema, plans.executor_class, document, operation_name)
        #: By the truths of what directives ask. None: it cannot be compiled.
        self._shapes: dict[tuple[Any, ...], Shape | None] = {}
        self._runs: Counter[tuple[Any, ...]] = Counter()
        self._variables: Variables | None = None
        self._deciding: tuple[str, ...] = ()
        if plans.enabled and self._core.node is not None:
            self._variables = _variables(plans.schema, self._core.node)
            self._deciding = deciding_variables(self._core.node, self._core.fragment_definitions)

    def run(
        self,
        variables: Mapping[str, Any] | None,
        context: Any,
        root: Any = None,
        *,
        extensions: Mapping[str, Any] | None = None,
    ) -> Running:
        """Run a query or a mutation; `extensions` are those of the request."""
        request = Request(variables or {}, context, root, extensions)
        if self._variables is None:
            return self._core.run(request)
        try:
            values = self._variables.read(request.variables)
            truths = tuple([values[name] for name in self._deciding])
        except Exception:  # noqa: BLE001 - graphql-core says what is wrong with the variables.
            return self._core.run(request)
        shape = self._shape(truths)
        if shape is None:
            return self._core.run(request)
        return shape.run(Run(self._core, request, values), root)

    def run_event(
        self,
        payload: Any,
        variables: Mapping[str, Any] | None,
        context: Any,
        *,
        extensions: Mapping[str, Any] | None = None,
    ) -> Running:
        """Answer one event of a subscription; the context must be the event's own."""
        return self.run(variables, context, payload, extensions=extensions)

    def _shape(self, truths: tuple[Any, ...]) -> Shape | None:
        """Give the compiled shape for these truths; None: graphql-core runs it."""
        if truths in self._shapes:
            return self._shapes[truths]
        if len(self._runs) >= SHAPES_MAX and truths not in self._runs:
            return None
        self._runs[truths] += 1
        if self._runs[truths] < self._compiled_from_run:
            return None
        room = self._plans.fields_left()
        shape = self._compiled(truths, room)
        if shape is None and room < SHAPE_FIELDS_MAX:
            self._runs[truths] -= RUNS_BETWEEN_TRIES  # There may be room again by then.
        else:
            self._shapes[truths] = shape
        return shape

    def _compiled(self, truths: tuple[Any, ...], room: int) -> Shape | None:
        operation = self._core.node
        assert operation is not None, "variables of an operation were read"
        collector = Collector(
            self._core,
            operation,
            self._plans.sources,
            dict(zip(self._deciding, truths, strict=True)),
            room,
        )
        try:
            selection = collector.collect()
        except NotCompilable:
            return None
        schema, kept = self._plans.schema, self._plans.kept
        try:
            shape = compile_shape(schema, operation.operation, selection, kept)
        except Exception as fault:  # noqa: BLE001 - ours, and no reason to answer nobody.
            warnings.warn(f"A document was not compiled: {fault!r}", RuntimeWarning, stacklevel=2)
            return None
        self._plans.count(self, collector.field_count)
        return shape


def _variables(schema: GraphQLSchema, operation: OperationDefinitionNode) -> Variables | None:
    try:
        return Variables(schema, operation)
    except NotCompilable:
        return None
