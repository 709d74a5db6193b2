"""Background work ends when told to, whatever it does about that."""

import asyncio

import pytest

from subscriptions import tasks


async def test_a_task_whose_library_swallows_a_cancellation_ends_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As `asyncio.wait_for` does before Python 3.12, now and then."""
    monkeypatch.setattr(tasks, "CANCEL_AGAIN_SECONDS", 0.05)
    swallowed = 0

    async def go_on_forever() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed > 1:
                    raise

    running = tasks.Tasks()
    task = running.start(go_on_forever(), "Going on")
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await running.stop()

    assert task.cancelled()
    assert swallowed == 2
