"""The clients, audits and probes of this folder: programs for Node.js, run against a server."""

import asyncio
import functools
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
NODE = Path(sys.prefix) / "bin" / "node"
PROGRAM = FOLDER / "run.mjs"
SECONDS_MAX = 120.0

PASSED, FAILED, NOT_APPLICABLE = "passed", "failed", "not applicable"


@dataclass(frozen=True, slots=True)
class Check:
    """What became of one check of a suite."""

    name: str
    outcome: str
    why: str | None


Suite = dict[str, Check]


def what_is_missing() -> str | None:
    """Say what has to be set up before a program of this folder can run."""
    if not NODE.exists():
        return f"there is no {NODE}; make test installs it"
    if not (FOLDER / "node_modules" / ".package-lock.json").exists():  # npm writes it last.
        return f"{FOLDER / 'package.json'} is not installed; make test does it"
    return None


def names(suite: str) -> list[str]:
    """Name the checks of a suite, so that each can be a test."""
    missing = what_is_missing()
    return [f"not known, for {missing}"] if missing else _all_names()[suite]


@functools.cache
def _all_names() -> dict[str, list[str]]:
    told = subprocess.run([NODE, PROGRAM], check=True, capture_output=True, env=_environment())
    answer: dict[str, list[str]] = json.loads(told.stdout)
    return answer


async def ask(suite: str, **server: Any) -> Suite:
    """Run a suite against the server at `url`, or against the reference servers without one."""
    wanted = json.dumps({"suites": [suite], **server})
    program = await asyncio.create_subprocess_exec(
        NODE,
        PROGRAM,
        wanted,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
    )
    async with asyncio.timeout(SECONDS_MAX):
        told, logged = await program.communicate()
    assert program.returncode == 0, logged.decode()
    return {check["name"]: Check(**check) for check in json.loads(told)[suite]}


def _environment() -> dict[str, str]:
    """Give this process's environment, without words of the developer for Node.js."""
    return {name: value for name, value in os.environ.items() if name != "NODE_OPTIONS"}
