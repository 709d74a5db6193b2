"""The box office and its payments as a child would play them: no batches, no locks, no clock.

The model is told what was asked for and says what may come of it. Where the box office chooses
(which standing place, in which order what was left is taken up) it is told the choice, and says
whether it was allowed. A payment's state it is told arrow by arrow: each needs its reason, and has
its effects (`STEPS`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from box_office.providers import ChargeState
from tests.machines.ground import NUMBERED, PRICES, SEATS_PER_BUYER_MAX, STANDING

FLOOR = range(NUMBERED, NUMBERED + STANDING)
HOLDS = {"OPEN", "PAYING"}
#: A request that has not arrived by then never will. (The box office waits longer; but how quick
#: this machine is, nobody knows.)
ON_ITS_WAY_SECONDS = 20.0
#: The money is there, set aside or taken.
HAS_MONEY = {ChargeState.AUTHORISED, ChargeState.CAPTURED}
#: The provider knows that it is to take nothing any more, or has taken it already.
NEVER_TAKEN_LATER = set(ChargeState) - {
    ChargeState.NONE,
    ChargeState.ACTION_REQUIRED,
    ChargeState.AUTHORISED,
}
#: The payment behind an order, by the order's status.
STORIES = {
    "COMMITTED": {"AUTHORISED"},
    "PAID": {"CAPTURED"},
    "CANCELLED": {"REFUNDING", "DECLINED", "VOIDED"},
    "REFUNDED": {"REFUNDED"},
}
#: The payment of what is being paid.
BEING_PAID = {"STARTED", "ACTION_REQUIRED", "VOIDING"}


class Broken(AssertionError):  # noqa: N818 - a promise, not an error of ours.
    """The box office has done what the model does not allow."""


def require(holds: object, words: str) -> None:
    """Object, unless it holds."""
    if not holds:
        raise Broken(words)


@dataclass(eq=False, slots=True)
class Reservation:
    """Somebody's seats."""

    id: str
    buyer: str
    seats: set[int]
    status: str = "OPEN"
    #: Its time is over, and so is whatever it could be prolonged to.
    lapsed: bool = False
    hard_end_passed: bool = False
    #: How often somebody began to pay for it.
    attempts: int = 0

    @property
    def price(self) -> int:
        """What its seats cost."""
        return sum(PRICES[seat] for seat in self.seats)


@dataclass(slots=True)
class Payment:
    """A try to pay."""

    reservation: Reservation
    attempt: int
    amount: int
    state: str = "STARTED"
    #: For so many seconds nothing has become of it.
    waited: float = 0.0


@dataclass(slots=True)
class Order:
    """What was sold."""

    reservation: Reservation
    status: str
    total: int

    @property
    def tickets(self) -> int:
        """How many of its tickets are live."""
        return len(self.reservation.seats) if self.status in {"COMMITTED", "PAID"} else 0


@dataclass(frozen=True, slots=True)
class Known:
    """What is known when a payment's state changes, besides our books."""

    #: Where its charge stands at the provider now.
    charge: ChargeState
    #: What whoever changed it was told last; None: nothing of that kind.
    told: ChargeState | None
    #: The reservation whose order is being cancelled by its buyer.
    cancelling: str | None = None


@dataclass(slots=True)
class Model:
    """Everything, and the rules."""

    #: Who has a seat, held or sold.
    owners: dict[int, Reservation | None] = field(
        default_factory=lambda: dict.fromkeys(range(len(PRICES)))
    )
    sold: set[int] = field(default_factory=set)
    reservations: dict[str, Reservation] = field(default_factory=dict)
    payments: dict[str, Payment] = field(default_factory=dict)
    #: By the reservation's id.
    orders: dict[str, Order] = field(default_factory=dict)
    #: What was asked under a buyer's key, and the payment that it began.
    keys: dict[tuple[str, str], tuple[Any, str | None]] = field(default_factory=dict)

    # What is asked.

    def reservation_of(self, buyer: str) -> Reservation | None:
        """The one that a buyer adds to."""
        return next(
            (r for r in self.reservations.values() if r.buyer == buyer and r.status in HOLDS), None
        )

    def allowance(self, buyer: str) -> int:
        """How many seats a buyer has."""
        over = {id(o.reservation) for o in self.orders.values() if not o.tickets}
        return sum(
            len(r.seats)
            for r in self.reservations.values()
            if r.buyer == buyer and r.status in {*HOLDS, "PURCHASED"} and id(r) not in over
        )

    def owns_all(self, reservation: Reservation) -> bool:
        """Whether it still has every seat."""
        return all(self.owners[seat] is reservation for seat in reservation.seats)

    def is_free(self, seat: int) -> bool:
        """Whether whoever asks first may have a seat."""
        owner = self.owners[seat]
        return owner is None or (seat not in self.sold and owner.lapsed)

    def ask_for(self, buyer: str, named: set[int], standing: int) -> tuple[set[str], int]:
        """Say why a wish must be refused (nothing: it must be granted), and the places it lacks.

        Whatever comes of it, the buyer's own reservation has ended if its time was over.
        """
        mine = self.reservation_of(buyer)
        if mine is not None and mine.status == "OPEN" and mine.lapsed:
            self.end(mine)
            mine = None
        has = mine.seats if mine is not None else set()
        fresh = {seat for seat in named if mine is None or self.owners[seat] is not mine}
        lacking = max(0, standing - len((has | named) & set(FLOOR))) if standing else 0
        wrong = set()
        if mine is not None and mine.status != "OPEN":
            wrong.add("ReservationNotOpen")
        if not all(self.is_free(seat) for seat in fresh):
            wrong.add("SeatsUnavailable")
        if len(fresh) + lacking > SEATS_PER_BUYER_MAX - self.allowance(buyer):
            wrong.add("SeatLimitExceeded")
        taken = set() if wrong else named
        if lacking > sum(self.is_free(seat) for seat in FLOOR if seat not in taken):
            wrong.add("SeatsUnavailable")
        return wrong, lacking

    def granted(
        self, buyer: str, named: set[int], lacking: int, answer: tuple[str, set[int]]
    ) -> None:
        """A wish was granted: see that it got what it named, and any free places besides."""
        reservation_id, seats = answer
        mine = self.reservation_of(buyer)
        if mine is None:
            require(reservation_id not in self.reservations, "an old reservation has come back")
            mine = self.reservations[reservation_id] = Reservation(reservation_id, buyer, set())
        require(reservation_id == mine.id, "somebody has two reservations")
        places = seats - mine.seats - named
        require(mine.seats | named <= seats, "a seat that was granted is missing")
        require(len(places) == lacking, f"{len(places)} places were given instead of {lacking}")
        require(places <= set(FLOOR), "a numbered seat was given for a standing place")
        require(all(self.is_free(seat) for seat in places), "a place was not free")
        for seat in seats:
            self.owners[seat] = mine
        mine.seats = set(seats)

    def release(self, buyer: str, reservation_id: str, seats: set[int] | None) -> str | None:
        """Give seats back (None: all); says why not."""
        mine = self.reservations[reservation_id]
        if mine.buyer != buyer:
            return "ReservationNotFound"
        if mine.status != "OPEN" or mine.lapsed:
            over = mine.status in {"OPEN", "EXPIRED", "CANCELLED"}
            return None if seats is None and over else "ReservationNotOpen"
        given = mine.seats if seats is None else mine.seats & seats
        for seat in given:
            self.owners[seat] = None
        if given == mine.seats:
            mine.status = "CANCELLED"  # It keeps its list of seats, to say what it was.
        else:
            mine.seats = mine.seats - given
        return None

    def begin(self, buyer: str, reservation_id: str, key: str, question: Any) -> str:
        """Begin to pay; says what must come of it."""
        mine = self.reservations[reservation_id]
        if mine.buyer != buyer:
            return "ReservationNotFound"
        if (buyer, key) in self.keys:
            same = self.keys[buyer, key][0] == question
            return "replay" if same else "IdempotencyKeyReused"
        if mine.status == "EXPIRED" or (mine.status == "OPEN" and mine.lapsed):
            return "ReservationExpired"
        if mine.status != "OPEN":
            return "ReservationNotOpen"
        mine.status = "PAYING"
        mine.attempts += 1
        self.keys[buyer, key] = (question, None)
        return "begun"

    def cancel(self, buyer: str, reservation_id: str, key: str, question: Any) -> str:
        """Cancel the order of a reservation; says what must come of it."""
        order = self.orders[reservation_id]
        if order.reservation.buyer != buyer:
            return "OrderNotFound"
        if (buyer, key) in self.keys:
            same = self.keys[buyer, key][0] == question
            return "replay" if same else "IdempotencyKeyReused"
        if order.status != "PAID":
            return "OrderNotCancellable"
        self.keys[buyer, key] = (question, None)
        self.void(order)
        return "voided"

    # What time does.

    def lapse(self, reservation_id: str, *, is_hard: bool) -> None:
        """A reservation's time is over."""
        reservation = self.reservations[reservation_id]
        reservation.lapsed = True
        reservation.hard_end_passed |= is_hard

    def sweep(self) -> int:
        """End whatever has lapsed, and say how many."""
        over = [r for r in self.reservations.values() if r.status == "OPEN" and r.lapsed]
        for reservation in over:
            self.end(reservation)
        return len(over)

    # What becomes of money. Each arrow has its reason, and its effects.

    def payment_made(self, payment_id: str, row: list[Any], key: tuple[str, str] | None) -> None:
        """A payment was begun, for what is being paid and as much as that costs."""
        if key is None:
            raise Broken("a payment was begun that nobody asked for")
        reservation_id, attempt, _, amount = row
        reservation = self.reservations[reservation_id]
        require(reservation.status == "PAYING", "a payment was begun for what is not being paid")
        require(amount == reservation.price > 0, "another amount is asked for than the seats cost")
        self.payments[payment_id] = Payment(reservation, attempt, amount)
        self.keys[key] = (self.keys[key][0], payment_id)

    def payment_moved(self, payment_id: str, before: str, after: str, known: Known) -> None:
        """Take a payment to its next state, if there is a reason to."""
        payment, step = self.payments[payment_id], STEPS.get((before, after))
        require(payment.state == before, f"a payment was {before} that was {payment.state}")
        reason = step is not None and step.reason(self, payment, known)
        if step is None or not reason:
            raise Broken(f"a payment was {before} and is {after}; {known}")
        step.effect(self, payment)
        payment.state, payment.waited = after, 0.0

    def paid_nothing(self, reservation_id: str, after: str) -> None:
        """What costs nothing was sold; or it was lost, which is the only other way to end."""
        reservation = self.reservations[reservation_id]
        require(reservation.status == "PAYING", "what nobody was paying for was sold")
        sold = after == "PURCHASED"
        require(sold == self.owns_all(reservation), f"what costs nothing has become {after}")
        if sold:
            self.sell(reservation, "PAID")
        else:
            self.let_go(reservation)

    def is_latest(self, payment: Payment) -> bool:
        """Whether nobody has begun to pay for the same since."""
        return payment.attempt == payment.reservation.attempts

    def can_sell(self, payment: Payment) -> bool:
        """Whether a payment buys what it was begun for."""
        reservation = payment.reservation
        return (
            reservation.status == "PAYING"
            and self.is_latest(payment)
            and self.owns_all(reservation)
        )

    def can_resume(self, payment: Payment) -> bool:
        """Whether all can be put back as it was before a payment was given up."""
        reservation = payment.reservation
        others = self.reservation_of(reservation.buyer)
        room = SEATS_PER_BUYER_MAX - self.allowance(reservation.buyer)
        return (
            reservation.status in {"OPEN", "EXPIRED"}
            and self.is_latest(payment)
            and payment.amount == reservation.price
            and (others is None or others is reservation)
            and (reservation.status == "OPEN" or len(reservation.seats) <= room)
            and all(
                self.is_free(seat) or self.owners[seat] is reservation for seat in reservation.seats
            )
        )

    def may_give_up(self, payment: Payment, told: ChargeState | None) -> bool:
        """Whether nothing will come of a payment, for all that its provider has told."""
        match told:
            case ChargeState.NONE:
                return payment.waited > ON_ITS_WAY_SECONDS
            case ChargeState.ACTION_REQUIRED:
                return payment.reservation.lapsed
            case ChargeState.AUTHORISED | ChargeState.CAPTURED:
                return not self.can_sell(payment)
            case _:
                return told in {ChargeState.VOIDED, ChargeState.REFUNDED}

    def sell(self, reservation: Reservation, status: str) -> None:
        reservation.status = "PURCHASED"
        self.sold |= reservation.seats
        self.orders[reservation.id] = Order(reservation, status, reservation.price)

    def order_is(self, payment: Payment, status: str) -> None:
        """An order goes with its payment, the latest. Late money that goes back never had one."""
        if payment.reservation.id in self.orders and self.is_latest(payment):
            self.orders[payment.reservation.id].status = status

    def void(self, order: Order) -> None:
        order.status = "CANCELLED"
        self.free(order.reservation)

    def fail(self, payment: Payment) -> None:
        """A payment came to nothing."""
        self.let_go(payment.reservation)

    def let_go(self, reservation: Reservation) -> None:
        """Nothing was sold: its buyer may try again, unless a seat was lost meanwhile."""
        if self.owns_all(reservation):
            reservation.status, reservation.lapsed = "OPEN", reservation.hard_end_passed
        else:
            self.end(reservation)

    def resume(self, payment: Payment) -> None:
        reservation = payment.reservation
        reservation.status, reservation.lapsed = "PAYING", False
        for seat in reservation.seats:
            self.owners[seat] = reservation

    def end(self, reservation: Reservation) -> None:
        reservation.status = "EXPIRED"
        self.free(reservation)

    def free(self, reservation: Reservation) -> None:
        """Free what somebody still has: a seat that was taken over since is another's."""
        for seat in reservation.seats:
            if self.owners[seat] is reservation:
                self.owners[seat] = None
                self.sold.discard(seat)

    # What the books must say.

    def compare(self, books: dict[str, Any]) -> None:
        """Object to whatever the books say otherwise."""
        self._agree()
        for what, expected in self._books().items():
            require(books[what] == expected, f"{what}: {books[what]}\nare not: {expected}")

    def _agree(self) -> None:
        """An order and its payment tell the same story, and what is being paid has a payment."""
        of: dict[str, list[Payment]] = {id_: [] for id_ in self.reservations}
        for payment in self.payments.values():
            of[payment.reservation.id].append(payment)
        for reservation in self.reservations.values():
            order, latest = self.orders.get(reservation.id), of[reservation.id][-1:]
            state = latest[0].state if latest else None
            if order is not None and order.total > 0:
                require(state in STORIES[order.status], f"{order.status}, but {state}")
            elif reservation.status == "PAYING" and reservation.price > 0:
                require(state in BEING_PAID, f"{reservation.status}, but {state}")

    def _books(self) -> dict[str, Any]:
        owners = self.owners.items()
        sold = len(self.sold)
        held = sum(owner is not None for owner in self.owners.values()) - sold
        return {
            "seats": [
                [0 if owner is None else 2 if seat in self.sold else 1, owner and owner.id]
                for seat, owner in owners
            ],
            "reservations": {
                r.id: [r.buyer, r.status, sorted(r.seats), r.lapsed and r.status in HOLDS]
                for r in self.reservations.values()
            },
            "payments": {
                id_: [p.reservation.id, p.attempt, p.state, p.amount]
                for id_, p in self.payments.items()
            },
            "orders": {id_: [o.status, o.total, o.tickets] for id_, o in self.orders.items()},
            "allowances": {
                buyer: seats
                for buyer in {r.buyer for r in self.reservations.values()}
                if (seats := self.allowance(buyer))
            },
            "ledger": [len(PRICES) - held - sold, held, sold, 0],
        }


@dataclass(frozen=True, slots=True)
class Step:
    """Why a payment's state may change, and what changes with it."""

    reason: Callable[[Model, Payment, Known], bool]
    effect: Callable[[Model, Payment], None] = lambda _model, _payment: None


GIVE_UP = Step(lambda model, payment, known: model.may_give_up(payment, known.told))
SELL = Step(
    lambda model, payment, known: known.charge in HAS_MONEY and model.can_sell(payment),
    lambda model, payment: model.sell(payment.reservation, "COMMITTED"),
)
DECLINE = Step(
    lambda _model, _payment, known: known.charge is ChargeState.DECLINED,
    Model.fail,
)
RESUME = Step(
    lambda model, payment, known: known.charge in HAS_MONEY and model.can_resume(payment),
    Model.resume,
)
GIVE_BACK = Step(
    lambda model, payment, known: known.charge in HAS_MONEY and not model.can_resume(payment)
)
STEPS = {
    ("STARTED", "ACTION_REQUIRED"): Step(
        lambda _model, _payment, known: known.told is ChargeState.ACTION_REQUIRED
    ),
    ("STARTED", "AUTHORISED"): SELL,
    ("ACTION_REQUIRED", "AUTHORISED"): SELL,
    ("STARTED", "DECLINED"): DECLINE,
    ("ACTION_REQUIRED", "DECLINED"): DECLINE,
    ("STARTED", "VOIDING"): GIVE_UP,
    ("ACTION_REQUIRED", "VOIDING"): GIVE_UP,
    ("VOIDING", "VOIDED"): Step(
        lambda _model, _payment, known: known.charge in NEVER_TAKEN_LATER, Model.fail
    ),
    ("VOIDED", "STARTED"): RESUME,
    ("DECLINED", "STARTED"): RESUME,
    ("VOIDED", "REFUNDING"): GIVE_BACK,
    ("DECLINED", "REFUNDING"): GIVE_BACK,
    ("AUTHORISED", "CAPTURED"): Step(
        lambda _model, _payment, known: known.charge is ChargeState.CAPTURED,
        lambda model, payment: model.order_is(payment, "PAID"),
    ),
    ("AUTHORISED", "DECLINED"): Step(
        lambda _model, _payment, known: known.charge is ChargeState.DECLINED,
        lambda model, payment: model.void(model.orders[payment.reservation.id]),
    ),
    # The order was cancelled when its buyer asked for it.
    ("CAPTURED", "REFUNDING"): Step(
        lambda _model, payment, known: known.cancelling == payment.reservation.id
    ),
    ("REFUNDING", "REFUNDED"): Step(
        lambda _model, _payment, known: known.charge is ChargeState.REFUNDED,
        lambda model, payment: model.order_is(payment, "REFUNDED"),
    ),
    ("REFUNDING", "VOIDED"): Step(
        lambda _model, _payment, known: known.charge is ChargeState.VOIDED
    ),
}
