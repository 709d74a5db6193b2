"""Inputs as Strawberry's resolvers want them: its dataclasses, made of graphql-core's values.

`strawberry.types.arguments.convert_argument` does the same by looking at each type again.
"""

from collections.abc import Mapping
from dataclasses import MISSING
from typing import Any

from strawberry.relay.types import GlobalID
from strawberry.scalars import is_scalar
from strawberry.schema import Schema
from strawberry.types.arguments import convert_argument
from strawberry.types.base import (
    StrawberryList,
    StrawberryMaybe,
    StrawberryObjectDefinition,
    StrawberryOptional,
    has_object_definition,
)
from strawberry.types.enum import StrawberryEnumDefinition, has_enum_definition
from strawberry.types.field import StrawberryField
from strawberry.types.lazy_type import LazyType
from strawberry.types.unset import UNSET

from compiled_documents.arguments import Converter, Parameter
from compiled_documents.oddities import NotCompilable


def parameters_of(schema: Schema, field: StrawberryField) -> dict[str, Parameter]:
    """Say how a resolver takes its arguments. Raises NotCompilable where Strawberry must decide."""
    return {
        schema.config.name_converter.from_argument(argument): Parameter(
            argument.python_name, converter_of(schema, argument.type)
        )
        for argument in field.arguments
    }


def converter_of(schema: Schema, type_: Any) -> Converter | None:
    """Make what converts values of a type; None: they stay as they are."""
    return _converter(schema, type_, ())


def _converter(schema: Schema, type_: Any, within: tuple[Any, ...]) -> Converter | None:
    if isinstance(type_, LazyType):
        return _converter(schema, type_.resolve_type(), within)
    if isinstance(type_, StrawberryOptional) and not isinstance(type_, StrawberryMaybe):
        return _converter(schema, type_.of_type, within)
    if _is_leaf(schema, type_):
        return None
    if isinstance(type_, StrawberryList):
        return _list_converter(_converter(schema, type_.of_type, within))
    if has_object_definition(type_) and type_ not in within:
        return _object_converter(schema, type_, (*within, type_))
    return _by_strawberry(schema, type_)


def _is_leaf(schema: Schema, type_: Any) -> bool:
    if isinstance(type_, StrawberryEnumDefinition) or has_enum_definition(type_):
        return True
    return type_ is not GlobalID and is_scalar(type_, schema.schema_converter.scalar_registry)


def _list_converter(convert: Converter | None) -> Converter:
    """Copy the list at least: whoever gets it may change it."""

    def convert_list(value: Any) -> Any:
        if value is None or value is UNSET:
            return value
        return list(value) if convert is None else [convert(item) for item in value]

    return convert_list


def _object_converter(schema: Schema, type_: Any, within: tuple[Any, ...]) -> Converter:
    definition: StrawberryObjectDefinition = type_.__strawberry_definition__
    if definition.from_input is not None or not definition.is_input:
        raise NotCompilable
    absent = {
        field.python_name: None
        for field in definition.fields
        if field.default_value is MISSING and field.default_factory is MISSING
    }
    fields = [
        (
            schema.config.name_converter.from_field(field),
            field.python_name,
            _converter(schema, field.resolve_type(type_definition=definition), within),
        )
        for field in definition.fields
    ]

    def convert_object(value: Mapping[str, Any] | None) -> Any:
        if value is None or value is UNSET:
            return value
        given = dict(absent)
        for name, python_name, convert in fields:
            if name in value:
                field = value[name]
                given[python_name] = field if convert is None else convert(field)
        return type_(**given)

    return convert_object


def _by_strawberry(schema: Schema, type_: Any) -> Converter:
    """Convert what is seldom met, such as `Maybe`; without `info`, which only `from_input` uses."""
    if _builds_itself(type_, set()):
        raise NotCompilable
    registry, config = schema.schema_converter.scalar_registry, schema.config
    return lambda value: convert_argument(value, type_, registry, config)


def _builds_itself(type_: Any, seen: set[int]) -> bool:
    """Tell whether there is an input in it that makes its values of an `info`."""
    if id(type_) in seen:
        return False
    seen.add(id(type_))
    if isinstance(type_, LazyType):
        return _builds_itself(type_.resolve_type(), seen)
    if isinstance(type_, StrawberryOptional | StrawberryList):
        return _builds_itself(type_.of_type, seen)
    if not has_object_definition(type_):
        return False
    definition = type_.__strawberry_definition__
    return definition.from_input is not None or any(
        _builds_itself(field.resolve_type(type_definition=definition), seen)
        for field in definition.fields
    )
