"""What README.md and its neighbours list is what there is."""

import re
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from onsale.commands import app
from onsale.settings import Settings
from tests.tour.blocks import README, ROOT

PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
#: The table's words for defaults that are no text.
NOTHING = "none"


def test_the_configuration_table_has_every_variable_and_its_default() -> None:
    told = {name: default for name, default, _ in rows_of("variable")}
    assert told == {
        variable: NOTHING if default in {None, ()} else f"`{default}`"
        for variable, default in variables()
    } | {"`ONSALE_TOKEN_KEY`": "made and kept"}


def test_the_command_table_has_every_command() -> None:
    told = [name.strip("`").split()[0] for name, _ in rows_of("`python -m onsale …`")]
    callbacks = [command.callback for command in app.registered_commands]

    assert told == [call.__name__.replace("_", "-") for call in callbacks if call is not None]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_decisions_are_numbered_without_a_hole() -> None:
    numbers = sorted(int(page.name[:4]) for page in (ROOT / "docs" / "decisions").glob("*.md"))

    assert numbers == list(range(1, len(numbers) + 1))


def variables() -> list[tuple[str, object]]:
    """Name every variable of the environment as the table does, with its default."""
    found: list[tuple[str, object]] = []
    for name, field in Settings.model_fields.items():
        assert field.default is not PydanticUndefined
        found.append((f"`{field.validation_alias or f'ONSALE_{name.upper()}'}`", field.default))
    return found


def rows_of(first_heading: str) -> list[list[str]]:
    """Read the table whose first column is called so."""
    _, _, rest = README.read_text(encoding="utf-8").partition(f"| {first_heading} |")
    table, _, _ = rest.partition("\n\n")
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines_of(table)]


def lines_of(table: str) -> list[str]:
    """Leave out the heading and the line under it."""
    return table.splitlines()[2:]
