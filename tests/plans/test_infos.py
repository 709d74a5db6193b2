"""Resolvers are told of compiled operations what they are told by graphql-core."""

from typing import Any

import pytest

from tests.plans.stage import Scene, plan, plans, run

TEXT = "query Q($n: [Int!]) { hello inner { again: told(what: $n) } }"
FACTS = (
    *("field_name", "context", "root_value", "variable_values", "python_name", "return_type"),
    *("operation", "query", "path", "selected_fields", "input_extensions", "schema"),
)


async def _told(enabled: bool) -> tuple[Scene, Any]:
    scene = Scene()
    await run(plan(TEXT, plans(enabled=enabled)), scene, n=[1])
    (info,) = scene.infos
    return scene, info


@pytest.mark.parametrize("fact", FACTS)
async def test_an_info_says_the_same(fact: str) -> None:
    ours, compiled = await _told(enabled=True)
    theirs, by_graphql_core = await _told(enabled=False)

    ours.infos.clear()
    theirs.infos.clear()

    assert str(getattr(compiled, fact)) == str(getattr(by_graphql_core, fact))
    assert compiled.context is ours
    assert compiled.get_argument_definition("what").python_name == "what"


async def test_fields_of_a_mutation_run_one_after_the_other() -> None:
    scene = Scene()

    result = await run(plan('mutation { a: do(what: "a") b: do(what: "b") }'), scene)

    assert scene.calls == ["begin a", "end a", "begin b", "end b"]
    assert list(result.data or ()) == ["a", "b"]
