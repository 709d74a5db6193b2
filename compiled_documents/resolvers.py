"""How the value of a field is got: by an attribute, a resolver, or whatever graphql-core does."""

from collections.abc import Callable
from dataclasses import dataclass
from keyword import iskeyword
from typing import Any, TypeGuard, cast

from graphql import FieldNode, GraphQLField, GraphQLSchema
from strawberry.schema import Schema
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver
from strawberry.types.info import Info

from compiled_documents.arguments import Arguments, Parameter, arguments_of
from compiled_documents.inputs import parameters_of
from compiled_documents.oddities import NotCompilable


@dataclass(frozen=True)
class Typename:
    """The name of the object's type."""


@dataclass(frozen=True)
class Attribute:
    """An attribute of the source, by Strawberry's default resolver: plain data."""

    name: str


@dataclass(frozen=True)
class Event:
    """The event itself: what a subscription's field answers with."""

    arguments: Arguments | dict[str, Any]


@dataclass(frozen=True)
class Call:
    """A resolver."""

    function: Callable[..., Any]
    arguments: Arguments | dict[str, Any]
    #: How it takes the source: first, and by these names.
    takes_source_first: bool = False
    source_names: frozenset[str] = frozenset()
    #: How it takes Strawberry's info, if at all.
    info_name: str | None = None
    #: Strawberry's field; None: a resolver of graphql-core, which takes (source, its info).
    field: StrawberryField | None = None
    #: Whether it surely gives an awaitable.
    is_async: bool = False


@dataclass(frozen=True)
class Unknown:
    """Anything else: introspection, for one. graphql-core executes the whole field."""


Source = Typename | Attribute | Event | Call | Unknown


class Sources:
    """Finds out how fields of a schema get their values."""

    def __init__(self, schema: GraphQLSchema, default_resolver: Callable[..., Any]) -> None:
        """`default_resolver` is graphql-core's, for fields that have none."""
        self._strawberry: Schema | None = getattr(schema, "_strawberry_schema", None)
        self._default_resolver = default_resolver

    def of(self, definition: GraphQLField, node: FieldNode) -> Source:
        """Say how a field gets its value."""
        name = node.name.value
        if name == "__typename":
            return Typename()
        if name.startswith("__"):
            return Unknown()
        ours = definition.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
        if self._strawberry is not None and _is_ordinary(ours):
            try:
                return self._of_strawberry(self._strawberry, ours, definition, node)
            except NotCompilable:
                pass  # It is called as graphql-core calls it.
        if definition.subscribe is not None:
            return Unknown()
        parameters = {
            argument.out_name or name: Parameter(argument.out_name or name, None)
            for name, argument in definition.args.items()
        }
        if any(argument.out_name for argument in definition.args.values()):
            return Unknown()
        resolve = definition.resolve or self._default_resolver
        return Call(resolve, arguments_of(definition, node, parameters))

    def _of_strawberry(
        self, schema: Schema, ours: StrawberryField, definition: GraphQLField, node: FieldNode
    ) -> Source:
        if ours.extensions or schema.exception_handlers:
            raise NotCompilable
        if ours.base_resolver is None:
            if schema.config.default_resolver is not getattr or not _is_name(ours.python_name):
                raise NotCompilable
            return Attribute(ours.python_name)
        arguments = arguments_of(definition, node, parameters_of(schema, ours))
        if ours.is_subscription:
            return Event(arguments)
        resolver = ours.base_resolver
        if type(resolver).__call__ is not StrawberryResolver.__call__:
            raise NotCompilable
        if schema.config.info_class is not Info:
            raise NotCompilable
        return Call(
            cast("Callable[..., Any]", resolver.wrapped_func),  # Bound when the type was made.
            arguments,
            takes_source_first=resolver.self_parameter is not None,
            source_names=frozenset(
                parameter.name
                for parameter in (resolver.parent_parameter, resolver.root_parameter)
                if parameter is not None
            ),
            info_name=resolver.info_parameter.name if resolver.info_parameter else None,
            field=ours,
            is_async=ours.is_async,
        )


def _is_ordinary(ours: Any) -> TypeGuard[StrawberryField]:
    """Tell whether it is a field of Strawberry that resolves as all of them do."""
    return (
        isinstance(ours, StrawberryField)
        and type(ours).get_result is StrawberryField.get_result
        and type(ours).is_basic_field is StrawberryField.is_basic_field
    )


def _is_name(text: str) -> bool:
    return text.isidentifier() and not iskeyword(text)
