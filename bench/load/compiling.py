"""Programs in C, compiled on the spot."""

import os
import subprocess
from pathlib import Path
from shutil import which

from bench.processes import BenchError


def compiled(source: Path, folder: Path) -> Path:
    """Compile a program into a folder. Raises BenchError without a compiler, or when it refuses."""
    compiler = os.environ.get("CC") or which("cc") or which("gcc") or which("clang")
    if compiler is None:
        raise BenchError(
            "There is no C compiler, and the load programs are in C: install one (Debian, Ubuntu:"
            " apt install gcc), or name it in CC."
        )
    program = folder / source.stem
    answer = subprocess.run(  # noqa: S603 - our own programs.
        [compiler, "-O2", "-o", str(program), str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        raise BenchError(f"{source.name} could not be compiled:\n{answer.stderr}")
    return program
