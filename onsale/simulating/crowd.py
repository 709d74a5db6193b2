"""Let the crowd in, wait until it has gone, and audit what it left."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from time import monotonic

from onsale.settings import StartError
from onsale.simulating.api import Api, ServerGone, Unexpected, make_sure_it_answers
from onsale.simulating.audit import faults_of
from onsale.simulating.buyer import Buyer
from onsale.simulating.event import find_event
from onsale.simulating.gathering import compare_maps, gather
from onsale.simulating.rush import Rush
from onsale.simulating.tally import Tally
from onsale.simulating.watcher import Watcher


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for on the command line."""

    url: str
    slug: str | None
    buyers: int
    watchers: int
    seconds: float
    seed: int


@dataclass(slots=True)
class Outcome:
    """How it went."""

    rush: Rush
    watchers: list[Watcher]
    #: None: no audit was made.
    faults: list[str] | None = None
    why_no_audit: str = "it was broken off"
    #: Buyers of whom not everything could be compared.
    doubtful: int = 0

    @property
    def is_well(self) -> bool:
        """Whether there is nothing to say against the server."""
        return self.faults == [] and not self.rush.tally.unexpected

    @property
    def heard(self) -> list[str]:
        """What the subscribers have found wrong so far."""
        return [fault for watcher in self.watchers for fault in watcher.faults]


class Audience:
    """Whoever wants to see it: told what goes on. This one looks away."""

    def opens(self, outcome: Outcome) -> None:
        """Hear that the doors are about to open; the outcome becomes what it will be."""

    def left(self) -> None:
        """Hear that a buyer has gone home."""

    def audits(self, buyers: int) -> None:
        """Hear that everybody has, and that so many buyers' books are looked at."""

    def audited(self) -> None:
        """Hear that one buyer's were."""


async def simulate(plan: Plan, audience: Audience) -> Outcome:
    """Do it all. Raises StartError when it cannot begin."""
    tally = Tally()
    await make_sure_it_answers(plan.url)
    async with Api.at(plan.url, tally) as api:
        try:
            event = await find_event(api, plan.slug)
        except (Unexpected, ServerGone) as fault:
            raise StartError(f"{plan.url} is no onsale: {fault}") from None
        rush = Rush(api, event, tally, plan.seed, plan.seconds)
        watchers = [Watcher(plan.url, event, each, plan.seed) for each in range(plan.watchers)]
        crowd = [Buyer(rush, number) for number in range(plan.buyers)]
        outcome = Outcome(rush, watchers)
        audience.opens(outcome)
        with _ctrl_c_ends(rush):
            async with _following(watchers):
                await _let_in(crowd, audience)
                rush.left = monotonic()
                await _audit(outcome, crowd, audience)
    return outcome


async def _let_in(crowd: list[Buyer], audience: Audience) -> None:
    async def play(buyer: Buyer) -> None:
        await buyer.play()
        audience.left()

    async with asyncio.TaskGroup() as group:
        for buyer in crowd:
            group.create_task(play(buyer))


async def _audit(outcome: Outcome, crowd: list[Buyer], audience: Audience) -> None:
    rush = outcome.rush
    records = [buyer.record for buyer in crowd]
    if rush.gone is not None:
        outcome.why_no_audit = rush.gone
        return
    audience.audits(len(records))
    try:
        faults = await compare_maps(rush.api, rush.event, outcome.watchers)
        faults += faults_of(await gather(rush.api, rush.event, records, audience.audited))
    except (Unexpected, ServerGone) as fault:
        outcome.why_no_audit = str(fault)
    else:
        # Subscribers hear all the while: theirs are counted last.
        outcome.faults = outcome.heard + faults
        outcome.doubtful = sum(record.doubtful for record in records)


@asynccontextmanager
async def _following(watchers: list[Watcher]) -> AsyncIterator[None]:
    """Let them follow meanwhile. One that dies is a fault of ours, and ends it all loudly."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(watcher.follow()) for watcher in watchers]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


@contextmanager
def _ctrl_c_ends(rush: Rush) -> Iterator[None]:
    """Send everybody home at the first Ctrl-C; the second ends it all at once."""
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        rush.over.set()

    loop.add_signal_handler(signal.SIGINT, end)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
