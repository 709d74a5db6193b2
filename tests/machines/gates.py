"""Every call of the provider stops at two gates: before it takes effect, and before its answer.

Work that asks the provider goes on only when it is let through, so one piece of it moves at a time,
and any order in which the pieces may move is one that the machine can choose, and repeat.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from box_office.box_office import BoxOffice
from box_office.providers import (
    ActionRequired,
    Authorisation,
    Authorised,
    Charge,
    ChargeState,
    Declined,
    Hint,
    PaymentProvider,
    ProviderUnreachable,
    Standing,
)
from onsale.payments.pretend.adapter import ProviderMisused

Told = TypeVar("Told")
#: No step of ours takes as long on the slowest machine; who waits longer waits for ever.
STUCK_SECONDS = 60.0


class Place(StrEnum):
    """Where work may be held: the call, and whether the request or its answer is on the way."""

    AUTHORISE = "authorise"
    AUTHORISE_ANSWERED = "authorise answered"
    LOOK_UP = "look up"
    LOOK_UP_ANSWERED = "look up answered"
    CAPTURE = "capture"
    CAPTURE_ANSWERED = "capture answered"
    VOID = "void"
    VOID_ANSWERED = "void answered"
    REFUND = "refund"
    REFUND_ANSWERED = "refund answered"

    @property
    def is_answer(self) -> bool:
        """Whether the provider has done it already."""
        return self.value.endswith("answered")


@dataclass(eq=False, slots=True)
class Gate:
    """Somebody's request to the provider, or its answer, held on its way."""

    place: Place
    task: "asyncio.Task[Any]"
    #: The payment's id, or its reference at the provider.
    subject: str
    request: Callable[[], Awaitable[Any]]
    #: Set to go on; True: nothing arrives, and whoever waits gets no answer.
    opened: "asyncio.Future[bool]"

    async def arrive(self) -> None:
        """Have the provider do what was asked, when nobody waits for the answer any more."""
        with suppress(ProviderUnreachable, ProviderMisused):
            await self.request()


@dataclass(slots=True)
class GatedProvider:
    """A provider behind gates."""

    inner: PaymentProvider
    name: str = "pretend"
    gates: list[Gate] = field(default_factory=list)
    #: What each piece of work was told last, and who was ever told nothing.
    told: dict["asyncio.Task[Any]", Any] = field(default_factory=dict)
    unanswered: set["asyncio.Task[Any]"] = field(default_factory=set)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def authorise(self, charge: Charge) -> Authorisation:
        return await self._through(
            Place.AUTHORISE, str(charge.payment_id), lambda: self.inner.authorise(charge)
        )

    async def look_up(self, payment_id: UUID) -> Standing:
        return await self._through(
            Place.LOOK_UP, str(payment_id), lambda: self.inner.look_up(payment_id)
        )

    async def capture(self, reference: str) -> Declined | None:
        return await self._through(Place.CAPTURE, reference, lambda: self.inner.capture(reference))

    async def void(self, payment_id: UUID) -> Standing:
        return await self._through(Place.VOID, str(payment_id), lambda: self.inner.void(payment_id))

    async def refund(self, reference: str) -> None:
        return await self._through(Place.REFUND, reference, lambda: self.inner.refund(reference))

    async def changed_since(self, moment: datetime) -> list[UUID]:
        return await self.inner.changed_since(moment)

    def read_hint(self, headers: Mapping[str, str], body: bytes) -> Hint | None:
        return self.inner.read_hint(headers, body)

    async def _through(
        self, place: Place, subject: str, ask: Callable[[], Awaitable[Told]]
    ) -> Told:
        task = asyncio.current_task()
        assert task is not None
        await self._stop(Gate(place, task, subject, ask, new_future()))
        fault: Exception | None = None
        told: Told | None = None
        try:
            told = await ask()
        except ProviderUnreachable as silence:
            self.unanswered.add(task)
            fault = silence
        except Exception as misuse:  # noqa: BLE001 - it is raised where the answer would be.
            fault = misuse
        answered = Place(f"{place} answered")
        await self._stop(Gate(answered, task, subject, ask, new_future()))
        if fault is not None:
            raise fault
        self.told[task] = told
        return told  # type: ignore[return-value] # It was told, or a fault was raised.

    async def _stop(self, gate: Gate) -> None:
        self.gates.append(gate)
        self.arrived.set()
        try:
            is_lost = await gate.opened
        finally:
            self.gates.remove(gate)
        if is_lost:
            self.unanswered.add(gate.task)
            raise ProviderUnreachable("Nothing arrives.")


def new_future() -> "asyncio.Future[Any]":
    """Make one of this loop."""
    return asyncio.get_running_loop().create_future()


def state_told(told: Any) -> ChargeState | None:
    """Read where a charge stands from what a call was told; None: that does not say."""
    match told:
        case Standing(state=state):
            return state
        case Authorised():
            return ChargeState.AUTHORISED
        case ActionRequired():
            return ChargeState.ACTION_REQUIRED
        case Declined():
            return ChargeState.DECLINED
        case _:
            return None


@dataclass(eq=False, slots=True)
class Work:
    """What somebody asked the box office to do, and the tasks it has become."""

    #: Who asked, and for what: the machine's own words.
    about: Any
    caller: "asyncio.Task[Any]"
    parts: list["asyncio.Task[Any]"] = field(default_factory=list)
    #: Its process has died: nobody is answered.
    is_dead: bool = False
    is_judged: bool = False


@dataclass(slots=True)
class Director:
    """Starts work and moves it from gate to gate."""

    office: BoxOffice
    provider: GatedProvider
    going_on: list[Work] = field(default_factory=list)

    async def start(self, about: Any, call: Coroutine[Any, Any, Any]) -> Work:
        """Begin, and run to the gates."""
        work = Work(about, asyncio.create_task(call))
        self.going_on.append(work)
        await self.run(work)
        return work

    async def run(self, work: Work) -> None:
        """Wait until every part of it has ended or stands at a gate."""
        async with asyncio.timeout(STUCK_SECONDS):
            while moving := self._moving(work):
                self.provider.arrived.clear()
                arrival = asyncio.create_task(self.provider.arrived.wait())
                await asyncio.wait({*moving, arrival}, return_when=asyncio.FIRST_COMPLETED)
                arrival.cancel()
        if work.caller.done():
            self.going_on = [other for other in self.going_on if not is_over(other)]

    def _moving(self, work: Work) -> set["asyncio.Task[Any]"]:
        """Find what is neither done nor held; whoever waits for a held part is held with it."""
        elsewhere = {part for other in self.going_on if other is not work for part in other.parts}
        known = {*elsewhere, *work.parts}
        work.parts += [task for task in self.office._tasks if task not in known]
        held = {gate.task for gate in self.provider.gates if not gate.opened.done()}
        parts = {part for part in work.parts if not part.done()}
        if parts - held:
            return parts - held
        return set() if parts or work.caller.done() else {work.caller}

    def gate_of(self, work: Work) -> Gate | None:
        """Where the first part that is held stands."""
        parts = [gate for part in work.parts for gate in self.provider.gates if gate.task is part]
        return parts[0] if parts else None

    def work_at(self, gate: Gate) -> Work:
        """Whose request or answer is held there."""
        return next(work for work in self.going_on if gate.task in work.parts)

    async def open(self, gate: Gate, *, is_lost: bool = False) -> None:
        """Let somebody go on to the next gate; lost: they get no answer."""
        work = self.work_at(gate)
        gate.opened.set_result(is_lost)
        await self.run(work)

    async def kill(self, gate: Gate) -> None:
        """Let the process die in which somebody waits there."""
        work = self.work_at(gate)
        work.is_dead = True
        gate.task.cancel()
        await self.run(work)

    async def stop(self) -> None:
        """Let everybody die who is still at something."""
        tasks = [task for work in self.going_on for task in (*work.parts, work.caller)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.going_on.clear()
        self.provider.told.clear()
        self.provider.unanswered.clear()


def is_over(work: Work) -> bool:
    """Whether nothing of it is left to happen."""
    return work.caller.done() and all(part.done() for part in work.parts)
