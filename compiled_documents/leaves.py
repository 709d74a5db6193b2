"""Scalars and enums, as they come in and go out."""

from collections.abc import Callable
from enum import Enum
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLString,
    Undefined,
)

from compiled_documents.oddities import Odd, check_value

#: When a value of this name needs no writing: it goes out as it is.
_AS_IT_IS: dict[str, tuple[GraphQLLeafType, str]] = {
    "String": (GraphQLString, "{v}.__class__ is str"),
    "ID": (GraphQLID, "{v}.__class__ is str"),
    "Boolean": (GraphQLBoolean, "{v}.__class__ is bool"),
    "Int": (GraphQLInt, "{v}.__class__ is int and -2147483648 <= {v} <= 2147483647"),
    # Of infinities and NaN the difference from itself is NaN.
    "Float": (GraphQLFloat, "{v}.__class__ is float and {v} - {v} == 0"),
}


def _reader(leaf: GraphQLLeafType, condition: str) -> Callable[[Any], Any]:
    text = f"lambda v: v if {condition.format(v='v')} else coerce(v)"
    return eval(text, {"coerce": leaf.coerce_input_value})  # type: ignore[no-any-return]  # noqa: S307 - our text.


_READERS = {name: _reader(leaf, condition) for name, (leaf, condition) in _AS_IT_IS.items()}


def condition_of(leaf: GraphQLLeafType) -> str | None:
    """Give the condition, on `{v}`, under which a value goes in and out as it is; None: never."""
    own, condition = _AS_IT_IS.get(leaf.name, (None, None))
    return condition if own is leaf else None


def names_of(leaf: GraphQLLeafType) -> dict[int, str] | None:
    """Give the names of an enum's members by their identity, where its values are members."""
    if not isinstance(leaf, GraphQLEnumType):
        return None
    members = getattr(leaf, "wrapped_cls", None)
    if not (isinstance(members, type) and issubclass(members, Enum)):
        return None
    return {id(member): leaf.coerce_output_value(member) for member in members}


def writer_of(leaf: GraphQLLeafType) -> Callable[[Any], Any]:
    """Give what writes any value that is not null; it raises where graphql-core would, or Odd."""
    coerce = leaf.coerce_output_value

    def write(value: Any) -> Any:
        check_value(value)
        written = coerce(value)
        if written is None or written is Undefined:
            raise Odd
        return written

    return write


def reader_of(leaf: GraphQLLeafType) -> Callable[[Any], Any]:
    """Give what reads a value of a variable that is not null; it raises where it cannot."""
    if condition_of(leaf) is None:
        return leaf.coerce_input_value
    return _READERS[leaf.name]
