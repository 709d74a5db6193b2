"""R28: what the locks pin, and what they must not bring."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.servers import ROOT

SERVER = ROOT / "requirements" / "server.txt"
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
#: What only the extra `[cli]` of strawberry-graphql brings; it holds websockets below 17, too.
BROUGHT_BY_CLI = {"libcst", "python-multipart"}


def pinned(name: str) -> tuple[int, ...]:
    """Give the version that the server's lock pins."""
    found = re.search(rf"^{re.escape(name)}==([0-9.]+)", SERVER.read_text(), re.MULTILINE)
    assert found is not None, f"{name} is not in the lock"
    return tuple(int(part) for part in found[1].split("."))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_r28_no_lock_has_strawberrys_extra_cli(lock: Path) -> None:
    text = lock.read_text()

    assert "strawberry-graphql[" not in text
    assert not BROUGHT_BY_CLI & set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))


def test_r28_the_project_asks_for_no_extra_of_strawberry_either() -> None:
    assert "strawberry-graphql[" not in (ROOT / "pyproject.toml").read_text()


def test_r28_the_image_has_websockets_17_or_later() -> None:
    assert pinned("websockets") >= (17,)


def test_r28_strawberry_is_later_than_its_known_holes() -> None:
    assert pinned("strawberry-graphql") >= (0, 312, 3)  # CVE-2026-35523 and -35526.


def test_r28_graphql_core_is_3_3() -> None:
    assert pinned("graphql-core")[:2] == (3, 3)


@pytest.mark.parametrize("name", ["websockets", "strawberry-graphql", "graphql-core"])
def test_r28_what_is_tested_is_what_is_pinned(name: str) -> None:
    assert version(name) == ".".join(str(part) for part in pinned(name))
