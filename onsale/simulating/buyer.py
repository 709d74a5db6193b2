"""A buyer: in a hurry, of changing mind, and with a memory for what was promised."""

import asyncio
from dataclasses import replace
from itertools import chain, repeat
from random import Random
from time import monotonic
from typing import Any

from onsale.simulating.api import ServerGone, Unexpected
from onsale.simulating.choosing import choose
from onsale.simulating.event import availability_of
from onsale.simulating.record import Record, Reservation, Span, read_order, read_reservation
from onsale.simulating.rush import Rush

#: Half of the crowd is there when it opens; the rest comes within this share of the time.
FIRST_SECONDS = 1.0
ARRIVAL_SHARE = 0.5
#: From one deed to the next, as shares of the time: who has little of it, thinks less.
THOUGHT_SHARES = 0.005, 0.08
#: Who lost so many races has had enough.
LOSSES_MAX = 5
SEATS_WANTED = (1, 2, 2, 2, 3, 4)
GREED_SHARE = 0.03
REGRET_SHARE = 0.15
#: Whoever is told that nobody knows asks again, ever more patiently, and gives up one day.
UNKNOWN_SECONDS_MAX = 60.0
UNKNOWN_PAUSES = 0.3, 0.6, 1.2, 2.4
EMAIL = "a.buyer@example.org"
GOOD_CARD, BAD_CARD = "pretend_ok", "pretend_declined"
#: What to do with a reservation, and how often.
WITH_SEATS = {
    "pay": 48,
    "pay twice at once": 8,
    "be declined": 12,
    "add": 10,
    "release": 9,
    "give up": 6,
    "leave": 7,
}
#: Refusals that need no further explanation.
UNKNOWN = "OUTCOME_UNKNOWN"
ALWAYS_EXPECTED = {
    "reserveSeats": {"SEATS_UNAVAILABLE", "NOT_ON_SALE", UNKNOWN},
    "releaseSeats": {UNKNOWN},
    "cancelReservation": {UNKNOWN},
    "purchaseReservation": {"NOT_ON_SALE", UNKNOWN},
    "cancelOrder": {UNKNOWN},
}
#: And those that mean: your first call, which nobody answered, had worked.
EXPECTED_OF_REPEATED = dict.fromkeys(ALWAYS_EXPECTED, frozenset[str]()) | {
    "releaseSeats": frozenset({"RESERVATION_NOT_OPEN"}),
}
OVER = {"RESERVATION_EXPIRED", "RESERVATION_NOT_OPEN"}


class Buyer:
    """One of the crowd. Asks for one thing at a time, and leaves in the end."""

    def __init__(self, rush: Rush, number: int) -> None:
        self.record = Record(number)
        self._rush = rush
        self._dice = Random(f"{rush.seed}-{number}")  # noqa: S311 - it is to be repeatable.
        self._held: Reservation | None = None
        self._losses = 0
        self._leaves = False
        self._keys = 0

    async def play(self) -> None:
        """Come, buy or not, and leave."""
        rush, late = self._rush, self._dice.random() < 0.5  # noqa: PLR2004 - half of them.
        latest = max(rush.seconds * ARRIVAL_SHARE, FIRST_SECONDS) if late else FIRST_SECONDS
        await rush.pause(self._dice.uniform(0, latest))
        try:
            await self._visit()
        except Unexpected:
            self.record.doubtful = True  # The tally has it.
        except ServerGone as gone:
            self.record.doubtful = True
            rush.end(str(gone))
        if self._held is not None and self._held.status == "OPEN":
            self._count("abandoned")

    async def _visit(self) -> None:
        if self._rush.over.is_set():
            return
        told = await self._rush.api.ask("startGuestSession")
        self.record.token = told["startGuestSession"]["token"]
        self._count("came")
        while not (self._leaves or self._rush.over.is_set()):
            await self._next()
            await self._think()
        if self._held is not None and not (self._leaves or self._rush.seconds_left):
            await self._pay(self._held)  # The last call.

    async def _think(self) -> None:
        await self._rush.pause(self._rush.seconds * self._dice.uniform(*THOUGHT_SHARES))

    async def _next(self) -> None:
        """Do what comes to mind."""
        if self._held is None:
            await self._reserve()
            return
        [wish] = self._dice.choices(list(WITH_SEATS), list(WITH_SEATS.values()))
        await {
            "pay": self._pay,
            "pay twice at once": self._pay_twice_at_once,
            "be declined": self._be_declined,
            "add": self._add,
            "release": self._release,
            "give up": self._give_up,
            "leave": self._leave,
        }[wish](self._held)

    async def _reserve(self, held: tuple[int, ...] = ()) -> None:
        """Look at the map and go for something; many look at the same."""
        event = self._rush.event
        states = (await availability_of(self._rush.api, event)).states
        most = event.seats_per_buyer_max - len(held)
        count = min(self._dice.choice(SEATS_WANTED), most)
        if greedy := self._dice.random() < GREED_SHARE:
            count = most + 1
        wish = choose(event, states, count, self._dice) if count > 0 else None
        if wish is None:
            self._find_nothing()
            return
        wanted = len(wish.seats) + sum(more for _, more in wish.standing)
        payload = await self._mutate(
            "reserveSeats",
            wish.arguments(event, held),
            *(["SEAT_LIMIT_EXCEEDED"] if greedy and wanted > most else []),
        )
        if payload["errors"]:
            self._lose(payload)
        else:
            self._count("reserved")

    async def _add(self, held: Reservation) -> None:
        await self._reserve(held.seats)

    async def _release(self, held: Reservation) -> None:
        seats = self._dice.sample(held.seats, self._dice.randint(1, len(held.seats)))
        given = {"reservationId": held.id, "seatIndexes": seats}
        if not (await self._mutate("releaseSeats", given))["errors"]:
            self._count("released")

    async def _give_up(self, held: Reservation) -> None:
        """Think better of it; there are other seats."""
        payload = await self._mutate("cancelReservation", {"reservationId": held.id})
        if payload["reservation"] and payload["reservation"]["status"] == "CANCELLED":
            self._count("given up")

    async def _leave(self, held: Reservation) -> None:
        """Go without a word. Where seats are held briefly: come back when they no longer are."""
        self._leaves = True
        if self._rush.event.reservation_seconds < self._rush.seconds_left:
            await self._rush.pause(self._rush.event.reservation_seconds + 1.0)
            await self._pay(held)

    async def _pay(self, held: Reservation) -> None:
        """Pay with a good card."""
        payload = await self._purchase(held, GOOD_CARD, self._new_key())
        await self._own(payload)

    async def _pay_twice_at_once(self, held: Reservation) -> None:
        """Click twice, with one idempotency key: both are answered the same order."""
        key = self._new_key()
        both = await asyncio.gather(
            *(self._purchase(held, GOOD_CARD, key) for _ in range(2)), return_exceptions=True
        )
        payloads = [each for each in both if not isinstance(each, BaseException)]
        for fault in both:
            if isinstance(fault, BaseException):
                raise fault
        first, second = payloads
        if first["order"] and second["order"] and first["order"]["id"] != second["order"]["id"]:
            self._wonder("purchaseReservation: two orders for one idempotency key")
        await self._own(first if first["order"] else second)

    async def _be_declined(self, held: Reservation) -> None:
        """Pay with a bad card; what comes next is up to the next thought."""
        payload = await self._purchase(held, BAD_CARD, self._new_key(), "PAYMENT_DECLINED")
        if payload["order"]:
            self._wonder("purchaseReservation: sold without money, for the card was bad")
        if any(error["code"] == "PAYMENT_DECLINED" for error in payload["errors"]):
            self._count("declined")

    async def _purchase(
        self, held: Reservation, card: str, key: str, *expected: str
    ) -> dict[str, Any]:
        return await self._mutate(
            "purchaseReservation",
            {
                "reservationId": held.id,
                "email": EMAIL,
                "paymentToken": card,
                "idempotencyKey": key,
            },
            *expected,
        )

    async def _own(self, payload: dict[str, Any]) -> None:
        """Keep the tickets and go home, or regret it."""
        if not payload["order"]:
            return
        self._count("purchased")
        self._held = None
        self._leaves = True
        if self._dice.random() < REGRET_SHARE:
            await self._think()
            key = self._new_key()
            order = {"orderId": payload["order"]["id"], "idempotencyKey": key}
            if not (await self._mutate("cancelOrder", order))["errors"]:
                self._count("cancelled")

    async def _mutate(self, name: str, given: dict[str, Any], *allowed: str) -> dict[str, Any]:
        """Ask for a change; remember what is answered. Nobody knows yet: ask the same again."""
        expected = ALWAYS_EXPECTED[name].union(allowed)
        held = self._held
        until = monotonic() + UNKNOWN_SECONDS_MAX
        for pause in chain(UNKNOWN_PAUSES, repeat(UNKNOWN_PAUSES[-1])):
            answer = await self._rush.api.call(name, self.record.token, input=given)
            payload: dict[str, Any] = answer.data[name]
            codes = {error["code"] for error in payload["errors"]}
            self._rush.tally.refused.update((name, code) for code in codes)
            if answer.repeated or UNKNOWN in codes:
                expected |= EXPECTED_OF_REPEATED[name]
            if UNKNOWN not in codes:
                break
            if monotonic() > until:
                self._wonder(f"{name}: {UNKNOWN} for {UNKNOWN_SECONDS_MAX:.0f} s")
            await asyncio.sleep(pause)
        if held is not None and held.may_have_lapsed(answer.told.answered):
            expected |= OVER
        self._remember(given, payload, answer.told)
        for code in codes - expected:
            self._wonder(f"{name}: refused with {code}")
        return payload

    def _remember(self, given: dict[str, Any], payload: dict[str, Any], told: Span) -> None:
        """Keep the newest word. A refusal that says it is over is believed, and audited later."""
        codes = {error["code"] for error in payload["errors"]}
        known = self.record.reservations.get(given.get("reservationId", ""))
        if shown := payload.get("reservation"):
            self._keep(read_reservation(shown, told, known))
        elif codes & OVER:
            self._held = None
            self._rush.tally.done["lapsed"] += 1
        if shown := payload.get("order"):
            order = read_order(shown)
            self.record.orders[order.id] = order
            if known is not None:
                self._keep(replace(known, status="PURCHASED", order_id=order.id, seconds_left=None))

    def _keep(self, reservation: Reservation) -> None:
        self.record.reservations[reservation.id] = reservation
        self._held = reservation if reservation.status == "OPEN" else None

    def _lose(self, payload: dict[str, Any]) -> None:
        """Somebody was quicker. Once too often, or the sale is over: go."""
        self._losses += 1
        self._leaves = self._held is None and (
            self._losses >= LOSSES_MAX or payload["errors"][0]["code"] == "NOT_ON_SALE"
        )
        if self._leaves:
            self._count("left with nothing")

    def _find_nothing(self) -> None:
        """All is sold or held."""
        if self._held is None:
            self._leaves = True
            self._count("left with nothing")

    def _wonder(self, line: str) -> None:
        """Count what may not happen, and lose trust. Raises Unexpected."""
        self._rush.tally.unexpected[line] += 1
        raise Unexpected(line)

    def _count(self, what: str) -> None:
        self._rush.tally.done[what] += 1

    def _new_key(self) -> str:
        self._keys += 1
        return f"{self._rush.seed}-{self.record.buyer}-{self._keys}-{self._dice.getrandbits(64):x}"
