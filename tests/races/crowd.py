"""A crowd on the first minute of a sale: clients that change their minds, and forget things."""

import asyncio
import os
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from uuid import UUID

from tests.halls import Hall
from tests.races.doors import Buyer, Door
from tests.races.record import Action, Answer, Held, Record, Sold, Told

#: After so many, a client gives up finding out: its request counts as unanswered.
REPEATS_MAX = 40
REPEAT_AFTER_SECONDS = 0.1
ORDERS_KEPT_MAX = 1

#: What a client with a reservation does next, and how often.
WITH_RESERVATION = {
    "add": 25,
    "release": 12,
    "cancel": 8,
    "purchase": 30,
    "purchase twice at once": 10,
    "be declined": 8,
    "wait": 10,
    "abandon": 7,
}


def choose_seed() -> int:
    """Take the seed of RACES_SEED, to see a race again, or a new one; and print it."""
    seed = int(os.environ.get("RACES_SEED") or secrets.randbelow(10**6))
    print(f"RACES_SEED={seed}")  # noqa: T201  pytest shows it where a race fails.
    return seed


@dataclass(slots=True)
class Race:
    """A crowd before several doors, for so many attempts in all, or so many seconds."""

    hall: Hall
    doors: Sequence[Door]
    seed: int
    attempts: int = 10**9
    seconds: float = inf
    clients: int = 32
    #: They are all one buyer, in so many tabs.
    buyer: Buyer | None = None
    #: Lost connections belong to the race: repeat the request at the next door.
    doors_may_break: bool = False
    record: Record = field(default_factory=Record)
    #: How many requests got no answer, and were repeated.
    broken_off: int = 0
    ends_at: float = inf

    async def run(self) -> Record:
        """Let them all in; ends when the attempts or seconds are used up and all is settled."""
        self.ends_at = time.monotonic() + self.seconds
        crowd = [Client(self, number) for number in range(self.clients)]
        async with asyncio.TaskGroup() as group:
            for client in crowd:
                group.create_task(client.play())
        return self.record

    def take_attempt(self) -> bool:
        """Count one attempt; False: there are none left."""
        self.attempts -= 1
        return self.attempts >= 0 and time.monotonic() < self.ends_at


class Client:
    """One of the crowd. Asks for one thing at a time, at whichever door it comes to."""

    def __init__(self, race: Race, number: int) -> None:
        self.race = race
        self.dice = random.Random(f"{race.seed}-{number}")
        self.held: Held | None = None
        self.orders: list[Sold] = []
        self.was_declined = False

    async def play(self) -> None:
        self.buyer = self.race.buyer or await self.somebody_new()
        while self.race.take_attempt():
            await self.attempt()

    def door(self) -> Door:
        return self.dice.choice(self.race.doors)

    async def attempt(self) -> None:
        """Do the next thing that comes to mind."""
        if self.held is None:
            if len(self.orders) > ORDERS_KEPT_MAX or (self.orders and self.dice.random() < 0.5):
                await self.cancel_an_order()
            else:
                await self.reserve()
            return
        wishes = dict(WITH_RESERVATION)
        if self.was_declined:
            wishes["abandon"] = 0  # It is held for minutes: the hall would fill with ghosts.
        [wish] = self.dice.choices(list(wishes), list(wishes.values()))
        await {
            "add": self.reserve,
            "release": self.release,
            "cancel": self.cancel,
            "purchase": self.purchase,
            "purchase twice at once": self.purchase_twice_at_once,
            "be declined": self.be_declined,
            "wait": self.wait,
            "abandon": self.abandon,
        }[wish](self.held)

    async def reserve(self, held: Held | None = None) -> None:
        """Reserve one to three seats, or add them to what is held; some of them without numbers."""
        hall = self.race.hall
        count = self.dice.randint(1, 3)
        standing = self.dice.randint(0, count) if self.dice.random() < 0.4 else 0
        seats = self.dice.sample(range(hall.numbered), count - standing)
        if held is not None and standing:
            standing += sum(seat >= hall.numbered for seat in held.seats)
        answer = await self.settle(
            Action.RESERVE, None, lambda door: door.reserve(self.buyer, seats, standing)
        )
        self.remember(answer)
        if "RESERVATION_NOT_OPEN" in answer.refusals:
            await self.abandon()  # A payment that never ended keeps this buyer out.

    async def release(self, held: Held) -> None:
        seats = self.dice.sample(held.seats, self.dice.randint(1, len(held.seats)))
        self.remember(
            await self.settle(
                Action.RELEASE, held.id, lambda door: door.release(self.buyer, held.id, seats)
            )
        )

    async def cancel(self, held: Held) -> None:
        self.remember(
            await self.settle(Action.CANCEL, held.id, lambda door: door.cancel(self.buyer, held.id))
        )

    async def purchase(self, held: Held) -> None:
        self.remember_order(await self.pay(held, "pretend_ok", self.new_key()))

    async def purchase_twice_at_once(self, held: Held) -> None:
        """The same key at the same time at two doors, as when a proxy repeats a request."""
        key = self.new_key()
        answers = await asyncio.gather(
            *(self.pay(held, "pretend_ok", key, door) for door in self.race.doors)
        )
        orders = {answer.order.id for answer in answers if answer.order is not None}
        assert len(orders) <= 1, "one key, two orders"
        if orders and not all(answer.order or self.met_another_tab(answer) for answer in answers):
            raise AssertionError(f"one key, two outcomes: {answers}")
        self.remember_order(answers[0])

    def met_another_tab(self, answer: Answer) -> bool:
        """Whether another tab was just paying, under a key of its own: this key stayed unused."""
        met = answer.reservation is not None and answer.reservation.status == "PAYING"
        return met and self.race.buyer is not None and "RESERVATION_NOT_OPEN" in answer.refusals

    async def be_declined(self, held: Held) -> None:
        answer = await self.pay(held, "pretend_declined", self.new_key())
        self.was_declined = "PAYMENT_DECLINED" in answer.refusals
        self.held = held if self.was_declined else None

    async def wait(self, _held: Held) -> None:
        """Dawdle; it may lapse meanwhile."""
        await asyncio.sleep(self.dice.uniform(0.1, 1.2))

    async def abandon(self, _held: Held | None = None) -> None:
        """Close the browser and come back as somebody else."""
        self.held = None
        if self.race.buyer is not None:
            return
        for order in list(self.orders):
            await self.cancel_order(order)
        self.buyer = await self.somebody_new()

    async def somebody_new(self) -> Buyer:
        """Ask at one door after the other, for some may be broken."""
        while (buyer := await self.door().new_buyer()) is None:
            assert self.race.doors_may_break, "no answer to startGuestSession"
            await asyncio.sleep(REPEAT_AFTER_SECONDS)
        return buyer

    async def cancel_an_order(self) -> None:
        await self.cancel_order(self.dice.choice(self.orders))

    async def cancel_order(self, order: Sold) -> None:
        self.orders.remove(order)
        key = self.new_key()
        await self.settle(
            Action.CANCEL_ORDER,
            order.id,
            lambda door: door.cancel_order(self.buyer, order.id, key),
        )

    async def pay(self, held: Held, token: str, key: str, first: Door | None = None) -> Answer:
        return await self.settle(
            Action.PURCHASE,
            held.id,
            lambda door: door.purchase(self.buyer, held.id, token, key),
            token,
            first,
        )

    async def settle(
        self,
        action: Action,
        about: UUID | None,
        ask: Callable[[Door], Awaitable[Answer]],
        token: str | None = None,
        first: Door | None = None,
    ) -> Answer:
        """Ask; and repeat exactly that while nobody can say what came of it."""
        door, broken_off_at = first or self.door(), inf
        for _ in range(REPEATS_MAX):
            sent_at = time.time()
            answer = await ask(door)
            broken = answer.fault is not None and self.race.doors_may_break
            if broken:
                self.race.broken_off += 1
                broken_off_at = min(broken_off_at, sent_at)
            else:
                asked = (action, self.buyer.id, about, token, sent_at, time.time())
                self.race.record.told.append(Told(*asked, answer, broken_off_at))
            if answer.settles_it or (answer.fault is not None and not broken):
                return answer
            await asyncio.sleep(REPEAT_AFTER_SECONDS)
            door = self.door()
        never = Answer(fault="never settled")
        asked = (action, self.buyer.id, about, token, sent_at, time.time())
        self.race.record.told.append(Told(*asked, never, broken_off_at))
        return never

    def remember(self, answer: Answer) -> None:
        """Keep what the answer shows; a refusal that says it is over is believed."""
        if answer.reservation is not None:
            self.held = answer.reservation if answer.reservation.status == "OPEN" else None
        elif "RESERVATION_NOT_OPEN" in answer.refusals:
            self.held = None
        if self.held is None:
            self.was_declined = False

    def remember_order(self, answer: Answer) -> None:
        """Keep the order. Whatever else came of it, the reservation is done with."""
        if answer.order is not None:
            self.orders.append(answer.order)
        self.held = None
        self.was_declined = False

    def new_key(self) -> str:
        return f"{self.dice.getrandbits(64):x}"
