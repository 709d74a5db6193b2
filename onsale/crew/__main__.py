"""Becomes a worker: `python -m onsale.crew NUMBER LIFELINE`, started by a leader.

LIFELINE is the number of an open file; see onsale/crew/lifeline.py.
"""
# ruff: noqa: PLC0415 - the figures have to know whose they are before anything counts.

import os
import sys

from onsale.crew.figures import FOLDER, count_as, remove_figures
from onsale.crew.lifeline import Lifeline
from onsale.ending import end_on_signals
from onsale.garbage import look_seldom
from onsale.settings import Settings, StartError


def main(number: int, lifeline: Lifeline) -> None:
    """Serve until told to end, or until there is no leader any more."""
    end_on_signals(is_meant=True)
    look_seldom()
    count_as(number)
    try:
        _serve(Settings.read(), lifeline)
    except StartError as fault:
        lifeline.say_refused(str(fault))  # The leader tells it, once for all of us.
        sys.exit(1)
    finally:
        if lifeline.is_broken:  # Nobody else is left to clean up.
            remove_figures(os.environ[FOLDER])


def _serve(settings: Settings, lifeline: Lifeline) -> None:
    from box_office import crash_points
    from onsale.door import join_door
    from onsale.serving import run_server

    crash_points.arm(settings.crash_at)
    with join_door(settings.host, settings.port) as door:
        run_server(settings, door, lifeline)


if __name__ == "__main__":
    main(int(sys.argv[1]), Lifeline(int(sys.argv[2])))
