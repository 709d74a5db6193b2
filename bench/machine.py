"""What the figures were taken on: without it they mean nothing."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from sysconfig import get_config_var
from typing import Any

from bench.processes import ROOT, BenchError

PACKAGES = ("strawberry-graphql", "graphql-core", "starlette", "uvicorn", "sqlmodel", "asyncpg")
KIB_A_GIB = 1024 * 1024


def require_proc() -> None:
    """Raise BenchError where CPU cannot be measured."""
    if not Path("/proc/self/stat").exists():
        raise BenchError("CPU is read from /proc, so the bench needs Linux.")


def describe_machine(data_folder: Path) -> dict[str, Any]:
    """Tell cores, memory, versions, and how busy the machine was."""
    return {
        "cpu": _first("/proc/cpuinfo", "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(int(_first("/proc/meminfo", "MemTotal").split()[0]) / KIB_A_GIB, 1),
        "kernel": platform.release(),
        "data_on": _file_system_of(data_folder),
        "load_average_before": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version() + _unoptimised(),
        "packages": {package: version(package) for package in PACKAGES},
        "commit": _commit(),
    }


def _unoptimised() -> str:
    """Say so when this Python was not told to optimise itself: it may be a third slower.

    Debian's was not, but is optimised by other means.
    """
    asked = "--enable-optimizations"
    options = str(get_config_var("CONFIG_ARGS") or asked)
    return "" if asked in options else f" (configured without {asked})"


def _first(file: str, name: str) -> str:
    """Find the first `name: value` in a file of the kernel."""
    for line in Path(file).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "0 (unknown)"


def _file_system_of(folder: Path) -> str:
    """Name the kind of file system; on tmpfs an fsync costs nothing."""
    mounts = (line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines())
    holding = [(point, kind) for point, kind in mounts if folder.resolve().is_relative_to(point)]
    return max(holding, key=lambda mount: len(mount[0]), default=("", "unknown"))[1]


def _commit() -> str:
    """Name the commit that was measured; with a + when the files differ from it."""
    answer = subprocess.run(
        ["git", "describe", "--always", "--dirty=+"],  # noqa: S607 - whichever git there is.
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip() or "none"
