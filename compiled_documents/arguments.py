"""Arguments of one field of a document: what its resolver is called with."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from graphql import (
    ArgumentNode,
    FieldNode,
    GraphQLArgument,
    GraphQLError,
    GraphQLField,
    ListValueNode,
    NameNode,
    ObjectValueNode,
    Undefined,
    VariableNode,
    is_non_null_type,
    is_required_argument,
)
from graphql.execution.values import VariableValues, get_argument_values

from compiled_documents.literals import Literal, literal_of
from compiled_documents.oddities import NotCompilable, Odd
from compiled_documents.variables import is_unchanging

Converter = Callable[[Any], Any]
#: Values that differ from request to request, or that a resolver could change.
_OF_REQUESTS = (VariableNode, ListValueNode, ObjectValueNode)


class Asked(Protocol):
    """What arguments are taken from."""

    @property
    def variables(self) -> Mapping[str, Any]:
        """The coerced variables of the request."""

    @property
    def variable_values(self) -> VariableValues:
        """The same as graphql-core has them."""


#: Gives the arguments of a request. Where it raises, graphql-core has to look at the field.
Arguments = Callable[[Asked], dict[str, Any]]


class Parameter(NamedTuple):
    """What a resolver takes an argument as."""

    name: str
    #: None: as graphql-core gives it.
    convert: Converter | None


class _Variable(NamedTuple):
    """An argument that is one variable."""

    parameter: Parameter
    variable: str
    #: What a missing variable stands for; Undefined: for no argument.
    default: Any
    required: bool
    non_null: bool


def arguments_of(
    field: GraphQLField, node: FieldNode, parameters: Mapping[str, Parameter]
) -> Arguments | dict[str, Any]:
    """Make what gives a field's arguments, or give them where all requests can share them.

    `parameters` say by the argument's name what the resolver wants; it gets nothing else.
    """
    given = {argument.name.value: argument for argument in node.arguments or ()}
    constants: dict[str, Any] = {}
    variables: list[_Variable] = []
    literals: list[tuple[Parameter, Literal]] = []
    try:
        for name, parameter in parameters.items():
            argument, definition = given.get(name), field.args[name]
            if argument is None or not isinstance(argument.value, _OF_REQUESTS):
                constant = _constant(definition, name, argument)
                if constant is not Undefined:
                    constants[parameter.name] = _converted(parameter, constant)
            elif isinstance(argument.value, VariableNode):
                variables.append(_variable(definition, name, argument.value, parameter))
            else:
                literals.append((parameter, literal_of(argument.value, definition.type)))
    except NotCompilable:
        return _by_graphql_core(field, node, parameters)
    if not variables and not literals:
        return constants
    return _from_requests(constants, variables, literals)


def _variable(
    definition: GraphQLArgument, name: str, value: VariableNode, parameter: Parameter
) -> _Variable:
    required = is_required_argument(definition)
    default = Undefined if required else _constant(definition, name, None)
    variable = value.name.value
    return _Variable(parameter, variable, default, required, is_non_null_type(definition.type))


def _constant(definition: GraphQLArgument, name: str, argument: ArgumentNode | None) -> Any:
    """Read a value that stands in the document, or the default; Undefined: there is neither."""
    alone = GraphQLField(definition.type, {name: definition})  # type: ignore[arg-type]
    node = FieldNode(name=NameNode(value=name), arguments=() if argument is None else (argument,))
    try:
        values = get_argument_values(alone, node, VariableValues({}, {}))
    except GraphQLError:
        raise NotCompilable from None
    value = next(iter(values.values()), Undefined)
    if not is_unchanging(value):
        raise NotCompilable
    return value


def _converted(parameter: Parameter, constant: Any) -> Any:
    """Convert a constant once for all. It is a leaf: converting gives nothing that can change."""
    if parameter.convert is None:
        return constant
    try:
        converted = parameter.convert(constant)
    except Exception:  # noqa: BLE001 - each request shall meet it by itself.
        raise NotCompilable from None
    if not is_unchanging(converted):
        raise NotCompilable
    return converted


def _from_requests(
    constants: dict[str, Any],
    variables: list[_Variable],
    literals: list[tuple[Parameter, Literal]],
) -> Arguments:
    def arguments(asked: Asked) -> dict[str, Any]:
        values = asked.variables
        taken = dict(constants)
        for (name, convert), variable, default, required, non_null in variables:
            value = values.get(variable, Undefined)
            if value is Undefined:
                if required:
                    raise Odd
                if default is Undefined:
                    continue
                value = default
            elif value is None and non_null:
                raise Odd
            taken[name] = value if convert is None else convert(value)
        for (name, convert), literal in literals:
            value = literal(values)
            taken[name] = value if convert is None else convert(value)
        return taken

    return arguments


def _by_graphql_core(
    field: GraphQLField, node: FieldNode, parameters: Mapping[str, Parameter]
) -> Arguments:
    """Read all arguments at each request: there is something in them that is odd."""

    def arguments(asked: Asked) -> dict[str, Any]:
        values = get_argument_values(field, node, asked.variable_values)
        return {
            name: value if convert is None else convert(value)
            for asked_as, (name, convert) in parameters.items()
            if (value := values.get(asked_as, Undefined)) is not Undefined
        }

    return arguments
