"""The simulation's own tools: time that jumps, and replacements that fail loudly."""

import asyncio

import pytest

from subscriptions.board import SeatBoard
from tests.live.simulation import virtual_time
from tests.live.simulation.limits import replaced


def test_an_hour_passes_at_once_and_in_order() -> None:
    async def hour() -> list[float]:
        loop = asyncio.get_running_loop()
        rings: list[float] = []
        for seconds in (3600.0, 0.25, 60.0):
            loop.call_later(seconds, lambda: rings.append(loop.time()))
        await asyncio.sleep(3600.5)
        return rings

    assert virtual_time.run(hour()) == [0.25, 60.0, 3600.0]


def test_waiting_for_what_never_happens_is_an_error_and_not_forever() -> None:
    async def forever() -> None:
        await asyncio.Event().wait()

    work = forever()
    with pytest.raises(virtual_time.NothingWillEverHappenError):
        virtual_time.run(work)


def test_replacing_what_is_no_more_fails() -> None:
    with (
        pytest.raises(AssertionError, match="gone is no more"),
        replaced(SeatBoard, "gone", None),
    ):
        pass
