"""Which subscriptions are the same: same document, operation and variables, for everybody alike.

Only where to begin may differ (`sinceVersion`): after the first message all are at the same place.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    get_operation_ast,
    print_ast,
    visit,
)
from graphql.execution import get_argument_values, get_variable_values

from onsale.graphql.documents import DOCUMENTS_MAX
from onsale.graphql.operations import Operation
from onsale.graphql.served_schema import ServedSchema
from schema.ids import NodeKind, key_of
from schema.sharing import is_same_for_all

#: The field that is shared, what it is about, and what may differ from one to the other.
FIELD, ABOUT, SINCE = "seatAvailability", "eventId", "sinceVersion"
INT_MIN, INT_MAX = -(2**31), 2**31 - 1
DECLARED_AND_USED = 2

#: Who has equal ones is told the same: the document, its operation, the variables as JSON.
Key = tuple[str, str | None, bytes]


@dataclass(frozen=True, slots=True)
class Shape:
    """What an operation of a document says about sharing it."""

    field: FieldNode
    variable_definitions: tuple[VariableDefinitionNode, ...]
    #: The variables that have to be the same, in the order of their names.
    variables: tuple[str, ...]
    #: The variable that says where to begin, and what it is when it is not sent.
    since_variable: str | None
    since_default: int | None


@dataclass(frozen=True, slots=True)
class Shared:
    """A subscription that others may have, too."""

    key: Key
    operation: Operation
    shape: Shape
    since_version: int | None


class Sharing:
    """Knows of each document that was seen lately whether it can be shared."""

    def __init__(self, schema: ServedSchema) -> None:
        self._documents = schema.documents
        self._schema = schema.plans().schema
        self._shapes: OrderedDict[tuple[str, str | None], Shape | None] = OrderedDict()

    def look(self, operation: Operation) -> Shared | None:
        """Say what can be shared of an operation; None: it needs an execution of its own.

        What is wrong with variables is told by that, too.
        """
        if operation.type is not OperationType.SUBSCRIPTION:
            return None
        shape = self._shape(operation)
        if shape is None:
            return None
        sent = operation.request.variables or {}
        since = shape.since_default
        if shape.since_variable is not None:
            since = sent.get(shape.since_variable, since)
            if since is not None and not (type(since) is int and INT_MIN <= since <= INT_MAX):
                return None
        variables = {name: sent[name] for name in shape.variables if name in sent}
        try:
            key = (operation.text, operation.name, orjson.dumps(variables))
        except orjson.JSONEncodeError:  # A number beyond 64 bits, say.
            return None
        return Shared(key, operation, shape, since)

    def event_of(self, shared: Shared) -> UUID | None:
        """Tell which event it is about; None: only an execution can say what is wrong."""
        sent = shared.operation.request.variables or {}
        values = get_variable_values(self._schema, shared.shape.variable_definitions, sent)
        if isinstance(values, list):
            return None
        root = self._schema.subscription_type
        assert root is not None, "a shape was found in it"
        try:
            arguments = get_argument_values(root.fields[FIELD], shared.shape.field, values)
        except GraphQLError:
            return None
        return key_of(arguments[ABOUT], NodeKind.EVENT)

    def _shape(self, operation: Operation) -> Shape | None:
        name = (operation.text, operation.name)
        if name in self._shapes:
            self._shapes.move_to_end(name)
            return self._shapes[name]
        shape = self._shapes[name] = self._read(operation)
        if len(self._shapes) > DOCUMENTS_MAX:
            self._shapes.popitem(last=False)
        return shape

    def _read(self, operation: Operation) -> Shape | None:
        """Look at the document. What is written in an unusual way is not shared."""
        tree = self._documents.read(operation.text).tree
        definition = get_operation_ast(tree, operation.name) if tree is not None else None
        if tree is None or definition is None or definition.directives:
            return None
        selections = definition.selection_set.selections
        field = selections[0]
        if len(selections) != 1 or not isinstance(field, FieldNode) or field.directives:
            return None
        if not is_same_for_all(self._schema, tree, definition):
            return None
        return _shape_of(tree, definition, field)


def _shape_of(
    tree: DocumentNode, definition: OperationDefinitionNode, field: FieldNode
) -> Shape | None:
    variables = {node.variable.name.value: node for node in definition.variable_definitions or ()}
    arguments = {argument.name.value: argument.value for argument in field.arguments or ()}
    since = arguments.get(SINCE)
    since_default = int(since.value) if isinstance(since, IntValueNode) else None
    since_variable = None
    if isinstance(since, VariableNode):
        since_variable = since.name.value
        node = variables.pop(since_variable)
        if print_ast(node.type) != "Int" or _mentions(tree, since_variable) > DECLARED_AND_USED:
            return None
        since_default = _default(node)
    declared = tuple(definition.variable_definitions or ())
    return Shape(field, declared, tuple(sorted(variables)), since_variable, since_default)


def _mentions(tree: DocumentNode, variable: str) -> int:
    """Count where a variable is named."""
    mentions = 0

    class Variables(Visitor):
        def enter_variable(self, node: VariableNode, *_: object) -> None:
            nonlocal mentions
            mentions += node.name.value == variable

    visit(tree, Variables())
    return mentions


def _default(node: VariableDefinitionNode) -> int | None:
    value: Any = node.default_value
    return int(value.value) if isinstance(value, IntValueNode) else None
