"""Our own commands as processes, as a person would start them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep
from typing import Any

ROOT = Path(__file__).parents[2]
SECONDS_MAX = 60.0

#: Holds the servers of a data folder until it is killed or told to end.
KEEPER = """
import sys, time
from pathlib import Path
from onsale.embedded import keep_services
with keep_services(Path(sys.argv[1]), durable=False):
    print("up", flush=True)
    sys.stdin.read()
"""


def environment(**variables: str) -> dict[str, str]:
    """The environment of a command: nothing of the developer's settings, and what is given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ONSALE_")}
    return {**kept, "NO_COLOR": "1", "COLUMNS": "120", **variables}


def start_keeper(folder: Path) -> subprocess.Popen[str]:
    """Start a process that keeps this folder's servers, and wait until they run."""
    keeper = subprocess.Popen(
        [sys.executable, "-c", KEEPER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(),
    )
    assert keeper.stdout is not None
    assert keeper.stdout.readline() == "up\n"
    return keeper


def end_keeper(keeper: subprocess.Popen[str]) -> None:
    """Let it end by itself."""
    keeper.communicate("", timeout=SECONDS_MAX)


def onsale(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m onsale …` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "onsale", *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment(**variables),
        timeout=SECONDS_MAX,
        check=False,
    )


def pids_of(folder: Path) -> list[int]:
    """The numbers of the servers a folder's keeper has written down."""
    noted: dict[str, Any] = json.loads((folder / "services.json").read_text())
    postmaster = (folder / "postgres" / "postmaster.pid").read_text().splitlines()[0]
    return [int(postmaster), *filter(None, [noted["valkey_pid"]])]


def wait_until_gone(pids: list[int]) -> bool:
    """Whether all these processes end, soon."""
    deadline = monotonic() + 10
    while monotonic() < deadline:
        if not any(Path(f"/proc/{pid}").exists() and not _is_zombie(pid) for pid in pids):
            return True
        sleep(0.02)
    return False


def _is_zombie(pid: int) -> bool:
    """Ended, and nobody has asked for its result yet: in a container without an init, for ever."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
