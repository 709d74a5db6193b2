"""The few words of the Makefile."""

import re
import shutil
import subprocess
from pathlib import Path

from tests.house.programs import ROOT

WORDS = ["help", "run", "test", "races", "check", "bench", "lock"]


def test_make_alone_shows_the_words() -> None:
    shown = _make()

    assert re.findall(r"^  make (\w+) ", shown.stdout, re.MULTILINE) == WORDS


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
    for step in ("bin/python", ".uv", ".local", ".development"):
        (folder / ".venv" / step).touch()

    for word in ("run", "test", "check", "bench"):
        planned = _make(word, "--dry-run", folder=folder).stdout
        assert "install" not in planned


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
    return folder


def _program(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path
