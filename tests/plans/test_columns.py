"""Lists by column are answered as the same list of objects would be, and blocks are kept."""

import pytest

from compiled_documents import columns
from tests.plans.stage import Chair, Chairs, Colour, Row, Scene, plain, plan, plans, run

ALL = "{ %s { __typename number height shade: colour row { name } number2: number } }"


def chairs(count: int = 5, by_column: bool = True) -> Chairs:
    rows = [Row(name="A"), Row(name='"B"')]
    made = [
        Chair(number=n, height=None if n % 2 else n / 4, colour=Colour.BLUE, row=rows[n % 2])
        for n in range(count)
    ]
    return Chairs(made, versions=[0] * ((count + 1) // 2), by_column=by_column)


@pytest.mark.parametrize("field", ["chairs", "chairsSoon"])
@pytest.mark.parametrize("count", [0, 1, 2, 5])
async def test_columns_are_answered_as_objects_would_be(field: str, count: int) -> None:
    asked = plan(ALL % field)
    by_column, objects = chairs(count), chairs(count)

    answer = await run(asked, Scene(by_column))

    assert plain(answer) == plain(await run(asked, Scene(objects.chairs)))  # type: ignore[arg-type]
    assert by_column.made == 0


async def test_a_block_is_written_again_only_when_its_key_changes() -> None:
    asked = plan(ALL % "chairs")
    first, same, changed = chairs(), chairs(), chairs()
    changed.versions[1] = 1
    changed.chairs[0].number, changed.chairs[2].number = 70, 72

    await run(asked, Scene(first))
    await run(asked, Scene(same))
    answer = plain(await run(asked, Scene(changed)))

    assert same.asked == []
    assert [chair["number"] for chair in answer["chairs"]] == [0, 1, 72, 3, 4]


async def test_a_list_that_is_asked_for_again_and_again_is_put_together_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, joined = plan(ALL % "chairs"), 0
    join = columns._joined

    def counted(parts: list[bytes]) -> bytes:
        nonlocal joined
        joined += 1
        return join(parts)

    monkeypatch.setattr(columns, "_joined", counted)

    answers = [plain(await run(asked, Scene(chairs()))) for _ in range(4)]
    changed = chairs()
    changed.versions[1] = 1
    await run(asked, Scene(changed))

    assert answers[0] == answers[1] == answers[2] == answers[3]
    assert joined == 3


@pytest.mark.parametrize("count", [0, 1, 2])
async def test_a_short_list_is_the_same_each_time(count: int) -> None:
    asked, objects = plan(ALL % "chairs"), chairs(count)

    answers = [plain(await run(asked, Scene(chairs(count)))) for _ in range(4)]

    expected = plain(await run(asked, Scene(objects.chairs)))  # type: ignore[arg-type]
    assert answers == [expected] * 4


async def test_other_selections_have_blocks_of_their_own() -> None:
    made_by = plans()

    await run(plan("{ chairs { number } }", made_by), Scene(chairs()))
    answer = plain(await run(plan("{ chairs { height } }", made_by), Scene(chairs(1))))

    assert answer == {"chairs": [{"height": 0.0}]}


async def test_what_is_not_kept_by_column_is_read_from_objects() -> None:
    items = chairs(by_column=False)

    answer = plain(await run(plan("{ chairs { number } }"), Scene(items)))

    assert [chair["number"] for chair in answer["chairs"]] == [0, 1, 2, 3, 4]
    assert items.made == 5


@pytest.mark.parametrize(
    ("attribute", "odd"),
    [("number", 2**31), ("height", float("nan")), ("height", float("inf")), ("number", None)],
)
async def test_odd_values_in_a_column_are_refused_as_in_an_object(
    attribute: str, odd: object
) -> None:
    items = chairs()
    setattr(items.chairs[3], attribute, odd)
    text = "{ chairs { number height } }"

    answer = await run(plan(text), Scene(items))
    expected = await run(plan(text, plans(enabled=False)), Scene(items))

    assert answer.formatted == expected.formatted
    assert answer.errors
