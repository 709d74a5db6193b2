"""Libraries of ours that a program is started with, so that its clock or its disk may go wrong."""

import mmap
import os
import shutil
import struct
import subprocess
from pathlib import Path

SOURCES = Path(__file__).with_name("preloads")
#: `struct told` of preloads/told.h: microseconds, and how often the preload did anything.
TOLD = struct.Struct("@qq")


class Preload:
    """One library, compiled here and now, and what it is told while the program runs."""

    def __init__(self, name: str, folder: Path) -> None:
        self._library = folder / f"{name}.so"
        self._told_at = folder / f"{name}.told"
        self._told_at.write_bytes(bytes(mmap.PAGESIZE))
        for made in (_compiled(SOURCES / f"{name}.c", self._library), self._told_at):
            made.chmod(0o777)  # PostgreSQL may run as somebody else.
        with self._told_at.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), mmap.PAGESIZE)

    @property
    def environment(self) -> dict[str, str]:
        """What the program needs in its environment."""
        return {"LD_PRELOAD": str(self._library), "FAULTS_TOLD": str(self._told_at)}

    def tell(self, seconds: float) -> None:
        """Say how far, or how slow; it holds from the next call on."""
        self._page[:8] = struct.pack("@q", round(seconds * 1_000_000))

    @property
    def times(self) -> int:
        """How often the program met it."""
        times: int = TOLD.unpack_from(self._page)[1]
        return times


def _compiled(source: Path, library: Path) -> Path:
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    assert compiler, "these tests need a C compiler (gcc): they break PostgreSQL's clock and disk"
    words = ["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run([compiler, *words, "-o", library, source], check=True)
    return library
