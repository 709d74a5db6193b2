"""What an operation costs, told from its text and variables before anything of it runs.

A field costs one; within lists it costs one for each hundred times that it may be answered. A list
of 20,000 seats with seven fields each costs some 1,400: that is allowed. Ten of them are not.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil, prod
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
)

from schema.list_sizes import most_of
from schema.pagination import PAGE_SIZE

#: So many answers of a field cost as much as one does outside of lists.
ANSWERS_FOR_ONE = 100
#: Mutations write, and hold locks while they do: each counts as many fields as this.
MUTATION_COST = 10

SLICES = ("first", "last")


@dataclass(frozen=True, slots=True)
class Variable:
    """The length of a page that only the request tells."""

    name: str
    default: int


Size = int | Variable


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one operation, as far as its text tells."""

    #: How many fields there are within which lists.
    fields: tuple[tuple[tuple[Size, ...], int], ...]
    #: Known already, when no variable says how long a page is.
    fixed: int | None

    @classmethod
    def of(cls, fields: Counter[tuple[Size, ...]]) -> "Cost":
        """Add up what can be added up."""
        cost = cls(tuple(fields.items()), None)
        varies = any(isinstance(size, Variable) for sizes in fields for size in sizes)
        return cost if varies else cls(cost.fields, cost.asked({}))

    def asked(self, variables: Mapping[str, Any]) -> int:
        """Give the cost with these variables."""
        if self.fixed is not None:
            return self.fixed
        return ceil(
            sum(
                count * max(1, prod(_length(size, variables) for size in sizes) / ANSWERS_FOR_ONE)
                for sizes, count in self.fields
            )
        )


def _length(size: Size, variables: Mapping[str, Any]) -> int:
    """Give a page's length; what is no length at all is refused elsewhere, before it is fetched."""
    if isinstance(size, int):
        return size
    given = variables.get(size.name, size.default)
    return given if isinstance(given, int) and given > 0 else PAGE_SIZE


def costs_of(schema: GraphQLSchema, tree: DocumentNode) -> dict[str | None, Cost]:
    """Give the cost of each operation of a valid document, by its name."""
    return {
        node.name.value if node.name else None: _Estimate(schema, tree, node).cost()
        for node in tree.definitions
        if isinstance(node, OperationDefinitionNode)
    }


class _Estimate:
    """Counts the fields of one operation by the lists around them; each fragment only once."""

    def __init__(
        self, schema: GraphQLSchema, tree: DocumentNode, operation: OperationDefinitionNode
    ) -> None:
        self._schema = schema
        self._operation = operation
        self._defaults = {
            definition.variable.name.value: definition.default_value
            for definition in operation.variable_definitions or ()
        }
        self._fragments = {
            node.name.value: node
            for node in tree.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._counted: dict[str, Counter[tuple[Size, ...]]] = {}

    def cost(self) -> Cost:
        """Give the cost of all that the operation selects."""
        root = self._schema.get_root_type(self._operation.operation)
        return Cost.of(self._count(self._operation.selection_set, root))

    def _count(
        self, selected: SelectionSetNode | None, parent: GraphQLNamedType | None
    ) -> Counter[tuple[Size, ...]]:
        fields: Counter[tuple[Size, ...]] = Counter()
        writes = parent is not None and parent is self._schema.mutation_type
        for node in selected.selections if selected else ():
            if isinstance(node, FieldNode):
                fields[()] += MUTATION_COST if writes else 1
                for sizes, count in self._within(node, parent):
                    fields[sizes] += count
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                inner = self._schema.get_type(condition.name.value) if condition else parent
                fields += self._count(node.selection_set, inner)
            elif isinstance(node, FragmentSpreadNode):
                fields += self._fragment(node.name.value)
        return fields

    def _within(
        self, node: FieldNode, parent: GraphQLNamedType | None
    ) -> Iterator[tuple[tuple[Size, ...], int]]:
        """Count what is below a field, each answered as often as the field has items."""
        field = self._field(node, parent)
        if field is None or node.selection_set is None:
            return
        own = self._sizes(node, field, parent)
        for sizes, count in self._count(node.selection_set, get_named_type(field.type)).items():
            yield (*own, *sizes), count

    def _fragment(self, name: str) -> Counter[tuple[Size, ...]]:
        if name not in self._counted:
            fragment = self._fragments[name]
            inner = self._schema.get_type(fragment.type_condition.name.value)
            self._counted[name] = self._count(fragment.selection_set, inner)
        return self._counted[name]

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None) -> GraphQLField | None:
        if not isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
            return None
        return self._schema.get_field(parent, node.name.value)

    def _sizes(
        self, node: FieldNode, field: GraphQLField, parent: GraphQLNamedType | None
    ) -> tuple[Size, ...]:
        """Say how many items a field may have: a page, a list, or just itself."""
        if parent is not None and parent.name.startswith("__"):
            return ()  # Introspection is answered from memory; a rule of its own limits its depth.
        if "first" in field.args:
            return (self._page(node),)
        if _is_list(field) and not _is_connection(parent):
            return (most_of(field),)
        return ()

    def _page(self, node: FieldNode) -> Size:
        for argument in node.arguments or ():
            if argument.name.value in SLICES:
                return self._written(argument.value)
        return PAGE_SIZE

    def _written(self, value: ValueNode) -> Size:
        if isinstance(value, VariableNode):
            default = self._defaults.get(value.name.value)
            return Variable(value.name.value, _number(default))
        return _number(value)


def _number(value: ValueNode | None) -> int:
    return int(value.value) if isinstance(value, IntValueNode) else PAGE_SIZE


def _is_list(field: GraphQLField) -> bool:
    kind = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
    return isinstance(kind, GraphQLList)


def _is_connection(parent: GraphQLNamedType | None) -> bool:
    """Tell a connection, by the field that Relay's has: its lists are as long as its page."""
    return isinstance(parent, GraphQLObjectType) and "pageInfo" in parent.fields
