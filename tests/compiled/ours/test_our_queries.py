"""Our own queries on a real database: what a plan answers is what graphql-core answers."""

from graphql import OperationType

from tests.compiled.engines import ByPlan
from tests.compiled.generating import DOCUMENTS, SEED
from tests.compiled.ours.asking import SCHEMA, on_trial, written
from tests.compiled.ours.world import World

#: One generated document on the database takes as long as so many in memory.
DOCUMENTS_IN_MEMORY = 8
#: Of the fields of all queries that are written down, but for introspection: what fails on purpose.
HANDED_ON_SHARE_MAX = 0.1


async def test_every_query_of_this_repository_is_answered_as_by_graphql_core(world: World) -> None:
    queries, trial = list(written(OperationType.QUERY, world)), on_trial(world)
    plans = ByPlan(SCHEMA)

    for case in queries:
        verdict = await trial.judge(case, plans)
        assert verdict.differences == [], str(case)

    assert len(queries) > 100
    assert trial.executed.fields > 1_000
    assert trial.handed_on.fields < HANDED_ON_SHARE_MAX * trial.executed.fields


async def test_generated_queries_are_answered_as_by_graphql_core(world: World) -> None:
    await on_trial(world).run(max(DOCUMENTS // DOCUMENTS_IN_MEMORY, 1), SEED)
