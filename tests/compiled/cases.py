"""A document with what is sent along: made from text, validated as a server does, and shrunk."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import (
    REMOVE,
    ArgumentNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    Node,
    ObjectFieldNode,
    OperationDefinitionNode,
    ValueNode,
    VariableNode,
    Visitor,
    parse,
    print_ast,
    visit,
)

from onsale.graphql.documents import read_document
from tests.compiled.engines import Ask

SHRINKING_ATTEMPTS_MAX = 400


@dataclass(frozen=True)
class Case:
    """One operation as a client would send it."""

    text: str
    variables: dict[str, Any] | None
    name: str | None
    tree: DocumentNode

    @property
    def operation(self) -> OperationDefinitionNode:
        """Give the operation that is meant."""
        (meant,) = (
            node
            for node in self.tree.definitions
            if isinstance(node, OperationDefinitionNode)
            and (self.name is None or (node.name is not None and node.name.value == self.name))
        )
        return meant

    @property
    def ask(self) -> Ask:
        """Give it as engines take it."""
        return Ask(self.tree, self.variables, self.name)

    def __str__(self) -> str:
        variables = orjson.dumps(self.variables).decode()
        return f"{self.text}\nvariables: {variables}\noperationName: {self.name}"


def case_of(
    schema: GraphQLSchema, text: str, variables: dict[str, Any] | None, name: str | None
) -> Case | None:
    """Read a document as a server does; None when it is refused."""
    document = read_document(schema, text)
    if document.errors or document.tree is None:
        return None
    return Case(text, variables, name, document.tree)


def pruned(tree: DocumentNode) -> DocumentNode:
    """Drop fragments and variables that nothing uses: validation would refuse them."""
    fragments = {
        node.name.value: node
        for node in tree.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    needed: set[str] = set()
    definitions: list[Any] = []
    for node in tree.definitions:
        if not isinstance(node, OperationDefinitionNode):
            continue
        spread, variables = _used(node, fragments)
        needed |= spread
        kept = [
            definition
            for definition in node.variable_definitions or ()
            if definition.variable.name.value in variables
        ]
        definitions.append(_with_variables(node, kept))
    definitions += [node for name, node in fragments.items() if name in needed]
    return DocumentNode(definitions=tuple(definitions))


def _with_variables(node: OperationDefinitionNode, kept: list[Any]) -> OperationDefinitionNode:
    return OperationDefinitionNode(
        operation=node.operation,
        name=node.name,
        variable_definitions=tuple(kept),
        directives=node.directives,
        selection_set=node.selection_set,
        loc=node.loc,
    )


def _used(
    operation: OperationDefinitionNode, fragments: dict[str, FragmentDefinitionNode]
) -> tuple[set[str], set[str]]:
    """Name the fragments and variables that an operation uses."""
    spread: set[str] = set()
    variables: set[str] = set()
    left: list[Node] = [operation.selection_set, *(operation.directives or ())]
    while left:
        for node in _below(left.pop()):
            if isinstance(node, VariableNode):
                variables.add(node.name.value)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
                spread.add(node.name.value)
                if node.name.value in fragments:
                    fragment = fragments[node.name.value]
                    left += [fragment.selection_set, *(fragment.directives or ())]
    return spread, variables


def _below(root: Node) -> Iterator[Node]:
    left = [root]
    while left:
        node = left.pop()
        yield node
        for key in node.keys:
            value = getattr(node, key, None)
            if isinstance(value, Node):
                left.append(value)
            elif isinstance(value, list | tuple):
                left.extend(item for item in value if isinstance(item, Node))


class _Without(Visitor):
    """Removes the `n`th thing that can be done without."""

    DISPENSABLE = (
        FieldNode,
        InlineFragmentNode,
        FragmentSpreadNode,
        ArgumentNode,
        DirectiveNode,
        ObjectFieldNode,
        OperationDefinitionNode,
    )

    def __init__(self, n: int) -> None:
        super().__init__()
        self.left = n

    def enter(self, node: Node, _key: Any, parent: Any, *_: Any) -> Any:
        in_list = isinstance(parent, tuple | list) and isinstance(node, ValueNode)
        if isinstance(node, self.DISPENSABLE) or in_list:
            self.left -= 1
            if self.left == -1:
                return REMOVE
        return None


def _smaller(schema: GraphQLSchema, case: Case) -> Iterator[Case]:
    """Give valid cases with one thing less."""
    n = 0
    while True:
        without = _Without(n)
        tree = visit(case.tree, without)
        if without.left >= 0:
            break
        n += 1
        try:
            text = print_ast(pruned(parse(print_ast(tree), max_lexical_tokens=2_000)))
        except GraphQLError:
            continue
        smaller = case_of(schema, text, case.variables, case.name)
        if smaller is not None and len(smaller.text) < len(print_ast(case.tree)):
            yield smaller
    for name in case.variables or {}:
        rest = {key: value for key, value in (case.variables or {}).items() if key != name}
        yield Case(case.text, rest, case.name, case.tree)


async def shrunk(
    schema: GraphQLSchema, case: Case, fails: Callable[[Case], Awaitable[bool]]
) -> Case:
    """Find the smallest case that still fails, by dropping one thing after the other."""
    attempts, found = 0, True
    while found and attempts < SHRINKING_ATTEMPTS_MAX:
        found = False
        for smaller in _smaller(schema, case):
            attempts += 1
            if _has_operation(smaller) and await fails(smaller):
                case, found = smaller, True
                break
            if attempts >= SHRINKING_ATTEMPTS_MAX:
                break
    return case


def _has_operation(case: Case) -> bool:
    try:
        return bool(case.operation)
    except ValueError:
        return False
