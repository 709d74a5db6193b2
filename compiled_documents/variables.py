"""Variables of a document: read by functions that are made once for their types."""

from collections.abc import Callable, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple
from uuid import UUID

from graphql import (
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    VariableDefinitionNode,
    is_input_object_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
)
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import get_variable_values, input_is_nested_too_deeply
from graphql.utilities.coerce_input_value import coerce_default_value, coerce_input_value

from compiled_documents.leaves import reader_of
from compiled_documents.oddities import NotCompilable, Odd

Reader = Callable[[Any], Any]
#: Values of these classes cannot be changed by a resolver, so that all requests may share them.
_UNCHANGING = (
    *(str, int, float, bool, bytes, type(None), type(Undefined)),
    *(Enum, UUID, Decimal, date, time, timedelta),
)


class _Variable(NamedTuple):
    name: str
    read: Reader
    #: Undefined: it has no value when none is given.
    default: Any
    required: bool


class Variables:
    """The variables of one operation, ready to be read from requests."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        """Make readers for the types. Raises NotCompilable where graphql-core has to read."""
        self._variables = [
            _variable(schema, definition) for definition in operation.variable_definitions or ()
        ]

    def read(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Coerce what a request gives. Raises anything where graphql-core should look at it."""
        values: dict[str, Any] = {}
        for name, read, default, required in self._variables:
            value = given.get(name, Undefined)
            if value is not Undefined:
                values[name] = read(value)
            elif required:
                raise Odd
            elif default is not Undefined:
                values[name] = default
        return values


def is_unchanging(value: Any) -> bool:
    """Tell whether all requests can share a value."""
    return isinstance(value, _UNCHANGING)


def _variable(schema: GraphQLSchema, definition: VariableDefinitionNode) -> _Variable:
    signature = get_variable_signature(schema, definition)
    if isinstance(signature, Exception):
        raise NotCompilable
    default: Any = Undefined
    if definition.default_value is not None:
        values = get_variable_values(schema, [definition], {})
        if isinstance(values, list):
            raise NotCompilable
        default = _shared(values.coerced.get(signature.name, Undefined))
    required = definition.default_value is None and is_non_null_type(signature.type)
    try:
        read = _reader(signature.type, ())
    except NotCompilable:
        read = _read_by_graphql_core(signature.type)
    return _Variable(signature.name, read, default, required)


def _shared(default: Any) -> Any:
    if not is_unchanging(default):
        raise NotCompilable
    return default


def _reader(type_: GraphQLInputType, within: tuple[GraphQLInputObjectType, ...]) -> Reader:
    """Make what reads values of a type; `within` are the inputs that it is a part of."""
    if is_non_null_type(type_):
        return _required(_value_reader(type_.of_type, within))
    return _nullable(_value_reader(type_, within))


def _required(read: Reader) -> Reader:
    def required(value: Any) -> Any:
        if value is None:
            raise Odd
        return read(value)

    return required


def _nullable(read: Reader) -> Reader:
    return lambda value: None if value is None else read(value)


def _value_reader(type_: GraphQLInputType, within: tuple[GraphQLInputObjectType, ...]) -> Reader:
    """Make what reads values of a type that are not null."""
    if is_leaf_type(type_):
        return reader_of(type_)
    if is_list_type(type_):
        return _list_reader(_reader(type_.of_type, within))
    if is_input_object_type(type_) and type_ not in within and not type_.is_one_of:
        return _object_reader(type_, within)
    raise NotCompilable


def _read_by_graphql_core(type_: GraphQLInputType) -> Reader:
    """Read by what can do everything, and takes longer."""

    def read(value: Any) -> Any:
        if input_is_nested_too_deeply(value, type_):
            raise Odd
        read = coerce_input_value(value, type_)
        if read is Undefined:
            raise Odd
        return read

    return read


def _list_reader(read_item: Reader) -> Reader:
    def read_list(value: Any) -> list[Any]:
        if value.__class__ is not list:
            raise Odd
        return [read_item(item) for item in value]

    return read_list


def _object_reader(
    type_: GraphQLInputObjectType, within: tuple[GraphQLInputObjectType, ...]
) -> Reader:
    fields = {
        name: (field.out_name or name, _reader(field.type, (*within, type_)))
        for name, field in type_.fields.items()
    }
    required = [name for name, field in type_.fields.items() if is_required_input_field(field)]
    defaults = {
        field.out_name or name: default_of(field)
        for name, field in type_.fields.items()
        if default_of(field) is not Undefined
    }
    order = [out_name for out_name, _ in fields.values()]
    out_type = type_.out_type

    def read_object(value: Any) -> Any:
        if value.__class__ is not dict:
            raise Odd
        read = dict(defaults)
        for name, given in value.items():
            out_name, read_field = fields[name]
            read[out_name] = read_field(given)
        for name in required:
            if name not in value:
                raise Odd
        return out_type({name: read[name] for name in order if name in read})

    return read_object


def default_of(field: GraphQLInputField) -> Any:
    """Give what a field is without a value; Undefined: nothing. Raises NotCompilable."""
    try:
        return _shared(coerce_default_value(field))
    except TypeError:
        raise NotCompilable from None
