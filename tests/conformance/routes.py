"""Every way through the schema, written as documents by looking at the schema itself."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)


@dataclass(frozen=True, slots=True)
class Step:
    """From a type through one of its fields."""

    owner: str
    field: str
    #: Its arguments as GraphQL writes them, with brackets, where it needs some.
    arguments: str = ""
    #: The member of an interface that is meant.
    narrowed_to: str | None = None

    @property
    def place(self) -> str:
        """Name the field as the matrix does."""
        return f"{self.owner}.{self.field}"

    def around(self, selection: str) -> str:
        """Write the field with a selection within."""
        if self.narrowed_to:
            selection = f"... on {self.narrowed_to} {{ {selection} }}"
        return f"{self.field}{self.arguments} {{ __typename {selection} }}"


@dataclass(frozen=True, slots=True)
class Route:
    """A way from a query to objects of one type, and what is asked of them there."""

    steps: tuple[Step, ...]
    target: str
    leaves: tuple[str, ...]

    def __str__(self) -> str:
        names = [step.narrowed_to or step.field for step in self.steps]
        return ".".join([self.steps[0].field, *names] if self.steps[0].narrowed_to else names)

    @property
    def places(self) -> set[str]:
        """Name every field that is asked for."""
        asked = {f"{self.target}.{leaf}" for leaf in self.leaves}
        return asked | {step.place for step in self.steps}

    def document(self) -> str:
        """Write the whole query."""
        selection = " ".join(("__typename", *self.leaves))
        for step in reversed(self.steps):
            selection = step.around(selection)
        return f"{{ {selection} }}"

    def reached(self, data: Any) -> bool:
        """Tell whether an answer shows an object at the end of the way."""
        found = [data]
        for step in self.steps:
            below = [value[step.field] for value in found if isinstance(value, dict)]
            found = [item for value in below for item in _items(value)]
        return any(isinstance(item, dict) and item["__typename"] == self.target for item in found)


def routes(schema: GraphQLSchema, arguments: Mapping[str, str], ids: set[str]) -> Iterator[Route]:
    """Give the shortest way to each field that leads to objects, and `node(id:)` to each kind.

    `arguments` are those of fields that need some; `$Type` in them stands for the id of one.
    """
    assert schema.query_type is not None
    shortest: dict[str, tuple[Step, ...]] = {schema.query_type.name: ()}
    left = deque([schema.query_type.name])
    while left:
        owner = schema.type_map[left.popleft()]
        for step, target in _steps(owner, arguments):
            way = (*shortest[step.owner], step)
            if isinstance(target, GraphQLObjectType):
                yield Route(way, target.name, leaves_of(target))
                if target.name not in shortest:
                    shortest[target.name] = way
                    left.append(target.name)
    for kind in sorted(ids):
        step = Step("Query", "node", f'(id: "${kind}")', kind)
        yield Route((step,), kind, leaves_of(schema.type_map[kind]))


def leaves_of(named: GraphQLNamedType) -> tuple[str, ...]:
    """Name the fields that can be asked for without more."""
    return tuple(
        name for name, field in _fields(named).items() if is_leaf_type(get_named_type(field.type))
    )


def selection(named: GraphQLNamedType, depth: int = 2) -> str:
    """Write all that can be told of a type without arguments, so many levels deep."""
    if isinstance(named, GraphQLUnionType):
        members = [f"... on {member.name} {{ {_of_member(member)} }}" for member in named.types]
        return " ".join(("__typename", *members))
    below = [
        f"{name} {{ {selection(get_named_type(field.type), depth - 1)} }}"
        for name, field in _fields(named).items()
        if depth and not is_leaf_type(get_named_type(field.type)) and not _needs_more(field)
    ]
    return " ".join(("__typename", *leaves_of(named), *below))


def _of_member(member: GraphQLObjectType) -> str:
    """Two types of `status` cannot stand in one selection: docs/errors.md tells of it."""
    asked = selection(member, 1).split()
    return " ".join(f"{member.name}: status" if word == "status" else word for word in asked)


def every_field(schema: GraphQLSchema) -> set[str]:
    """Name every field of every object type, such as `Order.email`."""
    return {
        f"{name}.{field}"
        for name, named in schema.type_map.items()
        if isinstance(named, GraphQLObjectType) and not name.startswith("__")
        for field in named.fields
    }


def kinds_of_node(schema: GraphQLSchema) -> set[str]:
    """Name every type that `node(id:)` can find."""
    node = schema.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    return {kind.name for kind in schema.get_implementations(node).objects}


def _steps(
    owner: GraphQLNamedType, arguments: Mapping[str, str]
) -> Iterator[tuple[Step, GraphQLNamedType]]:
    for name, field in _fields(owner).items():
        target = get_named_type(field.type)
        if not is_leaf_type(target):
            step = Step(owner.name, name, arguments.get(f"{owner.name}.{name}", ""))
            yield step, target


def _fields(named: GraphQLNamedType) -> dict[str, GraphQLField]:
    fields: dict[str, GraphQLField] = getattr(named, "fields", {})
    return fields


def _needs_more(field: GraphQLField) -> bool:
    return any(is_required_argument(argument) for argument in field.args.values())


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
