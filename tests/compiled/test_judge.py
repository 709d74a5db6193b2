"""The judge notices every fault that a plan might have, and finds none where there is none."""

import pytest
from graphql import GraphQLSchema

from tests.compiled.cases import Case, case_of, shrunk
from tests.compiled.engines import ByPlan, by_graphql_core
from tests.compiled.generating import Trial
from tests.compiled.judge import judge
from tests.compiled.mutants import MUTANTS, Mutant
from tests.compiled.nasty.palette import NASTY
from tests.compiled.nasty.surroundings import Noting


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.fault)
async def test_a_fault_is_noticed(nasty: GraphQLSchema, mutant: Mutant) -> None:
    core, ask = by_graphql_core(nasty), read(nasty, mutant.document).ask

    verdict = await judge(Noting, ask, core, mutant.make(nasty))

    assert verdict.differences != []
    assert (await judge(Noting, ask, core, by_graphql_core(nasty))).differences == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.fault)
async def test_generated_documents_find_a_fault(nasty: GraphQLSchema, mutant: Mutant) -> None:
    trial = Trial(nasty, NASTY, Noting, make_plans=mutant.make, shrinks=False)

    with pytest.raises(AssertionError, match="A plan differs from graphql-core"):
        await trial.run(100, seed=1)


async def test_a_document_that_fails_is_shown_as_small_as_can_be(nasty: GraphQLSchema) -> None:
    case = read(
        nasty,
        """query Big($way: Way! = RAISES, $on: Boolean = true) {
          must
          sure { ...Part @include(if: $on) list: listed { name sureNumbers(row: TWO_FAULTS) } }
        }
        fragment Part on Worked { text(way: $way) object { name } }""",
    )

    async def fails(smaller: Case) -> bool:
        plan = ByPlan(nasty)
        verdict = await judge(Noting, smaller.ask, by_graphql_core(nasty), plan)
        return any("three" in error for error in verdict.expected.errors)

    smallest = await shrunk(nasty, case, fails)

    assert " ".join(smallest.text.split()) == (
        "query Big { sure { list: listed { sureNumbers(row: TWO_FAULTS) } } }"
    )


def read(schema: GraphQLSchema, text: str) -> Case:
    """Read a document that is known to be valid."""
    case = case_of(schema, text, None, None)
    assert case is not None, text
    return case
