"""Our own schema on trial: with what its operations are asked, and what of the answers counts."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

from graphql import OperationDefinitionNode, OperationType, VariableDefinitionNode, type_from_ast

from onsale.graphql_schema import graphql_schema
from tests.compiled.cases import Case
from tests.compiled.generating import DOCUMENTS, DOCUMENTS_USUALLY, Trial
from tests.compiled.judge import Told
from tests.compiled.ours.gathering import gathered
from tests.compiled.ours.names import settled
from tests.compiled.ours.world import World
from tests.compiled.values import Values

SCHEMA = graphql_schema._schema
#: How often each operation that is written down is asked, with other variables each time.
ASKED = 1 if DOCUMENTS <= DOCUMENTS_USUALLY else 5


def on_trial(world: World) -> Trial:
    """Put our schema on trial in a world."""
    return Trial(
        SCHEMA, world.palette(), world.surroundings, settle=passing, remembers=True, times=1
    )


def written(kind: OperationType, world: World) -> Iterator[Case]:
    """Give the operations of this kind that are written down, each with several variables."""
    random = Random("our operations")
    values = Values(random, world.palette())
    for text in gathered():
        tree = graphql_schema.documents.read(text).tree
        assert tree is not None
        for node in tree.definitions:
            if not isinstance(node, OperationDefinitionNode) or node.operation is not kind:
                continue
            for _ in range(ASKED if node.variable_definitions else 1):
                variables = {
                    definition.variable.name.value: _drawn(values, definition)
                    for definition in node.variable_definitions or ()
                }
                yield Case(text, variables, node.name.value if node.name else None, tree)


def _drawn(values: Values, definition: VariableDefinitionNode) -> Any:
    kind: Any = type_from_ast(SCHEMA, definition.type)
    return values.draw(kind, definition.variable.name.value)


def passing(told: Told) -> Told:
    """Leave out what differs from run to run: all that depends on when PostgreSQL answers.

    That is which loads of two branches meet in one statement, and how far siblings of a failure
    came. The nasty schema, in which nobody waits for anything but the event loop, is compared in
    every detail.
    """
    return replace(
        told,
        data=settled(told.data),
        errors=tuple(sorted(told.errors)),
        notes=() if told.errors else tuple(sorted(set(told.notes))),
        afterthoughts=(),
        tasks_left=0,
    )
