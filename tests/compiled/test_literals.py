"""Lists and objects in a document with variables in them: given, null, left out."""

from typing import Any

import pytest
from graphql import GraphQLSchema, parse, parse_value

from compiled_documents.literals import literal_of
from onsale.graphql.documents import read_document
from tests.compiled.engines import Ask, ByPlan, by_graphql_core
from tests.compiled.judge import judge
from tests.compiled.nasty.surroundings import Noting

#: What a document declares, what stands for an argument of `echo`, and a good value.
LITERALS: dict[str, tuple[str, str, Any]] = {
    "may be left out": ("$v: String", "filter: {name: $v}", "a"),
    "an own default": ("$v: Colour! = RED", "filter: {colour: $v}", "LEAF"),
    "the field's default": ("$v: Int!", "filter: {main: {x: $v}}", 4),
    "two defaults": ("$v: Float = 1", "filter: {fromNumber: $v}", 2),
    "must be": ("$v: Int = 3", "filter: {main: {x: $v, y: 2}}", 4),
    "a default that is not asked for": ("$v: Int", "filter: {main: {x: 1, y: 1}, number: $v}", 4),
    "a nest": ("$v: Int", "filter: {inner: {number: $v, main: {x: 2, label: null}}}", 5),
    "in a list": ("$v: Int = 3", "filter: {grid: [[1, $v, 2], null]}", 4),
    "a nullable in a list": ("$v: Int", "grid: [[1, $v], null, [$v]]", 4),
    "a list in a list": ("$v: [Int!]", "filter: {grid: [[1], $v, $v]}", [4, 5]),
    "for a list": ("$v: Int = 3", "filter: {points: {x: $v}}", 4),
    "an object among others": ("$v: Filter", 'filters: [{name: "a"}, $v, null]', {"name": "b"}),
    "one of": ("$v: String!", "choice: {text: $v}", "a"),
    "an object of one of": ("$v: Int = 3", "choice: {point: {x: $v, y: 2}}", 4),
    "absent, null or a value": ("$v: String", "patch: {title: $v, colours: [RED]}", "a"),
    "a scalar of its own kind": ("$v: Int = 3", "filter: {odd: {a: [$v]}}", 4),
    "beside others": ("$v: Int! = 3", "number: $v, grid: [[$v]], numbers: [1, 2]", 4),
    "no variable in it": ("$v: Int! = 1", "filter: {points: [{x: 1}], grid: [[1]]}, number: $v", 4),
}


@pytest.mark.parametrize("literal", LITERALS)
@pytest.mark.parametrize("given", ["a value", "null", "left out"])
async def test_a_literal_with_variables_is_read_as_by_graphql_core(
    nasty: GraphQLSchema, literal: str, given: str
) -> None:
    declared, argument, value = LITERALS[literal]
    text = f"query ({declared}) {{ worked {{ echo({argument}) }} }}"
    variables = {"a value": {"v": value}, "null": {"v": None}, "left out": {}}[given]
    assert not read_document(nasty, text).errors
    core, plan = by_graphql_core(nasty), ByPlan(nasty)

    for _ in range(3):
        verdict = await judge(Noting, Ask(parse(text), variables), core, plan)

        assert verdict.differences == []


def test_each_request_has_lists_of_its_own(nasty: GraphQLSchema) -> None:
    grid = nasty.type_map["Filter"].fields["grid"].type  # type: ignore[attr-defined]
    read = literal_of(parse_value("[[1], null]"), grid)

    one, other = read({}), read({})

    assert one == other == [[1], None]
    assert one is not other
    assert one[0] is not other[0]
