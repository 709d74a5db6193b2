"""The README's tour is taken on a freshly seeded server; it must show what really happens."""

import json
from pathlib import Path

from box_office.database import Database
from demo.seed import seed
from tests.servers import running_servers
from tests.tour.blocks import ROOT, tour, watcher
from tests.tour.names import Names
from tests.tour.reader import Reader, reader

README_ADDRESS = "127.0.0.1:8000"
EXAMPLE = "examples/watch.py"


def test_the_readme_shows_the_whole_example() -> None:
    assert watcher() == (ROOT / EXAMPLE).read_text(encoding="utf-8")


async def test_the_tour_shows_what_really_happens(
    database: Database, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    await seed(database)
    with running_servers(database_url, redis_url, tmp_path) as [server]:
        address = f"127.0.0.1:{server.port}"
        example = tmp_path / "watch.py"
        example.write_text(watcher().replace(README_ADDRESS, address), encoding="utf-8")
        async with reader() as somebody:
            told, shown = await take(somebody, {README_ADDRESS: address, EXAMPLE: str(example)})
            assert await somebody.nothing_more()

    assert told == shown


async def take(somebody: Reader, instead: dict[str, str]) -> tuple[list[str], list[str]]:
    """Paste each block; give what the README tells and what was shown, each by its own names."""
    told: list[str] = []
    shown: list[str] = []
    readme_names, names = Names(), Names()
    answer = ""
    for block in tour():
        match block.language:
            case "sh":
                assert answer == "", f"the README does not show this answer: {answer}"
                answer = await somebody.paste(replaced(block.text, instead))
            case "json":
                told.append(settled(block.text, readme_names))
                shown.append(settled(answer, names))
                answer = ""
            case "text":
                for line in block.text.splitlines(keepends=True):
                    told.append(line)
                    shown.append(await somebody.next_watched())
    assert answer == "", f"the README does not show this answer: {answer}"
    return told, shown


def replaced(text: str, instead: dict[str, str]) -> str:
    """Let the reader talk to the server of this test."""
    for usual, here in instead.items():
        text = text.replace(usual, here)
    return text


def settled(answer: str, names: Names) -> str:
    """Set JSON in one way: line breaks are the README's, names and order are the server's."""
    return json.dumps(names.settle(json.loads(answer)), indent=1, ensure_ascii=False)
