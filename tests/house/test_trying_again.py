"""What failed while the machine was given to others is tried again, and nothing else is."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import given_time
from tests.given_time import Moment, eventually
from tests.house.programs import ROOT, environment

CONFTEST = """
from pathlib import Path
from tests import given_time, withheld
withheld.SAMPLE_SECONDS = 0.01
given_time._COUNTED = Path(__file__).with_name("stat")
"""
#: Fails when it is tried first, while others take so much of each tenth of a second.
TESTS = """
import time
from pathlib import Path
HERE = Path(__file__).parent

def test_fails_once():
    tries = HERE / "tries"
    tries.touch()
    tries.write_text(tries.read_text() + "I")
    for turn in range(20):
        ours, theirs = turn * (10 - {stolen}), turn * {stolen}
        (HERE / "new").write_text(f"cpu  {{ours}} 0 0 7 7 0 0 {{theirs}} 0 0\\n")
        (HERE / "new").rename(HERE / "stat")
        time.sleep(0.02)
    assert tries.read_text() == "II"

def test_passes():
    pass
"""


NO_CACHE = ("-p", "no:cacheprovider")


def tried(folder: Path, stolen: int) -> tuple[int, str, str]:
    """Run the tests above; gives the exit code, how often the one was tried, and what was said."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(TESTS.format(stolen=stolen))
    ended = subprocess.run(
        [sys.executable, "-m", "tests", str(folder), f"--rootdir={folder}", *NO_CACHE],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment(),
        check=False,
    )
    return ended.returncode, (folder / "tries").read_text(), ended.stdout + ended.stderr


def test_what_failed_while_others_had_the_machine_is_tried_again_by_itself(tmp_path: Path) -> None:
    code, tries, said = tried(tmp_path, stolen=8)

    assert (code, tries) == (0, "II")
    assert "1 failed while this machine was given to others; trying again:" in said
    assert re.search(r"\d\d% withheld: test_it.py::test_fails_once", said)
    assert "1 failed, 1 passed" in said
    assert any(line.strip("= ").startswith("1 passed in ") for line in said.splitlines())


def test_what_failed_on_a_machine_of_ours_has_failed(tmp_path: Path) -> None:
    code, tries, said = tried(tmp_path, stolen=1)

    assert (code, tries) == (1, "I")
    assert "withheld" not in said


def test_what_others_took_is_a_share_of_what_was_wanted() -> None:
    began = Moment(100.0, wanted=50, stolen=10)

    assert began.withheld(Moment(110.0, wanted=250, stolen=60)) == 0.25
    assert began.withheld(began) == 0


def count(folder: Path, wanted: int, stolen: int) -> None:
    """At once, as the kernel does: whoever watches this very run looks once a second, too."""
    written = folder / "written"
    written.write_text(f"cpu  {wanted - stolen} 0 0 99 99 0 0 {stolen} 0 0\ncpu0 1\n")
    written.replace(folder / "stat")


@pytest.mark.parametrize(("stolen", "waits"), [(0, False), (99, True)])
async def test_waiting_does_not_count_what_others_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stolen: int, waits: bool
) -> None:
    monkeypatch.setattr(given_time, "_COUNTED", tmp_path / "stat")
    count(tmp_path, 0, 0)
    asked = 0

    def at_the_hundredth_time() -> bool:
        nonlocal asked
        asked += 1
        count(tmp_path, 100 * asked, stolen * asked)
        return asked == 100

    if waits:
        await eventually(at_the_hundredth_time, seconds=0.25)
    else:
        with pytest.raises(AssertionError, match="in time"):
            await eventually(at_the_hundredth_time, seconds=0.25)


def test_where_nobody_counts_all_time_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(given_time, "_COUNTED", tmp_path / "none")

    assert Moment.now().withheld(Moment.now()) == 0
