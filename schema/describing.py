"""Docstrings are the schema's documentation: written once, read in Python and in GraphiQL.

A type is described by its docstring, a field with a resolver by the resolver's, a plain field by
the string below it, and an argument by `Annotated[…, strawberry.argument(description=…)]`.
"""

import ast
import inspect
import sys
from enum import Enum
from functools import cache
from itertools import pairwise
from typing import Any

import strawberry
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    Undefined,
)
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.enum import StrawberryEnumDefinition
from strawberry.types.field import StrawberryField


def describe_enum(words: type[Enum], description: str, **values: str) -> None:
    """Make an enum of ours one of the schema, each of its values described by name."""
    strawberry.enum(words, description=description)
    definition: StrawberryEnumDefinition = vars(words)["__strawberry_definition__"]
    for value in definition.values:
        value.description = values.pop(value.name)
    if values:
        raise LookupError(f"{words.__name__} has no {', '.join(values)}")


def describe(schema: strawberry.Schema) -> None:
    """Give everything in the schema its words, and say what Strawberry knows but keeps to itself.

    Python's `= None` of an optional argument would be printed as a default of `null`; that it may
    be left out is enough to say, and resolvers get their own default all the same. `@oneOf`, which
    Strawberry checks but does not tell graphql-core, becomes visible to clients.
    """
    for concrete in schema.schema_converter.type_map.values():
        named, definition = concrete.implementation, concrete.definition
        if isinstance(definition, StrawberryObjectDefinition) and isinstance(
            named, GraphQLNamedType
        ):
            named.description = named.description or _class_doc(_written_class(definition))
        if isinstance(named, GraphQLObjectType | GraphQLInterfaceType):
            _describe_fields(named, definition)
        elif isinstance(named, GraphQLInputObjectType):
            named.is_one_of = bool(getattr(definition, "is_one_of", False))
            _describe_input_fields(named, definition)
        elif isinstance(named, GraphQLEnumType):
            _describe_values(named, definition)


def _describe_fields(named: GraphQLObjectType | GraphQLInterfaceType, definition: Any) -> None:
    for field in named.fields.values():
        ours: StrawberryField = field.extensions["strawberry-definition"]
        field.description = field.description or _field_doc(definition.origin, ours)
        for argument in field.args.values():
            _leave_out_null(argument)


def _describe_input_fields(named: GraphQLInputObjectType, definition: Any) -> None:
    for field in named.fields.values():
        ours: StrawberryField = field.extensions["strawberry-definition"]
        field.description = field.description or _field_doc(definition.origin, ours)
        _leave_out_null(field)


def _describe_values(named: GraphQLEnumType, definition: Any) -> None:
    named.description = named.description or inspect.getdoc(definition.wrapped_cls)
    docs = _attribute_docs(definition.wrapped_cls)
    for name, value in named.values.items():
        value.description = value.description or docs.get(name)


def _leave_out_null(optional: Any) -> None:
    if optional.default_value is None:
        optional.default_value = Undefined


def _field_doc(origin: type, field: StrawberryField) -> str | None:
    if field.base_resolver is not None:
        return inspect.getdoc(field.base_resolver.wrapped_func)
    docs = (_attribute_docs(ancestor).get(field.python_name) for ancestor in origin.__mro__)
    return next(filter(None, docs), None)


def _written_class(definition: StrawberryObjectDefinition) -> type:
    """Give the class as it was written: EventConnection is made of Connection."""
    return (definition.concrete_of or definition).origin


def _class_doc(origin: type) -> str | None:
    doc = inspect.cleandoc(vars(origin).get("__doc__") or "")
    return None if doc.startswith(f"{origin.__name__}(") else doc or None  # dataclass invents one


def _attribute_docs(origin: type) -> dict[str, str]:
    return _module_docs(origin.__module__).get(origin.__name__, {})


@cache
def _module_docs(module: str) -> dict[str, dict[str, str]]:
    """Read the strings below the attributes of each class of a module."""
    if module == "builtins":
        return {}
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {
        node.name: dict(_documented(node.body))
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }


def _documented(body: list[ast.stmt]) -> list[tuple[str, str]]:
    pairs = []
    for attribute, below in pairwise(body):
        target = attribute.targets[0] if isinstance(attribute, ast.Assign) else None
        target = attribute.target if isinstance(attribute, ast.AnnAssign) else target
        if (
            isinstance(target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            pairs.append((target.id, inspect.cleandoc(below.value.value)))
    return pairs
