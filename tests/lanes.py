"""A plugin for pytest-xdist: who runs what, where tests run side by side.

What a whole crowd or many servers take part in keeps a core and more busy, and is asked how long
it took: such tests run one after the other. Beside them, a file at a time, run all others, which
wait for answers more than they work.
"""

from typing import Any

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling  # type: ignore[import-untyped]

CROWDED = ("tests/crashes/", "tests/faults/", "tests/machines/", "tests/races/")


class Lanes(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types.
    """Hands out all that is crowded as one piece, and first; the rest by the file."""

    def _split_scope(self, nodeid: str) -> str:
        return "crowded" if nodeid.startswith(CROWDED) else nodeid.partition("::")[0]


class Scheduler:
    """Only where xdist is at work: whoever runs a single test waits for no other process."""

    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Lanes:
        """Give xdist our way to share the work out."""
        return Lanes(config, log)


def pytest_configure(config: pytest.Config) -> None:
    """Join in where there are several processes."""
    if config.pluginmanager.has_plugin("dsession"):
        config.option.loadscopereorder = False  # The longest piece comes first as it is.
        config.pluginmanager.register(Scheduler())
