"""How long a server takes from its start to "ready": `python -m bench.startup [STARTS]`.

PostgreSQL and Valkey run already, or are started by it ("with its own services"; they hold the
demo). The least of several starts counts: the machine adds to them and never takes from them.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory

from bench.processes import END_SECONDS_MAX, ROOT, BenchError, cpu_seconds

STARTS = 5
READY = "onsale is ready"


@dataclass(frozen=True, slots=True, order=True)
class Start:
    """What one start took, in seconds: by the clock, and of this process's CPU alone."""

    seconds: float
    cpu_seconds: float


def main(starts: int = STARTS) -> None:
    """Measure, and print a line for each way to start."""
    with TemporaryDirectory(prefix="onsale-bench-") as folder:
        own = environment(folder)
        with started(own, "--demo"):
            tell("server, its services running", [once(own) for _ in range(starts)])
            two = own | {"ONSALE_WORKERS": "2"}
            tell("two workers, their services running", [once(two) for _ in range(starts)])
        warm = [once(own, "--demo") for _ in range(starts)]
        tell("with its own services (make run, not the first)", warm)


def environment(folder: str) -> dict[str, str]:
    """Give what a server is started with: data of its own, any port, nothing of the developer's."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("ONSALE_")}
    for name in ("DATABASE_URL", "REDIS_URL"):
        kept.pop(name, None)
    return kept | {"ONSALE_DATA_DIR": folder, "ONSALE_PORT": "0", "NO_COLOR": "1"}


def once(variables: Mapping[str, str], *words: str) -> Start:
    """Start a server, and end it as soon as it is ready."""
    with started(variables, *words) as start:
        return start


@contextmanager
def started(variables: Mapping[str, str], *words: str) -> Iterator[Start]:
    """Run a server until the block ends; gives what its start has taken. Raises BenchError."""
    began = time.perf_counter()
    with subprocess.Popen(  # noqa: S603 - our own program.
        [sys.executable, "-m", "onsale", "serve", *words],
        env=variables,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout is not None, "it is a pipe"
        try:
            if not any(READY in line for line in server.stdout):
                raise BenchError("The server did not become ready.")
            yield Start(time.perf_counter() - began, cpu_seconds(server.pid))
        finally:
            server.terminate()
            server.wait(END_SECONDS_MAX)


def tell(what: str, starts: list[Start]) -> None:
    """Print the least, beside all."""
    best = min(starts)
    cpu = min(start.cpu_seconds for start in starts)
    every = " ".join(f"{start.seconds:.2f}" for start in starts)
    print(f"{what}: {best.seconds:.2f} s, {cpu:.2f} s of CPU (all: {every})")  # noqa: T201 - the answer.


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
