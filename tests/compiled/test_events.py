"""Events of subscriptions: what a plan tells of one is what graphql-core tells."""

from collections.abc import Callable
from typing import Any

import pytest
from graphql import FieldNode, GraphQLSchema, OperationType

from tests.compiled.cases import Case
from tests.compiled.engines import Ask, ByPlan, by_graphql_core
from tests.compiled.generating import DOCUMENTS, SEED
from tests.compiled.generator import Generator
from tests.compiled.judge import judge
from tests.compiled.nasty.palette import NASTY
from tests.compiled.nasty.plain import flavoured
from tests.compiled.nasty.scalars import Flavour
from tests.compiled.nasty.surroundings import Noting
from tests.compiled.nasty.ways import Fault
from tests.compiled.nasty.worked import some_thing, worked
from tests.compiled.test_judge import read

FLAVOURS = (
    "subscription { flavours { name nick number colour child { name } things { __typename } } }"
)
#: What the sources of the nasty schema's subscriptions may yield, and what they should not.
EVENTS: dict[str, list[Callable[[], Any]]] = {
    "flavours": [
        *((lambda flavour=flavour: flavoured(flavour)) for flavour in Flavour),
        lambda: None,
        lambda: 5,
    ],
    "things": [*((lambda which=which: some_thing(which)) for which in range(6)), lambda: None],
    "workers": [lambda: worked("event"), lambda: None, lambda: Fault("as an event")],
    "numbers": [lambda: 1, lambda: None, lambda: "one", lambda: 2.0],
}


@pytest.mark.parametrize("document", ["subscription { things { __typename } }", FLAVOURS])
async def test_every_event_is_told_as_by_graphql_core(nasty: GraphQLSchema, document: str) -> None:
    case, core, plans = read(nasty, document), by_graphql_core(nasty), ByPlan(nasty)

    for make in EVENTS[root_of(case)]:
        verdict = await judge(Noting, event(case, make), core, plans)
        assert verdict.differences == []


async def test_events_of_generated_documents_are_told_as_by_graphql_core(
    nasty: GraphQLSchema,
) -> None:
    subscriptions = (OperationType.SUBSCRIPTION,)
    core = by_graphql_core(nasty)

    for seed in range(SEED, SEED + DOCUMENTS // 4):
        generator = Generator(nasty, NASTY, seed, subscriptions)
        case, plans = generator.case(), ByPlan(nasty)
        for make in generator.some(EVENTS[root_of(case)], 3):
            verdict = await judge(Noting, event(case, make), core, plans)
            assert verdict.differences == [], f"GENERATED_SEED={seed}\n{case}"


def event(case: Case, make: Callable[[], Any]) -> Callable[[], Ask]:
    """Make the event anew for each who tells it: some can be read only once."""
    return lambda: Ask(case.tree, case.variables, case.name, make(), is_event=True)


def root_of(case: Case) -> str:
    """Name what is subscribed to."""
    (field,) = case.operation.selection_set.selections
    assert isinstance(field, FieldNode)
    return field.name.value
