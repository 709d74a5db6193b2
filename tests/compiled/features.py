"""What occurs in documents and answers: a generator that never does something proves nothing."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from graphql import (
    ArgumentNode,
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    is_interface_type,
    is_object_type,
    is_union_type,
    visit,
)

from tests.compiled.cases import Case
from tests.compiled.judge import Told

#: All that a generator must have done before its documents count as a proof.
FEATURES = frozenset(
    {
        "alias",
        "answer at once",
        "answer that waited",
        "answer with data and errors",
        "answer without data",
        "answer without errors",
        "argument by constant",
        "argument by variable",
        "argument of null",
        "error of a variable",
        "error within a list",
        "fragment on interface",
        "fragment on object",
        "fragment on union",
        "fragment spread twice",
        "include by constant",
        "include by variable",
        "inline fragment on interface",
        "inline fragment on object",
        "inline fragment on union",
        "inline fragment without type",
        "introspection",
        "merging fields",
        "mutation",
        "null in the answer",
        "query",
        "several errors",
        "several operations",
        "skip and include",
        "skip by constant",
        "skip by variable",
        "typename",
        "variable absent",
        "variable in a list",
        "variable in an object",
        "variable unknown",
        "variable with default",
        "variable with null",
    }
)


def features_of(schema: GraphQLSchema, case: Case, told: Told) -> set[str]:
    """Name what occurs in a case and in its answer."""
    look = _Look(schema)
    visit(case.tree, look)
    return look.found | set(_of_variables(case)) | set(_of_answer(told))


class _Look(Visitor):
    """Looks at every node of a document."""

    def __init__(self, schema: GraphQLSchema) -> None:
        super().__init__()
        self._schema = schema
        self._spread: Counter[str] = Counter()
        self._operations = 0
        self.found: set[str] = set()

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> None:
        self._operations += 1
        self.found.add(node.operation.value)
        if self._operations > 1:
            self.found.add("several operations")

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        if node.alias:
            self.found.add("alias")
        if node.name.value == "__typename":
            self.found.add("typename")
        elif node.name.value.startswith("__"):
            self.found.add("introspection")

    def enter_selection_set(self, node: SelectionSetNode, *_: Any) -> None:
        names = Counter(
            (one.alias or one.name).value for one in node.selections if isinstance(one, FieldNode)
        )
        if any(count > 1 for count in names.values()):
            self.found.add("merging fields")

    def enter_argument(self, node: ArgumentNode, *_: Any) -> None:
        by_variable = isinstance(node.value, VariableNode)
        self.found.add("argument by variable" if by_variable else "argument by constant")
        if isinstance(node.value, NullValueNode):
            self.found.add("argument of null")

    def enter_list_value(self, node: ListValueNode, *_: Any) -> None:
        if any(isinstance(value, VariableNode) for value in node.values):
            self.found.add("variable in a list")

    def enter_object_value(self, node: ObjectValueNode, *_: Any) -> None:
        if any(isinstance(one.value, VariableNode) for one in node.fields):
            self.found.add("variable in an object")

    def enter_inline_fragment(self, node: InlineFragmentNode, *_: Any) -> None:
        kind = self._kind(node.type_condition.name.value) if node.type_condition else ""
        self.found.add(f"inline fragment on {kind}" if kind else "inline fragment without type")

    def enter_fragment_definition(self, node: FragmentDefinitionNode, *_: Any) -> None:
        self.found.add(f"fragment on {self._kind(node.type_condition.name.value)}")

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
        self._spread[node.name.value] += 1
        if self._spread[node.name.value] > 1:
            self.found.add("fragment spread twice")

    def enter_directive(self, node: DirectiveNode, _key: Any, parent: Any, *_: Any) -> None:
        (condition,) = (argument.value for argument in node.arguments or ())
        by = "variable" if isinstance(condition, VariableNode) else "constant"
        self.found.add(f"{node.name.value} by {by}")
        if isinstance(parent, tuple) and len(parent) > 1:
            self.found.add("skip and include")

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: Any) -> None:
        if node.default_value is not None:
            self.found.add("variable with default")

    def _kind(self, name: str) -> str:
        kind = self._schema.type_map[name]
        tests: dict[str, Any] = {
            "object": is_object_type,
            "interface": is_interface_type,
            "union": is_union_type,
        }
        (found,) = (word for word, is_one in tests.items() if is_one(kind))
        return found


def _of_variables(case: Case) -> Iterator[str]:
    declared = {
        definition.variable.name.value for definition in case.operation.variable_definitions or ()
    }
    sent = case.variables or {}
    if declared - sent.keys():
        yield "variable absent"
    if sent.keys() - declared:
        yield "variable unknown"
    if None in sent.values():
        yield "variable with null"


def _of_answer(told: Told) -> Iterator[str]:
    yield "answer that waited" if told.waits else "answer at once"
    if told.data == "null":
        yield "answer without data"
    elif told.errors:
        yield "answer with data and errors"
    if not told.errors:
        yield "answer without errors"
    if len(told.errors) > 1:
        yield "several errors"
    if "null" in told.data[4:]:
        yield "null in the answer"
    if any('"path":' not in error for error in told.errors):
        yield "error of a variable"
    if any(",0," in error or ",1," in error for error in told.errors):
        yield "error within a list"
