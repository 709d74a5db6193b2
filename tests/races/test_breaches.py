"""With one guard taken away the checkers named for it object; with all in place, none does."""

from pathlib import Path

import pytest

from tests.races.breaches import BREACHES, Breach
from tests.races.scenes import Scene, cast_of
from tests.races.verdict import broken, verdict


@pytest.mark.parametrize(
    "scene",
    [pytest.param(s, id=s.__name__) for s in dict.fromkeys(breach.scene for breach in BREACHES)],
)
async def test_with_every_guard_in_place_no_checker_objects(
    database_url: str, tmp_path: Path, scene: Scene
) -> None:
    async with cast_of(database_url, tmp_path) as cast:
        await scene(cast)

        assert broken(await verdict(cast.evidence)) == {}


@pytest.mark.untrue_books(reason="A guard of the rules is taken away.")
@pytest.mark.parametrize("breach", [pytest.param(breach, id=breach.name) for breach in BREACHES])
async def test_with_a_guard_taken_away_the_checkers_named_for_it_object(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, breach: Breach
) -> None:
    async with cast_of(database_url, tmp_path) as cast:
        for statement in breach.sql:
            await cast.hall.execute(statement)
        breach.patch(monkeypatch)
        await breach.scene(cast)

        found = broken(await verdict(cast.evidence))

    assert breach.noticed_by <= found.keys(), found
