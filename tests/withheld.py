"""A plugin for pytest: notes what failed, and whether the machine was given to others meanwhile."""

import json
import os
import time
from collections import deque
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.given_time import Moment

#: Names the file to write down what failed in; what it names already is all that is run.
NOTE = "TESTS_FAILED"
#: A test breaks down over what happened in the test before it, too.
LOOKED_BACK_SECONDS = 60.0
SAMPLE_SECONDS = 1.0
#: How long others must have been at it for a limit of a few seconds to be missed.
SPELL_SAMPLES = 5


class Watch:
    """Looks once a second how much is withheld, and says how bad the worst spell was."""

    def __init__(self) -> None:
        self._samples: deque[Moment] = deque(maxlen=3_600)
        self._over = Event()
        Thread(target=self._look, daemon=True, name="withheld").start()

    def _look(self) -> None:
        while True:
            self._samples.append(Moment.now())
            if self._over.wait(SAMPLE_SECONDS):
                return

    def worst(self, seconds: float) -> float:
        """What share was withheld in the worst spell of the last so many seconds."""
        began = time.monotonic() - seconds
        samples = [sample for sample in tuple(self._samples) if sample.seconds >= began]
        spells = zip(samples, samples[SPELL_SAMPLES:], strict=False)
        return max((begin.withheld(end) for begin, end in spells), default=0.0)

    def end(self) -> None:
        """Look no more."""
        self._over.set()


class Notes:
    """What failed, each with the share that was withheld around it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._again: dict[str, float] = json.loads(file.read_text()) if file.exists() else {}
        self._failed: dict[str, float] = {}
        self._watch = Watch()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Run again what failed, and nothing else."""
        if self._again:
            items[:] = [item for item in items if item.nodeid in self._again]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what failed: preparing it, running it, or clearing up after it."""
        if report.failed:
            seconds = time.time() - report.start + LOOKED_BACK_SECONDS
            self._failed[report.nodeid] = self._watch.worst(seconds)

    def pytest_sessionfinish(self) -> None:
        """Write it down."""
        self._watch.end()
        self._file.write_text(json.dumps(self._failed))


def pytest_configure(config: pytest.Config) -> None:
    """Take notes where somebody wants to read them."""
    if note := os.environ.get(NOTE):
        config.pluginmanager.register(Notes(Path(note)))
