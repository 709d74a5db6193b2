"""The reproducers of Strawberry's bugs, run against the version that is installed.

One that fails tells that the bug is mended: its file can go, and perhaps some of our own code.
"""

import logging
import re
import runpy
import warnings
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.servers import ROOT

FOLDER = ROOT / "docs" / "upstream"
PROGRAMS = sorted(FOLDER.glob("*.py"))


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Each reproducer does with the log what it likes."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.stem)
def test_the_bug_is_still_there(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # As they are for whoever runs it.
        runpy.run_path(str(program), run_name="__main__")

    said = capsys.readouterr().out
    assert "expected:" in said
    assert "happens:" in said


def test_the_index_names_them_all_and_the_version() -> None:
    index = (FOLDER / "README.md").read_text()

    assert set(re.findall(r"\]\((\w+\.py)\)", index)) == {program.name for program in PROGRAMS}
    assert version("strawberry-graphql") in index
