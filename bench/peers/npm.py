"""The servers in JavaScript: installed as their lock says, into `node_modules` beside it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from bench.processes import BenchError

FOLDER = Path(__file__).parent
NAMES = ("mercurius", "graphql-yoga")
INSTALLED = FOLDER / "node_modules" / ".package-lock.json"
BIN = Path(sys.prefix) / "bin"


def _program(name: str) -> Path:
    """Prefer the one that the Makefile has put into .venv; the machine's own is as good."""
    return BIN / name if (BIN / name).exists() else Path(name)


NODE, NPM = _program("node"), _program("npm")
NPM_CI = [str(NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]


def versions() -> list[str]:
    """Name what is installed, and by what it runs."""
    packages = json.loads((FOLDER / "package-lock.json").read_text())["packages"]
    names = [f"{name} {packages[f'node_modules/{name}']['version']}" for name in NAMES]
    try:
        node = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    except FileNotFoundError:
        return names
    return [*names, f"Node.js {node.stdout.strip().removeprefix('v')}"]


def installed_peers(say: Callable[[str], None]) -> None:
    """Install them when the lock has changed since. Raises BenchError when that cannot be done."""
    lock = FOLDER / "package-lock.json"
    if INSTALLED.exists() and INSTALLED.stat().st_mtime >= lock.stat().st_mtime:
        return
    say("Installing Mercurius and GraphQL Yoga")
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    try:
        answer = subprocess.run(  # noqa: S603 - our own words.
            NPM_CI, cwd=FOLDER, env={**os.environ, "PATH": path}, check=False
        )
    except FileNotFoundError:
        raise BenchError("There is no npm, which Mercurius and Yoga come by.") from None
    if answer.returncode:
        raise BenchError("Mercurius and Yoga could not be installed; npm says why, above.")
    INSTALLED.touch()
