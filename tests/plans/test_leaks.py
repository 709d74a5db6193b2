"""Nothing of an operation stays: no circle waits for the collector, and nobody keeps a context."""

import gc
from collections.abc import Iterator
from weakref import ref

import pytest

from onsale.graphql.answers import forget_stacks
from tests.plans.stage import Row, Scene, plan, plans, run

OPERATIONS = 300
DOCUMENTS = {
    "plain data": "{ hello inner { hello } }",
    "waiting": "{ soon inner { soon hello } }",
    "an error": "{ hello fails }",
    "arguments graphql-core reads": "query ($n: Int!) { told(what: [$n]) }",
    "a shape that is not compiled": "{ __schema { queryType { name } } hello }",
    "a mutation": 'mutation { a: do(what: "a") b: do(what: "b") }',
}


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("enabled", [True, False], ids=["compiled", "by graphql-core"])
@pytest.mark.parametrize("text", DOCUMENTS.values(), ids=DOCUMENTS)
async def test_operations_leave_nothing_to_collect(text: str, enabled: bool) -> None:
    asked = plan(text, plans(enabled=enabled))
    variables = {"n": 1} if "$n" in text else {}

    async def operate() -> None:
        scene = Scene()
        forget_stacks((await run(asked, scene, **variables)).errors or [])
        scene.infos.clear()

    await operate()
    gc.collect()
    for _ in range(OPERATIONS):
        await operate()

    assert gc.collect() == 0


@pytest.mark.parametrize("enabled", [True, False], ids=["compiled", "by graphql-core"])
async def test_events_of_a_subscription_leave_nothing_behind(enabled: bool) -> None:
    asked = plan("subscription { rows { name } }", plans(enabled=enabled))
    asked.run_event(Row(name="A"), {}, Scene())
    gc.collect()
    objects = len(gc.get_objects())

    for _ in range(OPERATIONS):
        asked.run_event(Row(name="A"), {}, Scene())

    assert len(gc.get_objects()) - objects < 50
    assert gc.collect() == 0


@pytest.mark.parametrize("text", DOCUMENTS.values(), ids=DOCUMENTS)
async def test_a_plan_keeps_no_context(text: str) -> None:
    asked = plan(text)
    scene = Scene()
    result = await run(asked, scene, **({"n": 1} if "$n" in text else {}))
    forget_stacks(result.errors or [])
    scene.infos.clear()

    gone = ref(scene)
    del scene

    assert gone() is None
