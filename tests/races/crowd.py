"""A crowd on the first minute of a sale: clients that change their minds, and forget things."""

import asyncio
import os
import random
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf
from uuid import UUID

from onsale.payments.pretend.tokens import Behaviour
from tests.halls import Hall
from tests.races import cards
from tests.races.aging import let_a_minute_pass
from tests.races.doors import Bank, Buyer, Door, NoBank
from tests.races.record import Action, Answer, Held, Record, Sold
from tests.races.witness import REPEAT_AFTER_SECONDS, Meanwhile, Question, Witness

ORDERS_KEPT_MAX = 1
#: What a buyer whose payment hangs does after so many repetitions: go away for a minute.
PATIENT_REPETITIONS = 2

#: What a client with a reservation does next, and how often.
WITH_RESERVATION = {
    "add": 25,
    "release": 12,
    "cancel": 8,
    "purchase": 40,
    "purchase twice at once": 8,
    "wait": 8,
    "abandon": 7,
}
#: What a client does whom the bank wants to see. Whoever dawdles comes when the time is over.
AT_THE_BANK = {"approve": 50, "refuse": 20, "leave": 20, "dawdle": 10}


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
    bank: Bank = field(default_factory=NoBank)
    #: Only sound cards and declined ones: for providers that know no others.
    plain_cards: bool = False
    witness: Witness = field(default_factory=Witness)
    taken: int = 0
    ends_at: float = inf

    async def run(self) -> Record:
        """Let them all in; ends when the attempts or seconds are used up and all is settled."""
        self.ends_at = time.monotonic() + self.seconds
        crowd = [Client(self, number) for number in range(self.clients)]
        async with asyncio.TaskGroup() as group:
            for client in crowd:
                group.create_task(client.play())
        return self.witness.record

    def take_attempt(self) -> bool:
        """Count one attempt; False: there are none left."""
        if self.taken >= self.attempts or time.monotonic() >= self.ends_at:
            return False
        self.taken += 1
        return True


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

    def pick(self, wishes: dict[str, int]) -> str:
        [wish] = self.dice.choices(list(wishes), list(wishes.values()))
        return wish

    async def attempt(self) -> None:
        """Do the next thing that comes to mind."""
        if self.held is None:
            if len(self.orders) > ORDERS_KEPT_MAX or (self.orders and self.dice.random() < 0.5):
                await self.cancel_an_order()
            else:
                await self.reserve()
            return
        await {
            "add": self.reserve,
            "release": self.release,
            "cancel": self.cancel,
            "purchase": self.purchase,
            "purchase twice at once": self.purchase_twice_at_once,
            "wait": self.wait,
            "abandon": self.abandon,
        }[self.pick(WITH_RESERVATION)](self.held)

    async def reserve(self, held: Held | None = None) -> None:
        """Reserve one to three seats, or add them to what is held; some of them without numbers."""
        hall = self.race.hall
        count = self.dice.randint(1, 3)
        standing = self.dice.randint(0, count) if self.dice.random() < 0.4 else 0
        seats = self.dice.sample(range(hall.numbered), count - standing)
        if held is not None and standing:
            standing += sum(seat >= hall.numbered for seat in held.seats)
        buyer = self.buyer
        answer = await self.settle(
            Question(Action.RESERVE, buyer, None, lambda door: door.reserve(buyer, seats, standing))
        )
        self.remember(answer)
        if "RESERVATION_NOT_OPEN" in answer.refusals:
            await self.abandon()  # A payment that has not ended keeps this buyer out.

    async def release(self, held: Held) -> None:
        seats, buyer = (
            self.dice.sample(held.seats, self.dice.randint(1, len(held.seats))),
            self.buyer,
        )
        self.remember(
            await self.settle(
                Question(
                    Action.RELEASE,
                    buyer,
                    held.id,
                    lambda door: door.release(buyer, held.id, seats),
                    seats=tuple(seats),
                )
            )
        )

    async def cancel(self, held: Held) -> None:
        buyer = self.buyer
        self.remember(
            await self.settle(
                Question(Action.CANCEL, buyer, held.id, lambda door: door.cancel(buyer, held.id))
            )
        )

    async def purchase(self, held: Held) -> None:
        """Pay with whatever card is at hand, and go to the bank if it wants that."""
        if self.race.plain_cards:
            token = self.dice.choices(["pretend_ok", "pretend_declined"], [80, 20])[0]
        else:
            token = cards.draw(self.dice)
        key = self.new_key()
        answer = await self.pay(held, token, key)
        if answer.client_secret is not None:
            answer = await self.act_at_the_bank(held, token, key, answer.client_secret)
        self.remember_payment(held, answer)
        if self.held is None and answer.order is None:
            await self.abandon()  # It may still be going on; nobody waits for it.

    async def act_at_the_bank(self, held: Held, token: str, key: str, secret: str) -> Answer:
        """Say yes or no to the bank and repeat the call, as its answer says; or do not."""
        wish = self.pick(AT_THE_BANK)
        if wish in {"leave", "dawdle"}:
            await self.let_lapse(held.id)
        if wish == "leave":
            return Answer()
        if wish == "dawdle":
            await asyncio.sleep(self.dice.uniform(0, 4))  # Around the reconciler's next look.
        action = Action.REFUSE if wish == "refuse" else Action.APPROVE
        with self.race.witness.noting(action, self.buyer, held.id):
            await self.race.bank.decide(secret, "refuse" if wish == "refuse" else "approve")
        return await self.pay(held, token, key)

    async def purchase_twice_at_once(self, held: Held) -> None:
        """The same key at the same time at two doors, as when a proxy repeats a request."""
        key = self.new_key()
        answers = await asyncio.gather(
            *(self.pay(held, "pretend_ok", key, door) for door in self.race.doors)
        )
        orders = {answer.order.id for answer in answers if answer.order is not None}
        assert len(orders) <= 1, "one key, two orders"
        answered = [answer for answer in answers if answer.fault is None]  # Others are counted.
        if orders and not all(answer.order or self.met_another_tab(answer) for answer in answered):
            raise AssertionError(f"one key, two outcomes: {answers}")
        self.remember_payment(held, answers[0])

    def met_another_tab(self, answer: Answer) -> bool:
        """Whether another tab was just paying, under a key of its own: this key stayed unused."""
        met = answer.reservation is not None and answer.reservation.status == "PAYING"
        return met and self.race.buyer is not None and "RESERVATION_NOT_OPEN" in answer.refusals

    async def wait(self, _held: Held) -> None:
        """Dawdle; it may lapse meanwhile."""
        await asyncio.sleep(self.dice.uniform(0.1, 1.2))

    async def abandon(self, held: Held | None = None) -> None:
        """Close the browser and come back as somebody else."""
        if self.race.buyer is not None:
            self.held = None
            return
        if held is not None and self.was_declined:
            await self.let_lapse(held.id)  # Else the hall fills with ghosts: it has two minutes.
        self.held, self.was_declined = None, False
        for order in list(self.orders):
            await self.cancel_order(order)
        self.buyer = await self.somebody_new()

    async def let_lapse(self, reservation_id: UUID) -> None:
        """Go away for a minute, which nobody but the database's rows has to wait for."""
        with self.race.witness.noting(Action.LET_LAPSE, self.buyer, reservation_id):
            await let_a_minute_pass(self.race.hall, reservation_id)

    async def somebody_new(self) -> Buyer:
        """Ask at one door after the other, for some may be broken."""
        while (buyer := await self.door().new_buyer()) is None:
            assert self.race.witness.doors_may_break, "no answer to startGuestSession"
            await asyncio.sleep(REPEAT_AFTER_SECONDS)
        return buyer

    async def cancel_an_order(self) -> None:
        await self.cancel_order(self.dice.choice(self.orders))

    async def cancel_order(self, order: Sold) -> None:
        self.orders.remove(order)
        key, buyer = self.new_key(), self.buyer
        await self.settle(
            Question(
                Action.CANCEL_ORDER,
                buyer,
                order.id,
                lambda door: door.cancel_order(buyer, order.id, key),
            )
        )

    async def pay(self, held: Held, token: str, key: str, first: Door | None = None) -> Answer:
        buyer = self.buyer
        question = Question(
            Action.PURCHASE,
            buyer,
            held.id,
            lambda door: door.purchase(buyer, held.id, token, key),
            token,
        )
        is_silent = cards.OUTCOMES[cards.behaviour_of(token)].is_silent
        # An error never ends before its time is over; of the others half find out by themselves.
        may_leave = is_silent and (
            cards.behaviour_of(token) is Behaviour.ERROR or self.dice.random() < 0.5
        )

        async def leave_for_a_minute(tries: int) -> None:
            if may_leave and tries == PATIENT_REPETITIONS:
                await self.let_lapse(held.id)

        return await self.settle(question, first, leave_for_a_minute)

    async def settle(
        self, question: Question, first: Door | None = None, meanwhile: Meanwhile | None = None
    ) -> Answer:
        """Ask at the first door, if one is named, then at any."""
        waiting = [] if first is None else [first]
        return await self.race.witness.settle(
            question, lambda: waiting.pop() if waiting else self.door(), meanwhile
        )

    def remember(self, answer: Answer) -> None:
        """Keep what the answer shows; a refusal that says it is over is believed."""
        if answer.reservation is not None:
            self.held = answer.reservation if answer.reservation.status == "OPEN" else None
        elif "RESERVATION_NOT_OPEN" in answer.refusals:
            self.held = None
        if self.held is None:
            self.was_declined = False

    def remember_payment(self, held: Held, answer: Answer) -> None:
        """Keep the order; or, after a declined card, the reservation."""
        if answer.order is not None:
            self.orders.append(answer.order)
        now = answer.reservation or held
        self.was_declined = "PAYMENT_DECLINED" in answer.refusals and now.status == "OPEN"
        self.held = now if self.was_declined else None

    def new_key(self) -> str:
        return f"{self.dice.getrandbits(64):x}"
