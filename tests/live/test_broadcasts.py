"""One story told to many, over a board without a database: who is told what, and at whose cost."""

import asyncio
import gc
import json
import time
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from box_office.live import LiveDelta, LiveMessage, LiveSnapshot, LiveStale
from onsale.graphql import broadcast as broadcasts
from onsale.graphql.answers import Answer, Outcome, refused
from onsale.graphql.broadcast import Broadcast, StoryOver, Subscriber, Told
from onsale.graphql.errors import our_fault
from onsale.graphql.operation_log import Listener
from subscriptions.pace import Pace
from subscriptions.story import Story
from subscriptions.watch import DELTA_SEATS_MIN, EventWatch
from tests.given_time import eventually
from tests.live.boards_by_hand import a_change, a_row

SEATS = 2_000
#: What an execution gives that failed.
EMPTY = Answer(Outcome.EXECUTED, {"data": None, "errors": [our_fault("live-1")]})
TICK = 0.02


class Screen(Subscriber):
    """Shows what it is told, as a client does."""

    def __init__(self) -> None:
        super().__init__(Listener("Watch", "test", "request-1"))
        self.takes = True
        self.told: list[Told] = []
        self.version = -1
        self.failures = 0
        self.has_ended = False
        self.when_told: Callable[[], None] = lambda: None

    @property
    def is_taking(self) -> bool:
        return self.takes

    def tell(self, told: Told) -> None:
        assert not self.has_ended, "nothing comes after the end"
        self.told.append(told)
        self.when_told()
        if told.is_refusal:
            self.has_ended = True
            self.leave()
            return
        message = json.loads(told.payload)["data"]
        if message is None:
            self.failures += 1
            return
        assert message["from"] in {None, self.version}, "each delta fits what was told before"
        self.version = message["version"]

    def end(self) -> None:
        assert not self.has_ended
        self.has_ended = True
        self.when_told()


class Stage:
    """An event's watch, what is told of it, and a count of what that took."""

    def __init__(self) -> None:
        self.watch = EventWatch(a_row(bytes(SEATS)), Pace(tick=TICK))
        self.version = 0
        self.executed: list[LiveMessage] = []
        self.reached: list[int] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.fault: Answer | None = None
        self.has_ended = False
        self.broadcast = Broadcast(self._open, self._execute, "live-1", self._over)

    def change(self, *seats: int) -> None:
        """Commit one version."""
        self.version += 1
        states = dict.fromkeys(seats or (self.version % SEATS,), 1 + self.version % 2)
        self.watch.take(a_change(self.version, states))

    async def enter(self, count: int = 1, since_version: int | None = None) -> list[Screen]:
        screens = [Screen() for _ in range(count)]
        for screen in screens:
            if not self.broadcast.enter_at_once(screen, since_version):
                await self.broadcast.enter(screen, since_version)
        return screens

    async def tell(self, screens: list[Screen]) -> None:
        """Wait until all know all."""
        await eventually(lambda: all(screen.version == self.version for screen in screens))

    async def _open(self, listener: Callable[[], None]) -> Story:
        await self.gate.wait()
        return Story(self.watch, listener, self._reach)

    async def _reach(self, _watch: EventWatch, version: int) -> None:
        self.reached.append(version)
        await self.gate.wait()

    async def _execute(self, message: LiveMessage, request_id: str) -> Answer:
        assert request_id == f"live-1-{len(self.executed) + 1}"
        self.executed.append(message)
        if self.fault is not None:
            return self.fault
        match message:
            case LiveSnapshot(view=view):
                facts: dict[str, Any] = {"from": None, "version": view.version}
            case LiveDelta():
                facts = {"from": message.from_version, "version": message.version}
            case LiveStale():
                facts = {"from": message.version, "version": message.version}
        return Answer(Outcome.EXECUTED, {"data": facts})

    def fail_once(self) -> None:
        """Let the next execution fail, and no other."""
        execute = self.broadcast._execute

        async def fail(message: LiveMessage, request_id: str) -> Answer:
            self.broadcast._execute = execute
            await execute(message, request_id)
            return EMPTY

        self.broadcast._execute = fail

    def _over(self) -> None:
        assert not self.has_ended, "a broadcast ends once"
        self.has_ended = True


@asynccontextmanager
async def counted_turns() -> AsyncIterator[Callable[[], int]]:
    """Count how often the event loop gave others their turn."""
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    task = asyncio.create_task(take_turns())
    yield lambda: turns
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_each_message_is_executed_once_however_many_are_told() -> None:
    stage = Stage()
    screens = await stage.enter(300)
    await stage.tell(screens)

    for _ in range(3):
        stage.change()
        await stage.tell(screens)

    assert [type(message) for message in stage.executed] == [LiveSnapshot, *[LiveDelta] * 3]
    for n in range(4):
        assert len({id(screen.told[n]) for screen in screens}) == 1


async def test_who_comes_later_gets_the_snapshot_that_was_made_for_others() -> None:
    stage = Stage()
    await stage.tell(await stage.enter(3))
    await stage.tell(await stage.enter(3))

    assert len(stage.executed) == 1


async def test_who_resumes_gets_what_was_missed_and_from_then_on_what_all_get() -> None:
    stage = Stage()
    first = await stage.enter()
    await stage.tell(first)
    for _ in range(4):
        stage.change()
        await stage.tell(first)

    late = Screen()
    late.version = 2
    assert stage.broadcast.enter_at_once(late, 2)
    await stage.tell([late])
    stage.change()
    await stage.tell([*first, late])

    assert stage.reached == []
    assert late.told[-1] is first[0].told[-1]
    assert json.loads(late.told[0].payload)["data"] == {"from": 2, "version": 4}


async def test_who_misses_what_is_not_in_memory_waits_and_holds_up_nobody() -> None:
    stage = Stage()
    screens = await stage.enter()
    await stage.tell(screens)
    stage.gate.clear()

    resuming = asyncio.create_task(stage.enter(since_version=-7))
    await eventually(lambda: stage.reached == [-7])
    stage.change()
    await stage.tell(screens)
    stage.gate.set()

    await stage.tell(await resuming)


async def test_who_takes_nothing_is_left_out_and_told_all_of_it_as_one_later() -> None:
    stage = Stage()
    slow, quick = await stage.enter(2)
    await stage.tell([slow, quick])
    slow.takes = False
    for _ in range(5):
        stage.change()
        await stage.tell([quick])
    assert len(slow.told) == 1

    slow.takes = True
    slow.catch_up()

    await stage.tell([slow])
    assert len(slow.told) == 2


async def test_nothing_is_kept_of_what_was_told_before() -> None:
    stage = Stage()
    slow, quick = await stage.enter(2)
    await stage.tell([slow, quick])
    slow.takes = False
    for _ in range(8):
        stage.change()
        await stage.tell([quick])

    messages = [weakref.ref(message) for message in stage.executed]
    stage.executed.clear()
    gc.collect()

    assert sum(message() is not None for message in messages) <= 1


async def test_who_is_far_behind_gets_a_snapshot_that_is_shorter_than_the_delta() -> None:
    stage = Stage()
    behind, far_behind, quick = await stage.enter(3)
    await stage.tell([behind, far_behind, quick])
    far_behind.takes = behind.takes = False
    for seat in range(DELTA_SEATS_MIN):
        stage.change(seat)
    await stage.tell([quick])

    behind.takes = True
    behind.catch_up()
    await stage.tell([behind])
    stage.change(SEATS - 1)
    await stage.tell([quick])
    far_behind.takes = True
    far_behind.catch_up()
    await stage.tell([far_behind])

    kinds = [json.loads(screen.told[1].payload)["data"]["from"] for screen in (behind, far_behind)]
    assert kinds == [0, None]


async def test_a_pass_through_all_gives_requests_their_turns() -> None:
    stage = Stage()
    screens = await stage.enter(1_000)
    await stage.tell(screens)

    told_at: list[int] = []
    async with counted_turns() as turns:
        for screen in screens:
            screen.when_told = lambda: told_at.append(turns())
        stage.change()
        await stage.tell(screens)

    assert told_at[-1] - told_at[0] >= (1_000 - 1) // broadcasts.GROUP_SUBSCRIBERS


async def test_many_at_different_places_do_not_make_the_loop_stand_still() -> None:
    stage = Stage()
    screens = await stage.enter(200)
    await stage.tell(screens)
    stage.watch._pace = Pace(tick=0)
    for screen in screens:  # Each is left alone at a version of its own.
        screen.takes = False
        stage.change(0)
        stage.watch.tick()
        await stage.tell([other for other in screens if other.takes][:1])
    executed = len(stage.executed)

    async with counted_turns() as turns:
        for screen in screens:
            screen.takes = True
            screen.catch_up()
        await stage.tell(screens)
        count = turns()

    assert len(stage.executed) - executed >= 190
    assert count >= len(stage.executed) - executed


async def test_who_is_new_is_told_soon_even_if_passes_never_end() -> None:
    stage = Stage()
    crowd = await stage.enter(1_500)
    await stage.tell(crowd)
    is_over = False

    def take_long() -> None:
        """A pass through all takes several ticks, and at each of these there is news."""
        began = time.perf_counter()
        while time.perf_counter() - began < 5 * TICK / len(crowd):
            pass

    async def go_on_changing() -> None:
        while not is_over:
            stage.change()
            await asyncio.sleep(TICK / 2)

    for screen in crowd:
        screen.when_told = take_long
    changing = asyncio.create_task(go_on_changing())
    await asyncio.sleep(3 * TICK)
    [new] = await stage.enter()
    told = [len(screen.told) for screen in crowd]
    await eventually(lambda: bool(new.told), 2)
    passed = sum(len(screen.told) - before for screen, before in zip(crowd, told, strict=True))
    is_over = True
    await changing

    assert passed <= 3 * broadcasts.GROUP_SUBSCRIBERS, "it waited for more than the next group"


async def test_when_the_event_is_withdrawn_all_are_sent_away_a_group_at_a_time() -> None:
    stage = Stage()
    screens = await stage.enter(700)
    await stage.tell(screens)

    ended_at: list[int] = []
    async with counted_turns() as turns:
        for screen in screens:
            screen.when_told = lambda: ended_at.append(turns())
        stage.watch.close()
        await eventually(lambda: all(screen.has_ended for screen in screens))

    assert ended_at[-1] - ended_at[0] >= (700 - 1) // broadcasts.GROUP_SUBSCRIBERS
    assert stage.has_ended
    assert stage.watch.followers == 0


async def test_a_story_is_followed_once_and_left_with_its_last_listener() -> None:
    stage = Stage()
    before = asyncio.all_tasks()
    screens = await stage.enter(5)
    assert stage.watch.followers == 1

    for screen in screens:
        assert not stage.has_ended
        screen.leave()
        screen.leave()
    stage.change()

    assert stage.has_ended
    assert stage.watch.followers == 0
    await eventually(lambda: asyncio.all_tasks() <= before)
    assert all(len(screen.told) <= 1 for screen in screens)


async def test_who_leaves_within_a_pass_is_told_no_more() -> None:
    stage = Stage()
    first, second, third = await stage.enter(3)
    await stage.tell([first, second, third])
    first.when_told = second.leave

    stage.change()
    await stage.tell([first, third])

    assert len(second.told) == 1


@pytest.mark.parametrize("moment", ["opening", "opened"])
async def test_if_all_give_up_while_the_story_is_opened_nobody_follows_it(moment: str) -> None:
    stage = Stage()
    stage.gate.clear()
    entering = [asyncio.create_task(stage.enter()) for _ in range(3)]
    await asyncio.sleep(0.01)

    if moment == "opened":
        stage.gate.set()
        await asyncio.sleep(0)
    for task in entering:
        task.cancel()
    await asyncio.gather(*entering, return_exceptions=True)
    await asyncio.sleep(0.01)

    assert stage.has_ended
    assert stage.watch.followers == 0


async def test_one_who_gives_up_while_the_story_is_opened_stops_nobody() -> None:
    stage = Stage()
    stage.gate.clear()
    impatient, patient = [asyncio.create_task(stage.enter()) for _ in range(2)]
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.sleep(0)

    stage.gate.set()

    await stage.tell(await patient)


async def test_nobody_enters_a_story_that_has_ended_meanwhile() -> None:
    stage = Stage()
    screens = await stage.enter()
    await stage.tell(screens)
    stage.gate.clear()
    late = asyncio.create_task(stage.enter(since_version=-7))
    await eventually(lambda: bool(stage.reached))

    stage.watch.close()
    await eventually(lambda: screens[0].has_ended)
    stage.gate.set()

    with pytest.raises(StoryOver):
        await late


async def test_a_fault_of_ours_ends_it_for_all_who_would_have_been_told() -> None:
    stage = Stage()
    screens = await stage.enter(3)
    await stage.tell(screens)

    stage.fault = refused([our_fault("live-1-2")])
    stage.change()
    await eventually(lambda: all(screen.has_ended for screen in screens))

    assert len(stage.executed) == 2
    assert stage.watch.followers == 0


async def test_who_could_not_be_told_of_a_change_gets_all_seats_next() -> None:
    stage = Stage()
    screens = await stage.enter(3)
    await stage.tell(screens)

    stage.fail_once()
    stage.change()
    await stage.tell(screens)
    stage.change()
    await stage.tell(screens)

    kinds = [type(message) for message in stage.executed]
    assert kinds == [LiveSnapshot, LiveDelta, LiveSnapshot, LiveDelta]
    assert [screen.failures for screen in screens] == [1, 1, 1]


async def test_who_could_not_be_told_the_seats_gets_them_when_something_changes() -> None:
    stage = Stage()
    stage.fail_once()
    screens = await stage.enter(3)
    await eventually(lambda: all(screen.failures for screen in screens))

    stage.change()
    await stage.tell(screens)

    assert [type(message) for message in stage.executed] == [LiveSnapshot, LiveSnapshot]


async def test_a_failure_is_told_to_newcomers_for_a_moment_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(broadcasts, "FAILURE_SECONDS", 0.1)
    stage = Stage()
    stage.fail_once()
    first = await stage.enter(3)
    await eventually(lambda: all(screen.failures for screen in first))
    assert len(stage.executed) == 1

    await asyncio.sleep(0.2)
    await stage.tell(await stage.enter())

    assert len(stage.executed) == 2


async def test_a_subscription_that_always_fails_does_not_run_on_and_on() -> None:
    stage = Stage()
    stage.fault = EMPTY
    screens = await stage.enter(3)
    await eventually(lambda: all(screen.failures for screen in screens))

    stage.change()
    await eventually(lambda: all(screen.failures == 2 for screen in screens))
    await asyncio.sleep(5 * TICK)

    assert [type(message) for message in stage.executed] == [LiveSnapshot, LiveSnapshot]


async def test_an_execution_that_takes_too_long_has_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(broadcasts, "EXECUTION_SECONDS_MAX", 0.05)

    async def never() -> Any:
        await asyncio.Event().wait()

    answer = await broadcasts.answered(never, "live-1-1")

    assert answer.outcome is Outcome.EXECUTED
    assert answer.payload["data"] is None
    assert answer.errors[0]["extensions"]["code"] == "INTERNAL_ERROR"


async def test_who_comes_in_a_stale_time_is_told_the_seats_and_that_they_may_be_old() -> None:
    stage = Stage()
    (early,) = await stage.enter()
    await stage.tell([early])
    stage.watch.go_stale(datetime.now(UTC))
    await eventually(lambda: len(early.told) == 2)

    (screen,) = await stage.enter()
    await eventually(lambda: len(screen.told) == 2)

    first, second = screen.told
    assert json.loads(first.payload)["data"]["from"] is None, "all seats"
    assert second is early.told[1], "the word that they may be old"


async def test_what_was_encoded_is_kept_for_so_many_who_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(broadcasts, "TOLD_MAX", 2)
    stage = Stage()
    (screen,) = await stage.enter()
    for _ in range(4):
        stage.change()
        await stage.tell([screen])

    for version in range(4):
        comes_back = Screen()
        comes_back.version = version
        await stage.broadcast.enter(comes_back, version)
        await stage.tell([comes_back])

    assert len(stage.broadcast._told) == 2


async def test_a_stale_time_is_told_once_and_ended_by_a_delta() -> None:
    stage = Stage()
    screens = await stage.enter(40)
    await stage.tell(screens)

    stage.watch.go_stale(datetime.now(UTC))
    await eventually(lambda: all(len(screen.told) == 2 for screen in screens))
    stage.watch.end_stale()
    await eventually(lambda: all(len(screen.told) == 3 for screen in screens))

    assert [type(message) for message in stage.executed] == [LiveSnapshot, LiveStale, LiveDelta]
