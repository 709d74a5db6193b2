"""Plays that are known by heart: together they take every arrow there is, however rare."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.machines.gates import Place
from tests.machines.machine import A_LITTLE, BoxOfficeMachine
from tests.machines.play import Play

KnownPlay = Callable[[BoxOfficeMachine], None]


@contextmanager
def machine_of(play: Play) -> Iterator[BoxOfficeMachine]:
    """Play by hand; at the end everything comes to rest, and is judged."""
    machine = BoxOfficeMachine(play)
    machine.begin()
    try:
        yield machine
        machine.the_books_agree()
    finally:
        machine.teardown()


def buy(machine: BoxOfficeMachine, token: str, stop: Place | None = None) -> None:
    """Have Ada reserve a seat and pay for it."""
    machine.reserve(buyer=0, named={1}, standing=0)
    machine.purchase(n=0, is_others=False, token=token, key="a", stop=stop)


def lapse_and_give_up(machine: BoxOfficeMachine) -> None:
    """Let the payment's deadline pass, and the reconciler come."""
    machine.lapse(n=0, is_hard=True)
    machine.reconcile(process=0, stop=None)


def an_order_is_paid_and_cancelled(machine: BoxOfficeMachine) -> None:
    buy(machine, "pretend_ok")
    machine.cancel_order(n=0, is_others=False, key=None, stop=None)


def what_costs_nothing_is_bought_and_cancelled(machine: BoxOfficeMachine) -> None:
    machine.reserve(buyer=0, named=set(), standing=1)
    machine.purchase(n=0, is_others=False, token="pretend_ok", key=None, stop=None)
    machine.cancel_order(n=0, is_others=False, key=None, stop=None)


def a_capture_is_refused(machine: BoxOfficeMachine) -> None:
    buy(machine, "pretend_capture_refused")


def a_card_is_declined_and_the_seats_are_given_back(machine: BoxOfficeMachine) -> None:
    buy(machine, "pretend_declined")
    machine.release(n=0, is_others=False, given=set())


def a_buyer_approves_at_the_bank(machine: BoxOfficeMachine) -> None:
    buy(machine, "pretend_action_required")
    machine.decide_at_the_bank(n=0, approve=True)
    machine.purchase_again(n=0, stop=None)


def a_buyer_refuses_at_the_bank(machine: BoxOfficeMachine) -> None:
    buy(machine, "pretend_action_required")
    machine.decide_at_the_bank(n=0, approve=False)
    machine.webhook(n=0, stop=None, is_forged=False)


def a_process_dies_before_it_asks(machine: BoxOfficeMachine) -> None:
    """The reconciler comes soon, when the request may be on its way; and later, when it is not."""
    machine.reserve(buyer=0, named={1}, standing=0)
    machine.begin_to_pay_and_die(n=0, key="a")
    machine.reconcile(process=0, stop=None, after=A_LITTLE)
    machine.reconcile(process=0, stop=None)


def an_answer_is_lost_and_the_seats_with_it(machine: BoxOfficeMachine) -> None:
    """The money is set aside, nobody knows, and somebody else has the seat by then."""
    buy(machine, "pretend_ok", stop=Place.AUTHORISE_ANSWERED)
    machine.lapse(n=0, is_hard=True)
    machine.reserve(buyer=1, named={1}, standing=0)
    machine.go_on(n=0, stop=None)


def a_payment_is_given_up_while_its_money_is_set_aside(machine: BoxOfficeMachine) -> None:
    """The request arrives after all, while the reconciler tells the provider to let go."""
    buy(machine, "pretend_ok", stop=Place.AUTHORISE)
    machine.reconcile(process=0, stop=Place.VOID)
    machine.go_on(n=1, stop=None)


def late_money_buys_the_seats_after_all(machine: BoxOfficeMachine) -> None:
    buy(machine, "pretend_late_money")
    lapse_and_give_up(machine)
    machine.sweep()
    machine.decide_at_the_bank(n=0, approve=True)
    machine.webhook(n=0, stop=None, is_forged=False)


def late_money_comes_when_another_try_has_paid(machine: BoxOfficeMachine) -> None:
    """It goes back, and the order that the other try has made stays as it is."""
    buy(machine, "pretend_late_money")
    machine.lapse(n=0, is_hard=False)
    machine.reconcile(process=0, stop=None)
    machine.purchase(n=0, is_others=False, token="pretend_ok", key="b", stop=None)
    machine.decide_at_the_bank(n=0, approve=True)
    machine.webhook(n=0, stop=None, is_forged=False)


def late_money_finds_somebody_else_there(machine: BoxOfficeMachine) -> None:
    buy(machine, "pretend_late_money")
    lapse_and_give_up(machine)
    machine.reserve(buyer=1, named={1}, standing=0)
    machine.decide_at_the_bank(n=0, approve=True)
    machine.webhook(n=0, stop=None, is_forged=False)


def late_money_finds_the_seats_gone(machine: BoxOfficeMachine) -> None:
    buy(machine, "pretend_late_money")
    lapse_and_give_up(machine)
    machine.reserve_and_purchase(buyer=1, named={1}, token="pretend_ok", stop=None)
    machine.decide_at_the_bank(n=0, approve=True)
    machine.webhook(n=0, stop=None, is_forged=False)


def a_no_is_taken_back(machine: BoxOfficeMachine) -> None:
    """The seats are still hers, and she has them after all."""
    buy(machine, "pretend_declined")
    machine.take_back_a_no(n=0)
    machine.webhook(n=0, stop=None, is_forged=False)


def a_no_is_taken_back_when_the_seats_are_gone(machine: BoxOfficeMachine) -> None:
    """The money is only set aside, and let go of."""
    buy(machine, "pretend_declined")
    machine.release(n=0, is_others=False, given=set())
    machine.reserve(buyer=1, named={1}, standing=0)
    machine.take_back_a_no(n=0)
    machine.webhook(n=0, stop=None, is_forged=False)


def a_refused_capture_is_taken_back(machine: BoxOfficeMachine) -> None:
    """The tickets are void, and stay so; the money that is set aside again is let go of."""
    buy(machine, "pretend_capture_refused")
    machine.take_back_a_no(n=0)
    machine.webhook(n=0, stop=None, is_forged=False)


def a_seat_is_lost_while_the_bank_waits(machine: BoxOfficeMachine) -> None:
    buy(machine, "pretend_action_required")
    machine.lapse(n=0, is_hard=False)
    machine.sweep()
    machine.reserve(buyer=1, named={1}, standing=0)
    machine.reconcile(process=0, stop=None)


def a_key_is_used_again_for_an_open_reservation(machine: BoxOfficeMachine) -> None:
    buy(machine, "pretend_declined")
    machine.purchase_again(n=0, stop=None)
    machine.purchase(n=0, is_others=False, token="pretend_ok", key="a", stop=None)


def one_reservation_lapses_while_another_is_paid(machine: BoxOfficeMachine) -> None:
    buy(machine, "pretend_action_required")
    machine.lapse(n=0, is_hard=False)
    machine.reserve(buyer=1, named={2}, standing=0)
    machine.lapse(n=0, is_hard=False)
    machine.sweep()


def a_reservation_lapses(machine: BoxOfficeMachine) -> None:
    machine.reserve(buyer=0, named={1}, standing=0)
    machine.lapse(n=0, is_hard=False)
    machine.sweep()


def money_comes_after_a_slow_no(machine: BoxOfficeMachine) -> None:
    """Given up, and voided; a slow request hears of that as a refusal. Then the bank pays."""
    buy(machine, "pretend_late_money")
    machine.purchase_again(n=0, stop=Place.AUTHORISE)
    machine.lapse(n=0, is_hard=True)
    machine.reconcile(process=0, stop=Place.VOID_ANSWERED)
    machine.go_on(n=1, stop=None)
    machine.decide_at_the_bank(n=0, approve=True)


def an_old_key_is_used_while_a_new_one_pays(machine: BoxOfficeMachine) -> None:
    machine.reserve(buyer=0, named={1}, standing=0)
    machine.begin_to_pay_and_die(n=0, key="a")
    machine.reconcile(process=0, stop=None)
    machine.purchase(n=0, is_others=False, token="pretend_ok", key="b", stop=Place.AUTHORISE)
    machine.purchase_again(n=1, stop=None)
    machine.go_on(n=0, stop=None)
    machine.purchase_again(n=1, stop=None)


def an_old_key_is_used_once_the_new_one_has_paid_and_cancelled(machine: BoxOfficeMachine) -> None:
    machine.reserve(buyer=0, named={1}, standing=0)
    machine.begin_to_pay_and_die(n=0, key="a")
    machine.reconcile(process=0, stop=None)
    machine.purchase(n=0, is_others=False, token="pretend_ok", key="b", stop=None)
    machine.cancel_order(n=0, is_others=False, key=None, stop=None)
    machine.purchase_again(n=1, stop=None)


def what_is_left_of_a_declined_try_costs_nothing(machine: BoxOfficeMachine) -> None:
    machine.reserve(buyer=0, named={1}, standing=1)
    machine.purchase(n=0, is_others=False, token="pretend_declined", key="a", stop=None)
    machine.release(n=0, is_others=False, given={1})
    machine.purchase_again(n=0, stop=None)


PLAYS: tuple[KnownPlay, ...] = (
    money_comes_after_a_slow_no,
    an_old_key_is_used_while_a_new_one_pays,
    an_old_key_is_used_once_the_new_one_has_paid_and_cancelled,
    what_is_left_of_a_declined_try_costs_nothing,
    an_order_is_paid_and_cancelled,
    what_costs_nothing_is_bought_and_cancelled,
    a_capture_is_refused,
    a_card_is_declined_and_the_seats_are_given_back,
    a_buyer_approves_at_the_bank,
    a_buyer_refuses_at_the_bank,
    a_process_dies_before_it_asks,
    an_answer_is_lost_and_the_seats_with_it,
    a_payment_is_given_up_while_its_money_is_set_aside,
    late_money_buys_the_seats_after_all,
    late_money_comes_when_another_try_has_paid,
    late_money_finds_somebody_else_there,
    late_money_finds_the_seats_gone,
    a_no_is_taken_back,
    a_no_is_taken_back_when_the_seats_are_gone,
    a_refused_capture_is_taken_back,
    a_seat_is_lost_while_the_bank_waits,
    a_key_is_used_again_for_an_open_reservation,
    one_reservation_lapses_while_another_is_paid,
    a_reservation_lapses,
)
