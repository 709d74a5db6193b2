"""Lists and objects that stand in a document with variables in them, such as `{id: $id}`.

graphql-core (`coerce_input_literal`) walks such a value at each request, the type beside it. Here
the walk is done once, and leaves a function that puts the variables in.
"""

from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    Undefined,
    ValueNode,
    VariableNode,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
)
from graphql.utilities.coerce_input_value import coerce_input_literal

from compiled_documents.oddities import NotCompilable, Odd
from compiled_documents.variables import default_of, is_unchanging

#: Makes the value, given the coerced variables. Raises Odd where graphql-core has to look.
Literal = Callable[[Mapping[str, Any]], Any]


def names_variables(node: ValueNode) -> bool:
    """Tell whether there is a variable in a value."""
    if isinstance(node, ListValueNode):
        return any(map(names_variables, node.values))
    if isinstance(node, ObjectValueNode):
        return any(names_variables(field.value) for field in node.fields)
    return isinstance(node, VariableNode)


def literal_of(node: ValueNode, type_: GraphQLInputType) -> Literal:
    """Make what gives a value of a type. Raises NotCompilable."""
    if isinstance(node, VariableNode):
        return _variable(node.name.value, is_sure=is_non_null_type(type_))
    if is_non_null_type(type_):
        if isinstance(node, NullValueNode):
            raise NotCompilable
        type_ = type_.of_type
    if is_list_type(type_) and isinstance(node, ListValueNode):
        return _list(node, type_)
    if is_input_object_type(type_) and isinstance(node, ObjectValueNode):
        return _object(node, type_)
    if names_variables(node):
        raise NotCompilable  # A scalar of its own kind, or an item that stands for a list.
    return _constant(coerce_input_literal(node, type_))


def _constant(value: Any) -> Literal:
    if not is_unchanging(value) or value is Undefined:
        raise NotCompilable
    return lambda _: value


def _variable(name: str, *, is_sure: bool) -> Literal:
    def read(variables: Mapping[str, Any]) -> Any:
        value = variables.get(name, Undefined)
        if value is Undefined or (value is None and is_sure):
            raise Odd
        return value

    return read


def _list(node: ListValueNode, type_: GraphQLList[Any]) -> Literal:
    items = [literal_of(item, type_.of_type) for item in node.values]
    return lambda variables: [item(variables) for item in items]


def _object(node: ObjectValueNode, type_: GraphQLInputObjectType) -> Literal:
    given = {field.name.value: field.value for field in node.fields}
    if not given.keys() <= type_.fields.keys():
        raise NotCompilable
    if type_.is_one_of:
        return _one_of(given, type_)
    fields = [
        _field(definition.out_name or name, definition, given.get(name))
        for name, definition in type_.fields.items()
    ]
    out_type = type_.out_type

    def make(variables: Mapping[str, Any]) -> Any:
        values = {}
        for name, optional, default, literal in fields:
            value = default if optional and optional not in variables else literal(variables)
            if value is not Undefined:
                values[name] = value
        return out_type(values)

    return make


def _field(
    out_name: str, definition: GraphQLInputField, node: ValueNode | None
) -> tuple[str, str | None, Any, Literal]:
    """Say how a field is read: a variable that is missing stands for the default, if there is one.

    Undefined: the field has no value then.
    """
    default: Any = Undefined
    if not is_required_input_field(definition):
        default = default_of(definition)
    if node is None:
        if is_required_input_field(definition):
            raise NotCompilable
        return out_name, None, default, lambda _: default
    optional = None
    if isinstance(node, VariableNode) and not is_required_input_field(definition):
        optional = node.name.value
    return out_name, optional, default, literal_of(node, definition.type)


def _one_of(given: Mapping[str, ValueNode], type_: GraphQLInputObjectType) -> Literal:
    if len(given) != 1:
        raise NotCompilable
    [(name, node)] = given.items()
    field, out_type = type_.fields[name], type_.out_type
    out_name, literal = field.out_name or name, literal_of(node, field.type)

    def make(variables: Mapping[str, Any]) -> Any:
        value = literal(variables)
        if value is None:
            raise Odd
        return out_type({out_name: value})

    return make
