"""Run the tests: `python -m tests`, with any words for pytest; without, all of them, in two lanes.

What failed while the machine was given to others has shown nothing about onsale. It is tried
again, by itself, and told. Whatever failed on a machine that was ours has failed.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from tests.withheld import NOTE

TURNS_MAX = 3
#: The worst few seconds around a failure: of the time that was wanted, this much went to others.
SHARE_MAX = 0.25
SOME_FAILED = 1
#: One for what is crowded, one for the rest: tests.lanes.
ALL = ("--numprocesses", "2")
ONE_BY_ONE = ("--numprocesses", "0")


def main(words: list[str]) -> int:
    """Give pytest's exit code: that of the last turn."""
    with TemporaryDirectory(prefix="onsale-failed-") as folder:
        note = Path(folder) / "failed.json"
        for turn in range(1, TURNS_MAX + 1):
            code = run([*words, *(ONE_BY_ONE if note.exists() else ())], note)
            failed: dict[str, float] = json.loads(note.read_text()) if note.exists() else {}
            if code != SOME_FAILED or min(failed.values(), default=0) < SHARE_MAX:
                break
            tell(failed, is_last=turn == TURNS_MAX)
    return code


def run(words: list[str], note: Path) -> int:
    """Run pytest: on all that the words name or, if there is a note, on what that one names."""
    command = [sys.executable, "-m", "pytest", "-p", "tests.withheld", *words]
    return subprocess.run(command, check=False, env={**os.environ, NOTE: str(note)}).returncode


def tell(failed: dict[str, float], *, is_last: bool) -> None:
    """Say what failed under which conditions, and what becomes of it."""
    then = f"{TURNS_MAX} turns are enough" if is_last else "trying again"
    heading = f"{len(failed)} failed while this machine was given to others; {then}:"
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"\n{heading}", style="bold")
    for test, share in sorted(failed.items()):
        console.print(f"  {share:4.0%} withheld: {test}", markup=False)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:] or list(ALL)))
