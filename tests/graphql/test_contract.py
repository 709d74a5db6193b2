"""The schema is the contract: everything in it is there, exactly so."""

from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLUnionType,
    build_schema,
    is_specified_scalar_type,
    print_ast,
    print_schema,
)

from onsale.graphql_schema import graphql_schema

CONTRACT = build_schema(Path(__file__).with_name("contract.graphql").read_text("utf-8"))
OURS = build_schema(print_schema(graphql_schema._schema))

PROMISED = sorted(
    name
    for name, named in CONTRACT.type_map.items()
    if not name.startswith("__") and not is_specified_scalar_type(named)
)


def inputs_of(inputs: dict[str, Any]) -> dict[str, str]:
    """Say types and defaults of arguments or input fields, as SDL does."""
    return {name: f"{given.type}{default_of(given)}" for name, given in inputs.items()}


def default_of(given: Any) -> str:
    """Say a default as SDL does."""
    default = given.ast_node.default_value
    return "" if default is None else f" = {print_ast(default)}"


def shape_of(named: GraphQLNamedType) -> object:
    """Say all that a client can rely on, apart from words."""
    match named:
        case GraphQLObjectType() | GraphQLInterfaceType():
            return {
                "implements": sorted(interface.name for interface in named.interfaces),
                "fields": {
                    name: (str(field.type), inputs_of(field.args))
                    for name, field in named.fields.items()
                },
            }
        case GraphQLInputObjectType():
            return {"one of": named.is_one_of, "fields": inputs_of(named.fields)}
        case GraphQLEnumType():
            return sorted(named.values)
        case GraphQLUnionType():
            return sorted(member.name for member in named.types)
        case _:
            return "scalar"


@pytest.mark.parametrize("name", PROMISED)
def test_everything_in_the_contract_is_in_the_schema_exactly_so(name: str) -> None:
    ours, promised = OURS.type_map.get(name), CONTRACT.type_map[name]

    assert ours is not None
    assert shape_of(ours) == shape_of(promised)


def test_nothing_is_in_the_schema_that_the_contract_does_not_have() -> None:
    ours = {
        name
        for name, named in OURS.type_map.items()
        if not name.startswith("__") and not is_specified_scalar_type(named)
    }

    assert ours == set(PROMISED)


def test_the_kind_of_every_type_is_that_of_the_contract() -> None:
    kinds = (
        GraphQLObjectType,
        GraphQLInterfaceType,
        GraphQLInputObjectType,
        GraphQLEnumType,
        GraphQLUnionType,
    )

    for name in PROMISED:
        assert [isinstance(OURS.type_map[name], kind) for kind in kinds] == [
            isinstance(CONTRACT.type_map[name], kind) for kind in kinds
        ]
