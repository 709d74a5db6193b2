"""What plans may take: shapes, fields, bytes."""

import gc

import pytest
from graphql import parse

from compiled_documents import kept
from compiled_documents import plans as module
from compiled_documents.kept import BLOCK_OVERHEAD_BYTES, KeptBlocks
from onsale.graphql.documents import COMPILED_AT_ONCE_COST, read_document
from tests.plans.stage import is_compiled, plan, plans

FIVE = """query ($a: Boolean!, $b: Boolean!, $c: Boolean!, $d: Boolean!) {
  a: hello @skip(if: $a) b: hello @include(if: $b)
  ...F @skip(if: $c) ... @include(if: $d) { d: hello }
} fragment F on Query { c: hello }"""


def truths(number: int) -> dict[str, bool]:
    return {name: bool(number >> bit & 1) for bit, name in enumerate("abcd")}


async def test_a_document_has_eight_shapes_and_graphql_core_runs_the_ninth() -> None:
    asked = plan(FIVE)

    compiled = [await is_compiled(asked, **truths(number)) for number in range(9)]

    assert compiled == [True] * module.SHAPES_MAX + [False]
    assert await is_compiled(asked, **truths(0)), "those that were compiled stay so"


async def test_what_is_sent_once_is_not_compiled() -> None:
    asked = plan("{ hello }", plans(compiled_from_run=2))

    assert [await is_compiled(asked) for _ in range(3)] == [False, True, True]


async def test_what_is_dear_to_run_is_compiled_at_once() -> None:
    tree, made = parse("{ hello }"), plans(compiled_from_run=2)

    assert await is_compiled(made.plan(tree, None, at_once=True))


@pytest.mark.parametrize("more", [-1, 0, 1])
async def test_documents_say_what_is_dear(more: int) -> None:
    made = plans(compiled_from_run=2)
    document = read_document(made.schema, "{ hello }")

    asked = document.plan(None, made, COMPILED_AT_ONCE_COST + more)

    assert await is_compiled(asked) is (more >= 0)


async def test_the_setting_leaves_everything_to_graphql_core() -> None:
    asked = plan("{ hello }", plans(enabled=False))

    assert not await is_compiled(asked)
    assert not await is_compiled(asked)


@pytest.mark.parametrize("more", [-1, 0, 1])
async def test_a_shape_has_so_many_fields_and_no_more(
    more: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SHAPE_FIELDS_MAX", 20)
    fields = " ".join(f"f{number}: hello" for number in range(20 + more))

    assert await is_compiled(plan(f"{{ {fields} }}")) is (more <= 0)


async def test_fragments_within_fragments_are_counted_as_often_as_they_are_spread() -> None:
    nested = "".join(
        f"fragment F{n} on Query {{ a: inner {{ ...F{n + 1} }} b: inner {{ ...F{n + 1} }} }}"
        for n in range(12)
    )

    asked = plan(f"{{ ...F0 }} {nested} fragment F12 on Query {{ hello }}")
    made_by = asked._plans
    assert asked._shape(()) is None
    assert made_by.field_count == 0


async def test_all_plans_together_have_so_many_fields_and_forgotten_ones_make_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PLANNED_FIELDS_MAX", 3)
    made_by = plans()
    first = plan("{ a: hello b: hello }", made_by)
    second, third = plan("{ c: hello }", made_by), plan("{ d: hello }", made_by)

    assert await is_compiled(first)
    assert await is_compiled(second)
    assert not await is_compiled(third)

    del first
    gc.collect()
    assert made_by.field_count == 1
    assert await is_compiled(plan("{ d: hello }", made_by))


async def test_what_there_was_no_room_for_is_compiled_when_there_is_room_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PLANNED_FIELDS_MAX", 2)
    monkeypatch.setattr(module, "RUNS_BETWEEN_TRIES", 3)
    made_by = plans()
    first, later = plan("{ a: hello b: hello }", made_by), plan("{ c: hello }", made_by)
    await is_compiled(first)
    assert not await is_compiled(later)

    del first
    gc.collect()

    assert [await is_compiled(later) for _ in range(4)] == [False, False, True, True]


def test_encoded_blocks_are_kept_up_to_so_many_bytes_and_the_least_asked_goes() -> None:
    blocks = KeptBlocks(bytes_max=2 * (10 + BLOCK_OVERHEAD_BYTES))

    blocks.keep("a", b"x" * 10)
    blocks.keep("b", b"x" * 10)
    assert blocks.get("a") is not None
    blocks.keep("c", b"x")

    assert [blocks.get(key) is not None for key in "abc"] == [True, False, True]
    assert blocks.byte_count == 11 + 2 * BLOCK_OVERHEAD_BYTES
    assert kept.KEPT_BYTES_MAX <= 64_000_000, "what the page of settings says of memory"
