"""Every field of the nasty schema, in every way and with every fault that it knows."""

from collections.abc import Iterator

import pytest
from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema, get_named_type, parse

from tests.compiled.engines import Ask, ByPlan, by_graphql_core
from tests.compiled.generating import DOCUMENTS, DOCUMENTS_USUALLY
from tests.compiled.judge import judge
from tests.compiled.nasty.scalars import Flavour, Row, Way
from tests.compiled.nasty.surroundings import Noting

#: Where a field stands decides what becomes of its faults: beside what waits longer or shorter, in
#: a list, below what may be null and what may not.
PLACES = {
    "among others": "{ waited { slow: waited(way: SLOWLY) %s half last: text(way: LATER) } must }",
    "in a list": "{ worked(way: AS_FUTURE) { sureList(row: LATER_ITEMS) { name %s } must } }",
    "in a mutation": "mutation { add work { %s } again: add }",
}
#: What is selected of each type that has fields.
SELECTED = {
    "Worked": "{ name number must }",
    "Plain": "{ name nick number colour }",
    "PlainPage": "{ total first { name } items { name nick } }",
    "IntPage": "{ total first items }",
    "Named": "{ __typename name ... on Worked { text } ... on Plain { flag } }",
    "Beast": "{ __typename legs ... on Cat { purrs } ... on Bird { friend { legs } } }",
    "Thing": "{ __typename ... on Plain { name } ... on Worked { text } ... on Horned { count }"
    " ... on PlainPage { total items { name } } }",
}
#: In a run of all tests each field is asked in one of the places; by hand, in all of them.
SHARES = len(PLACES) if DOCUMENTS <= DOCUMENTS_USUALLY else 1
WORDS = {"way": Way, "row": Row, "inner": Row, "flavour": Flavour}


@pytest.mark.parametrize("place", PLACES)
async def test_every_resolver_in_every_way_is_run_as_by_graphql_core(
    nasty: GraphQLSchema, place: str
) -> None:
    first = list(PLACES).index(place) if SHARES > 1 else 0

    for field in list(resolved(nasty))[first::SHARES]:
        await agreed(nasty, PLACES[place] % field)


@pytest.mark.parametrize("flavour", Flavour)
async def test_every_attribute_of_every_object_is_read_as_by_graphql_core(
    nasty: GraphQLSchema, flavour: Flavour
) -> None:
    fields = [name + selected(one) for name, one in fields_of(nasty, "Plain")]
    asked = f"(flavour: {flavour.name})"

    each = [f"n{n}: plain{asked} {{ {field} }}" for n, field in enumerate(fields)]
    await agreed(nasty, f"{{ {' '.join(each)} }}")
    await agreed(nasty, f"{{ plain{asked} {{ {' '.join(fields)} }} }}")
    await agreed(nasty, f"{{ sure {{ plain{asked} {{ {' '.join(reversed(fields))} }} }} text }}")


async def agreed(nasty: GraphQLSchema, document: str) -> None:
    """Demand that graphql-core and a plan agree. Only generated documents need to be validated."""
    core, plans = by_graphql_core(nasty), ByPlan(nasty)
    verdict = await judge(Noting, Ask(parse(document)), core, plans)
    assert verdict.differences == [], document


def resolved(schema: GraphQLSchema) -> Iterator[str]:
    """Ask each field with a resolver for each of its ways."""
    for name, one in fields_of(schema, "Worked"):
        yield name + selected(one)
        for argument, words in WORDS.items():
            if argument in one.args:
                yield from (f"{name}({argument}: {word.name}){selected(one)}" for word in words)
        if "which" in one.args:
            yield from (f"{name}(which: {which}){selected(one)}" for which in range(7))
        if "allowed" in one.args:
            yield f"{name}(allowed: false){selected(one)}"


def fields_of(schema: GraphQLSchema, name: str) -> list[tuple[str, GraphQLField]]:
    """Give the fields of a type."""
    kind = schema.type_map[name]
    assert isinstance(kind, GraphQLObjectType)
    return list(kind.fields.items())


def selected(one: GraphQLField) -> str:
    """Select something of what the field gives."""
    return " " + SELECTED.get(get_named_type(one.type).name, "")
