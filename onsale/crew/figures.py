"""Figures of all workers together: whoever of them is asked for `/metrics` tells of everybody.

Each worker keeps its own in a file that the others can read, as prometheus_client does it for
several processes. The files go by the worker's number, not by its process: whoever takes a dead
worker's place counts on where that one stopped, so that no sum ever falls.
"""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, multiprocess, values
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from onsale.settings import StartError

#: How prometheus_client is told of the folder; that there is one makes it count for several.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
#: Memory, where there is such a folder: a full disk would kill whoever counts in a mapped file.
MEMORY = Path("/dev/shm")  # noqa: S108 - what is in it is made by mkdtemp, for us alone.

#: Of these the library says no types.
_values: Any = values
_files: Any = multiprocess


@contextmanager
def figures_folder() -> Iterator[str]:
    """Make a folder for the figures of one crew; it is gone at its end. Raises StartError."""
    memory = str(MEMORY) if os.access(MEMORY, os.W_OK | os.X_OK) else None
    try:
        folder = tempfile.mkdtemp(prefix="onsale-figures-", dir=memory)
    except OSError as fault:
        raise StartError(f"Nowhere to keep the figures of /metrics: {fault.strerror}.") from None
    try:
        yield folder
    finally:
        remove_figures(folder)


def forget_gauges(folder: str, number: int) -> None:
    """Forget how things stood with a worker that has ended; what it has counted stays."""
    _files.mark_process_dead(number, folder)


def remove_figures(folder: str) -> None:
    """Remove the folder: for a leader at its end, or for workers whose leader has gone."""
    shutil.rmtree(folder, ignore_errors=True)


def count_as(number: int) -> None:
    """Count as the worker of that number. Call before any metric is made."""
    _values.ValueClass = _values.MultiProcessValue(process_identifier=lambda: number)


def of_all_workers(own: CollectorRegistry) -> CollectorRegistry:
    """Give the figures of the whole crew, or our own where there is none."""
    if FOLDER not in os.environ:
        return own
    together = CollectorRegistry()
    together.register(_Together(own, os.environ[FOLDER]))
    return together


class _Together(Collector):
    """The sum, told in the words of the figures that it is made of."""

    def __init__(self, own: CollectorRegistry, folder: str) -> None:
        self._words = {metric.name: metric.documentation for metric in own.collect()}
        self._all = _files.MultiProcessCollector(None, folder)

    def collect(self) -> Iterable[Metric]:
        """Read everybody's files."""
        for metric in self._all.collect():
            metric.documentation = self._words.get(metric.name, metric.documentation)
            yield metric
