"""The directives that decide what is selected: @skip and @include."""

from collections.abc import Iterable

from graphql import (
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    SelectionNode,
    VariableNode,
)

_DECIDING = {"skip", "include"}


def deciding_variables(
    operation: OperationDefinitionNode, fragments: dict[str, FragmentDefinitionNode]
) -> tuple[str, ...]:
    """Name the variables that decide which fields of an operation are selected."""
    names: dict[str, None] = {}
    left: list[SelectionNode] = list(operation.selection_set.selections)
    spread: set[str] = set()
    while left:
        selection = left.pop()
        names.update(dict.fromkeys(_named_by(selection)))
        inner: SelectionNode | FragmentDefinitionNode = selection
        if isinstance(selection, FragmentSpreadNode):
            name = selection.name.value
            if name in spread or name not in fragments:
                continue
            spread.add(name)
            inner = fragments[name]
        selected = getattr(inner, "selection_set", None)
        left.extend(selected.selections if selected else ())
    return tuple(names)


def _named_by(selection: SelectionNode) -> Iterable[str]:
    for directive in selection.directives or ():
        for argument in directive.arguments or ():
            if directive.name.value in _DECIDING and isinstance(argument.value, VariableNode):
                yield argument.value.name.value
