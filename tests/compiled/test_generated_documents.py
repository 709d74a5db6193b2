"""Documents that nobody wrote: what a plan answers is what graphql-core answers."""

from graphql import GraphQLSchema, OperationType

from tests.compiled.features import FEATURES
from tests.compiled.generating import DOCUMENTS, SEED, Trial
from tests.compiled.nasty.palette import NASTY
from tests.compiled.nasty.surroundings import Noting

#: Most of what is asked here goes wrong somewhere; most of it is run by plans nevertheless.
HANDED_ON_SHARE_MAX = 0.5
QUERIES_AND_MUTATIONS = (OperationType.QUERY,) * 3 + (OperationType.MUTATION,)


async def test_generated_documents_are_answered_as_by_graphql_core(nasty: GraphQLSchema) -> None:
    trial = Trial(nasty, NASTY, Noting, QUERIES_AND_MUTATIONS)

    await trial.run(DOCUMENTS, SEED)

    assert FEATURES - trial.seen.keys() == set()
    assert trial.handed_on.fields < HANDED_ON_SHARE_MAX * trial.executed.fields
