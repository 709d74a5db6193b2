"""The machine: two buyers, a sweeper, a reconciler and a provider, in any order that can be.

Everything is asked of the real box office, on a real PostgreSQL. Whatever asks the provider stops
at gates (`gates`), so that anything may happen before it goes on; or it dies there, or is never
answered. After each move of anybody the model (`model`) and the books must say the same.
"""

import sys
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID, uuid5

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from box_office.cancelling import CancelOrderRequest, cancel_order
from box_office.hints import receive_hint
from box_office.providers import ChargeState
from box_office.purchases import STILL_GOING_ON, PurchaseRequest, purchase_reservation
from box_office.reconciling import Reconciler
from box_office.refusals import Refusal
from box_office.releasing import cancel_reservation, release_seats
from box_office.reservations import ReservationRow
from box_office.sales import Begin
from models import Order
from onsale.payments.pretend import webhooks
from tests.machines.arrows import Step, steps
from tests.machines.bank import KEY, Charge
from tests.machines.gates import Gate, Place, Work, state_told
from tests.machines.ground import PRICES, STANDING
from tests.machines.model import HOLDS, Known, Model, Reservation, require
from tests.machines.play import Play
from tests.races.checkers import CHARGE_STATES, objections

BUYERS = tuple(uuid5(UUID(int=0), name) for name in ("Ada", "Ben"))
TOKENS = (
    "pretend_ok",
    "pretend_ok",
    "pretend_ok",
    "pretend_declined",
    "pretend_action_required",
    "pretend_late_money",
    "pretend_timeout",
    "pretend_error",
    "pretend_capture_refused",
    "pretend_flaky_1",
    "pretend_flaky_2",
    "pretend_flaky_3",
    "pretend_late_money",
    "a token of nobody",
)
#: Longer than anybody is left alone; and than a request may be on its way, too.
A_LITTLE = 12.0
LONG = 40.0
AN_HOUR = 3_600.0
#: A flaky charge is well after six calls, and every round makes one at least.
ROUNDS_MAX = 12
#: The reconciler leaves nothing in these for ever; a payment that ended may yet be refunded.
UNFINISHED = {"STARTED", "ACTION_REQUIRED", "AUTHORISED", "VOIDING", "REFUNDING"}
WAITING = {"STARTED", "ACTION_REQUIRED"}
NO_NEWS = {ChargeState.NONE, ChargeState.ACTION_REQUIRED}

Thing = TypeVar("Thing")

buyers = st.integers(0, len(BUYERS) - 1)
#: Which of the things there are, counted from the likeliest, and more often the likely ones.
which = st.sampled_from((0, 0, 0, 0, 1, 1, 2, 3, 4, 5))
stops = st.none() | st.none() | st.sampled_from(Place)
#: None: a new one.
keys = st.none() | st.none() | st.sampled_from(("a", "b"))
rarely = st.sampled_from((False, False, False, True))
seats = st.sets(st.integers(0, len(PRICES) - 1), max_size=3)


def latest(things: Sequence[Thing], n: int) -> Thing:
    """Choose one of what there is."""
    return things[-1 - n % len(things)]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a piece of work is about, to judge its answer by."""

    #: The buyer and the key, where one asked under a key.
    key: tuple[str, str] | None = None
    reservation: str | None = None
    #: What the model expects of the first step.
    expected: str = ""
    is_cancelling: bool = False


class BoxOfficeMachine(RuleBasedStateMachine):
    """Plays on one ground, again and again."""

    def __init__(self, play: Play) -> None:
        super().__init__()
        self.play, self.ground = play, play.ground
        self.office, self.director = self.ground.hall.box_office, self.ground.director
        self.model = Model()
        #: Two processes look after what was left.
        self.reconcilers = [Reconciler(self.office) for _ in range(2)]
        self.requests: list[PurchaseRequest] = []
        #: Requests that nobody waits for any more, and that may still arrive.
        self.astray: list[Gate] = []
        self.order_ids: dict[str, str] = {}
        #: The payment that a task is about, by what it asked the provider for.
        self.subjects: dict[Any, str] = {}

    def run(self, work: Coroutine[Any, Any, Thing]) -> Thing:
        """Let the ground's loop run until it is done."""
        return self.play.run(work)

    @initialize()
    def begin(self) -> None:
        """Play in an empty hall."""
        self.run(self.ground.reset())
        self.play.examples += 1

    # Buyers.

    @rule(buyer=buyers, named=seats, standing=st.integers(0, STANDING))
    def reserve(self, buyer: int, named: set[int], standing: int) -> None:
        """Wish for seats by name, for standing places, or for both."""
        if not named and not standing:
            named = {0}
        who = str(BUYERS[buyer])
        wrong, lacking = self.model.ask_for(who, named, standing)
        answer = self.run(
            self.ground.hall.reserve(*sorted(named), buyer=BUYERS[buyer], standing=standing)
        )
        if isinstance(answer, ReservationRow):
            require(not wrong, f"granted, though {wrong}")
            got = str(answer.id), set(answer.seat_indexes)
            self.model.granted(who, named, lacking, got)
        else:
            told = {type(refusal).__name__ for refusal in answer}
            require(told == wrong, f"refused as {told}, expected {wrong}")
        self.look()

    @rule(buyer=buyers, named=seats, token=st.sampled_from(TOKENS), stop=stops)
    def reserve_and_purchase(
        self, buyer: int, named: set[int], token: str, stop: Place | None
    ) -> None:
        """Buy without a moment's thought."""
        self.reserve(buyer, named, 0)
        mine = self.model.reservation_of(str(BUYERS[buyer]))
        if mine is not None:
            self.pay(self.request_of(BUYERS[buyer], mine, token, None), stop)

    @precondition(lambda self: self.holds())
    @rule(n=which, is_others=rarely, given=seats)
    def release(self, n: int, is_others: bool, given: set[int]) -> None:
        """Give some seats back, mostly of one's own reservation; or all."""
        chosen = self.reservation(n)
        reservation, owner = chosen.id, BUYERS.index(UUID(chosen.buyer))
        who = BUYERS[owner ^ is_others]
        if given:
            release = release_seats(self.office, who, UUID(reservation), sorted(given))
        else:
            release = cancel_reservation(self.office, who, UUID(reservation), "changed my mind")
        answer = self.run(release)
        wrong = self.model.release(str(who), reservation, given or None)
        told = None if isinstance(answer, ReservationRow) else type(answer[0]).__name__
        require(told == wrong, f"answered {told}, expected {wrong}")
        self.look()

    @precondition(lambda self: self.model.reservations)
    @rule(
        n=which,
        is_others=rarely,
        token=st.sampled_from(TOKENS),
        key=keys,
        stop=stops,
    )
    def purchase(
        self, n: int, is_others: bool, token: str, key: str | None, stop: Place | None
    ) -> None:
        """Pay for a reservation, mostly one's own."""
        reservation = self.reservation(n)
        owner = BUYERS.index(UUID(reservation.buyer))
        request = self.request_of(BUYERS[owner ^ is_others], reservation, token, key)
        self.pay(request, stop)

    def request_of(
        self, buyer: UUID, reservation: Reservation, token: str, key: str | None
    ) -> PurchaseRequest:
        key = key or f"key {len(self.requests)}"
        request = PurchaseRequest(buyer, UUID(reservation.id), "ada@example.org", token, key)
        self.requests.append(request)
        return request

    def reservation(self, n: int) -> Reservation:
        """Choose one, likelier one that is open, likelier a late one."""
        known = list(self.model.reservations.values())
        return latest(sorted(known, key=lambda r: (r.status in HOLDS, r.status == "OPEN")), n)

    @precondition(lambda self: self.requests)
    @rule(n=which, stop=stops)
    def purchase_again(self, n: int, stop: Place | None) -> None:
        """Repeat exactly an earlier call."""
        self.pay(latest(self.requests, n), stop)

    def pay(self, request: PurchaseRequest, stop: Place | None) -> None:
        asked = self.expect_purchase(request)
        work = self.start(asked, purchase_reservation(self.office, request))
        self.move_on(work, stop)

    def expect_purchase(self, request: PurchaseRequest) -> Asked:
        buyer, reservation = str(request.buyer_id), str(request.reservation_id)
        key = request.idempotency_key
        question = ("purchase", reservation, request.payment_token)
        expected = self.model.begin(buyer, reservation, key, question)
        return Asked((buyer, key), reservation, expected)

    @precondition(lambda self: self.holds())
    @rule(n=which, key=keys)
    def begin_to_pay_and_die(self, n: int, key: str | None) -> None:
        """A purchase is begun by a process that dies before it asks the provider."""
        reservation = self.reservation(n)
        request = self.request_of(UUID(reservation.buyer), reservation, "pretend_ok", key)
        asked = self.expect_purchase(request)
        begin = Begin(
            request.buyer_id,
            request.reservation_id,
            request.email,
            request.idempotency_key,
            request.digest(),
            self.office.provider.name,
        )
        work = self.start(asked, self.office.ask(self.ground.hall.event_id, begin.STATEMENT, begin))
        require(work.caller.result()["o_outcome"], "a batch leaves nobody without an answer")

    @precondition(lambda self: self.order_ids)
    @rule(n=which, is_others=rarely, key=keys, stop=stops)
    def cancel_order(self, n: int, is_others: bool, key: str | None, stop: Place | None) -> None:
        """Cancel an order, mostly one's own."""
        live = sorted(self.model.orders.values(), key=lambda order: order.tickets > 0)
        reservation = latest(live, n).reservation
        who, order = UUID(reservation.buyer), self.order_ids[reservation.id]
        who = BUYERS[BUYERS.index(who) ^ is_others]
        key = key or f"cancel {len(self.model.keys)}"
        expected = self.model.cancel(str(who), reservation.id, key, ("cancel", order))
        asked = Asked((str(who), key), reservation.id, expected, is_cancelling=True)
        request = CancelOrderRequest(who, UUID(order), None, key)
        self.move_on(self.start(asked, cancel_order(self.office, request)), stop)

    @precondition(lambda self: self.undecided())
    @rule(n=which, approve=st.sampled_from((True, True, False)))
    def decide_at_the_bank(self, n: int, approve: bool) -> None:
        """The buyer presses a button of the bank's page."""
        charge = latest(self.undecided(), n)
        self.ground.bank.decide(charge.client_secret, approve=approve)

    def take_back_a_no(self, n: int) -> None:
        """The provider has refused a card, and has its money after all.

        Not by chance: nobody asks about a refusal again, so its webhook has to follow.
        """
        charges = self.ground.bank.charges().values()
        refused = [charge for charge in charges if charge.state is ChargeState.DECLINED]
        self.ground.bank.take_back_a_no(latest(refused, n).payment_id)

    # Time, and those who act on it.

    @precondition(lambda self: self.holds())
    @rule(n=which, is_hard=st.booleans())
    def lapse(self, n: int, is_hard: bool) -> None:
        """The time of a reservation is over."""
        reservation = self.reservation(n).id
        self.run(self.ground.lapse(UUID(reservation), is_hard=is_hard))
        self.model.lapse(reservation, is_hard=is_hard)
        self.look()

    @precondition(lambda self: any(r.lapsed for r in self.holds()))
    @rule()
    def sweep(self) -> None:
        """The sweeper comes once."""
        expected = self.model.sweep()
        ended = self.run(self.office.sweep())
        require(ended == expected, f"{ended} reservations were ended, expected {expected}")
        self.look()

    @precondition(lambda self: self.model.payments or self.holds())
    @rule(process=st.integers(0, 1), stop=stops, after=st.sampled_from((0, A_LITTLE, LONG, LONG)))
    def reconcile(self, process: int, stop: Place | None, after: float = LONG) -> None:
        """The reconciler of one of two processes comes, mostly after a while."""
        self.age(after)
        self.move_on(self.start(Asked(), self.reconcilers[process].take_up()), stop)

    def age(self, seconds: float) -> None:
        self.run(self.ground.age_payments(seconds))
        for payment in self.model.payments.values():
            payment.waited += seconds

    # The network.

    @precondition(lambda self: self.ground.bank.hints())
    @rule(n=st.integers(0, 20), stop=stops, is_forged=rarely)
    def webhook(self, n: int, stop: Place | None, is_forged: bool) -> None:
        """A webhook arrives: late, twice, in any order, or from somebody else."""
        hint_id, payment_id = latest(self.ground.bank.hints(), n)
        body = f'{{"payment_id": "{payment_id}"}}'.encode()
        headers = webhooks.headers_of("another key" if is_forged else KEY, hint_id, body)
        hint = self.ground.provider.read_hint(headers, body)
        require((hint is None) == is_forged, "who sent a webhook is seen by its signature")
        if hint is not None:
            self.move_on(self.start(Asked(), receive_hint(self.office, hint)), stop)

    @precondition(lambda self: self.ground.provider.gates)
    @rule(n=which, stop=stops)
    def go_on(self, n: int, stop: Place | None) -> None:
        """A request arrives at the provider, or an answer here."""
        gate = latest(self.gates(), n)
        work = self.director.work_at(gate)
        self.open(gate)
        self.move_on(work, stop)

    @precondition(lambda self: self.ground.provider.gates)
    @rule(n=which, stop=stops, goes_astray=st.booleans())
    def lose(self, n: int, stop: Place | None, goes_astray: bool) -> None:
        """A request or an answer is lost; or it arrives when nobody waits any more."""
        gate = latest(self.gates(), n)
        work = self.director.work_at(gate)
        if goes_astray and not gate.place.is_answer:
            self.astray.append(gate)
        self.open(gate, is_lost=True)
        self.move_on(work, stop)

    @precondition(lambda self: self.ground.provider.gates)
    @rule(n=which, goes_astray=st.booleans())
    def die(self, n: int, goes_astray: bool) -> None:
        """A process dies while it asks the provider."""
        gate = latest(self.gates(), n)
        if goes_astray and not gate.place.is_answer:
            self.astray.append(gate)
        self.run(self.director.kill(gate))
        self.look()

    @precondition(lambda self: self.astray)
    @rule(n=which)
    def arrive_late(self, n: int) -> None:
        """A request arrives at the provider that nobody waits for any more."""
        gate = latest(self.astray, n)
        self.astray.remove(gate)
        self.run(gate.arrive())

    # How it goes on, and what must hold.

    def holds(self) -> list[Reservation]:
        """Whatever is not over."""
        return [r for r in self.model.reservations.values() if r.status in HOLDS]

    def undecided(self) -> list[Charge]:
        """What buyers see a bank's page of: it waits for them, or has waited too long."""
        undecided = {ChargeState.ACTION_REQUIRED, ChargeState.VOIDED}
        return [c for c in self.ground.bank.charges().values() if c.state in undecided]

    def start(self, asked: Asked, call: Coroutine[Any, Any, Any]) -> Work:
        """Ask for something, and run to the first gates."""
        work = self.run(self.director.start(asked, call))
        self.after(work)
        return work

    def open(self, gate: Gate, *, is_lost: bool = False) -> None:
        """Open one gate, and run to the next."""
        work = self.director.work_at(gate)
        self.run(self.director.open(gate, is_lost=is_lost))
        self.after(work, gate)

    def move_on(self, work: Work, stop: Place | None) -> None:
        """Go on, part by part, but for those who come to where they are to stop."""
        while gates := [g for g in self.gates() if g.task in work.parts and g.place is not stop]:
            self.open(gates[0])

    def gates(self) -> list[Gate]:
        """Whoever is held, in an order that does not depend on chance."""
        order = {id_: n for n, id_ in enumerate(self.model.payments)}
        return sorted(self.ground.provider.gates, key=lambda gate: order[self.payment_at(gate)])

    def payment_at(self, gate: Gate) -> str:
        """Which payment a request is about."""
        if gate.task not in self.subjects:
            subject = self.ground.bank.payment_of(gate.subject)
            self.subjects[gate.task] = subject
        return self.subjects[gate.task]

    def after(self, work: Work, gate: Gate | None = None) -> None:
        """Somebody has moved: follow what became of the books, and judge what was answered."""
        task = None if gate is None else gate.task
        told = None if task is None else state_told(self.ground.provider.told.get(task))
        self.look(work, told)
        if task is not None and task.done() and task not in self.ground.provider.unanswered:
            self.has_done_all(self.subjects[task], told)
        if work.caller.done() and not work.is_dead and not work.is_judged:
            work.is_judged = True
            self.judge(work)

    def has_done_all(self, payment_id: str, told: ChargeState | None) -> None:
        """Whoever goes on with a payment, and gets answers, leaves nothing that could be done."""
        state = self.model.payments[payment_id].state
        waits = state in WAITING and told in NO_NEWS
        require(state not in UNFINISHED or waits, f"a payment was left {state} after {told}")

    def look(self, work: Work | None = None, told: ChargeState | None = None) -> None:
        """Take the model along whatever arrows the books have taken, and compare."""
        books, arrows = self.run(self.ground.look())
        self.play.taken += steps(arrows)
        asked = work.about if work is not None else Asked()
        charges = self.ground.bank.charges()
        for arrow in arrows:
            step: Step = (arrow.subject, arrow.before, arrow.after)
            require(step in self.play.documented, f"{step} is in no diagram")
            if arrow.subject == "reservations":
                self.reservation_moved(arrow.id, arrow.before, arrow.after)
            if arrow.subject != "payments":
                continue
            if arrow.before is None:
                require(asked.expected == "begun", "a payment was begun that nobody asked for")
                self.model.payment_made(arrow.id, books["payments"][arrow.id], asked.key)
                continue
            charge = charges[arrow.id].state if arrow.id in charges else ChargeState.NONE
            cancelling = asked.reservation if asked.is_cancelling else None
            known = Known(charge, told, cancelling)
            self.model.payment_moved(arrow.id, arrow.before, arrow.after, known)
        self.order_ids = books.pop("order_ids")
        self.model.compare(books)

    def reservation_moved(self, reservation_id: str, before: str | None, after: str) -> None:
        """What costs nothing is sold without a payment."""
        known = self.model.reservations.get(reservation_id)
        if before == "PAYING" and known is not None and known.price == 0:
            self.model.paid_nothing(reservation_id, after)

    def judge(self, work: Work) -> None:
        """See whether an answer is true."""
        asked: Asked = work.about
        if asked.key is None:
            work.caller.result()
            return
        answer = work.caller.result()
        if isinstance(answer, Order):
            order = self.model.orders[str(answer.reservation_id)]
            require(order.reservation.buyer == asked.key[0], "somebody else's order was shown")
            require(order.status == answer.status, "an order was shown that is not as it stands")
            require(asked.expected in {"begun", "replay", "voided"}, "an order was not refused")
        elif isinstance(answer, list):
            self.judge_refusal(work, answer[0])

    def judge_refusal(self, work: Work, refusal: Refusal) -> None:
        """See whether there was reason to say no."""
        asked: Asked = work.about
        name = type(refusal).__name__
        if asked.expected not in {"begun", "replay", "voided"}:
            require(name == asked.expected, f"refused as {name}, expected {asked.expected}")
            return
        assert asked.key is not None
        assert asked.reservation is not None
        reservation = self.model.reservations[asked.reservation]
        payment = self.model.payments.get(self.model.keys[asked.key][1] or "")
        state = payment and payment.state
        came_to_nothing = state in {"DECLINED", "VOIDED"}
        order = self.model.orders.get(asked.reservation)
        elsewhere = reservation.status == "PAYING" or (order is not None and order.tickets > 0)
        match name:
            case "PaymentDeclined":
                held = reservation.status == "OPEN" and not reservation.lapsed
                true = came_to_nothing and not elsewhere
                true = true and held == ("still held" in refusal.message)
            case "ReservationNotOpen":
                true = came_to_nothing and elsewhere
            case "ReservationExpired":
                over = reservation.status in {"EXPIRED", "CANCELLED"} or reservation.lapsed
                true = over and not elsewhere
            case "PaymentActionRequired":
                true = state is not None
            case "OutcomeUnknown":
                silent = any(part in self.ground.provider.unanswered for part in work.parts)
                true = silent or refusal.message == STILL_GOING_ON
            case _:
                true = False
        require(true, f"{name} was answered: {state}, {reservation}")

    @invariant()
    def the_books_agree(self) -> None:
        """The audit finds nothing that must always hold."""
        self.play.steps += 1
        broken = self.run(self.ground.broken_rules())
        require(not broken, f"the audit found: {broken}")

    # The end.

    def teardown(self) -> None:
        """Let everything come to rest, and see that it does, and that the money is right."""
        try:
            if sys.exc_info()[0] is None:  # Else something is wrong already, or given up.
                self.come_to_rest()
        finally:
            self.run(self.director.stop())
            self.run(self.ground.reset())

    def come_to_rest(self) -> None:
        """Let everybody go on, and then the sweeper and the reconciler do what is left."""
        while gates := self.gates():
            self.open(gates[0])
        for reservation in list(self.model.reservations):
            self.run(self.ground.lapse(UUID(reservation), is_hard=True))
            self.model.lapse(reservation, is_hard=True)
        for _ in range(ROUNDS_MAX):
            self.age(AN_HOUR)
            self.move_on(self.start(Asked(), self.reconcilers[0].take_up()), None)
            if not any(p.state in UNFINISHED for p in self.model.payments.values()):
                break
        self.run(self.office.sweep())
        self.model.sweep()
        self.look()
        found = self.run(objections(self.office.database))
        require(not found, f"the audit found, at rest: {found}")
        self.money_is_right()

    def money_is_right(self) -> None:
        """The provider's books and ours agree, and everybody has what they paid for."""
        charges = self.ground.bank.charges()
        for id_, payment in self.model.payments.items():
            charge = charges.get(id_)
            state = None if charge is None else charge.state.value
            require(
                state in CHARGE_STATES[payment.state],
                f"a payment is {payment.state} here and {state} there",
            )
        taken = [c for c in charges.values() if c.state is ChargeState.CAPTURED]
        live = [o for o in self.model.orders.values() if o.tickets]
        require(
            sum(charge.amount_minor for charge in taken) == sum(order.total for order in live),
            "what was taken is not what the live tickets cost",
        )
        for charge in taken:
            reservation = self.model.payments[charge.payment_id].reservation
            require(reservation.id in self.model.orders, "somebody paid, and has no order")
