"""The few words of the Makefile."""

import re
import shutil
import subprocess
from pathlib import Path

from tests.house.programs import ROOT

WORDS = [
    "help",
    "run",
    "test",
    "graphiql",
    "races",
    "check",
    "docs",
    "bench",
    "bench-quick",
    "lock",
]

#: What Node.js builds or runs, and what says that its packages are there.
PROJECTS = [Path("web/graphiql"), Path("tests/conformance"), Path("tests/schema_linting")]
INSTALLED = "node_modules/.package-lock.json"
PAGE = Path("web/graphiql/dist/index.html")


def test_make_alone_shows_the_words() -> None:
    shown = _make()

    assert re.findall(r"^  make ([\w-]+) ", shown.stdout, re.MULTILINE) == WORDS


def test_make_help_shows_the_same() -> None:
    assert _make("help").stdout == _make().stdout


def test_an_old_python_is_answered_with_one_line(tmp_path: Path) -> None:
    old = _program(tmp_path / "python3", "exit 1")

    answer = _make("test", f"PYTHON={old}", folder=_bare_checkout(tmp_path))

    assert answer.returncode != 0
    assert answer.stdout.splitlines()[-1].startswith("onsale needs Python 3.11 or later")


def test_a_python_without_venv_is_answered_with_one_line(tmp_path: Path) -> None:
    bare = _program(tmp_path / "python3", 'case "$2" in *ensurepip*) exit 1;; esac')

    answer = _make("test", f"PYTHON={bare}", folder=_bare_checkout(tmp_path))

    assert answer.returncode != 0
    assert "apt install python3-venv" in answer.stdout.splitlines()[-1]


def test_what_is_set_up_already_is_not_set_up_again(tmp_path: Path) -> None:
    folder = _bare_checkout(tmp_path)
    (folder / ".venv" / "bin").mkdir(parents=True)
    for step in ("bin/python", ".uv", ".local", ".development", ".node"):
        (folder / ".venv" / step).touch()
    for made in (*(project / INSTALLED for project in PROJECTS), PAGE):
        (folder / made).parent.mkdir()
        (folder / made).touch()

    for word in ("run", "test", "graphiql", "check", "docs", "bench", "bench-quick"):
        planned = _make(word, "--dry-run", folder=folder).stdout
        assert "pip install" not in planned
        assert "npm" not in planned


def test_what_cannot_be_built_keeps_nobody_from_running_the_server(tmp_path: Path) -> None:
    folder = _bare_checkout(tmp_path)
    (folder / ".venv" / "bin").mkdir(parents=True)
    for step in (".uv", ".local", ".node"):
        (folder / ".venv" / step).touch()
    _program(folder / ".venv" / "bin" / "python", 'echo "server: $*"')
    _program(folder / ".venv" / "bin" / "npm", "echo no registry; exit 1")

    answer = _make("run", folder=folder)

    assert "no registry" in answer.stdout
    assert answer.stdout.splitlines()[-2:] == [
        "GraphiQL could not be built. All else works without it.",
        "server: -m onsale serve --demo",
    ]


def test_ci_runs_what_people_run() -> None:
    script = (ROOT / ".ci" / "run").read_text()

    assert "\nmake check\n" in script
    assert "\nmake test" in script


def _make(*words: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *words],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )


def _bare_checkout(folder: Path) -> Path:
    """As after a `git clone`, as far as make looks."""
    shutil.copy(ROOT / "Makefile", folder)
    shutil.copytree(ROOT / "requirements", folder / "requirements")
    made = shutil.ignore_patterns("node_modules", "dist", "__pycache__")
    for project in PROJECTS:
        shutil.copytree(ROOT / project, folder / project, ignore=made)
    return folder


def _program(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path
