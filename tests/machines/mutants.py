"""Broken box offices, for the machine to catch: a function in SQL, or a step in Python."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from box_office import hints, payments, settling
from box_office.payments import PaymentRow
from box_office.providers import Declined
from box_office.purchases import Purchase
from box_office.refusals import Refusal
from box_office.sales import Fail, Sell
from box_office.settling import GIVEN_UP, Settling
from box_office.wording import declined
from models import PaymentState, ReservationStatus
from tests.machines.known_plays import (
    KnownPlay,
    a_buyer_refuses_at_the_bank,
    a_capture_is_refused,
    a_card_is_declined_and_the_seats_are_given_back,
    a_key_is_used_again_for_an_open_reservation,
    a_payment_is_given_up_while_its_money_is_set_aside,
    a_process_dies_before_it_asks,
    an_answer_is_lost_and_the_seats_with_it,
    an_old_key_is_used_while_a_new_one_pays,
    late_money_finds_somebody_else_there,
    late_money_finds_the_seats_gone,
    money_comes_after_a_slow_no,
    one_reservation_lapses_while_another_is_paid,
    what_is_left_of_a_declined_try_costs_nothing,
)
from tests.races.mutants import Mutant as SqlMutant

Break = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True, slots=True)
class Mutant:
    """What is broken, and how."""

    breach: str
    #: The shortest play that shows it.
    caught_by: KnownPlay
    #: In SQL: the function, its line, and what stands there instead.
    function: str = ""
    line: str = ""
    instead: str = ""
    #: In Python.
    patch: Break | None = None

    def source(self) -> str:
        """Give the function as it is reinstalled; nothing where the breach is in Python."""
        if not self.function:
            return ""
        broken = SqlMutant(self.breach, self.function, self.line, self.instead, frozenset())
        return broken.source()


def capture_without_looking(patch: pytest.MonkeyPatch) -> None:
    """Take a refused capture for money."""

    async def capture(self: Settling, payment: PaymentRow) -> PaymentRow:
        await self.box_office.provider.capture(payment.reference or "")
        await payments.captured(self.box_office.database, payment.id)
        return await self._again(payment)

    patch.setattr(Settling, "_capture", capture)


def keep_late_money(patch: pytest.MonkeyPatch) -> None:
    """Forget to give back what came too late."""

    async def give_back(*_: Any) -> None:
        """Keep it."""

    patch.setattr(payments, "give_back", give_back)


def believe_hints(patch: pytest.MonkeyPatch) -> None:
    """Sell because a webhook came, without asking the provider."""

    async def follow(box_office: Any, payment_id: UUID, _: Any) -> None:
        payment = await payments.payment_by_id(box_office.database, payment_id)
        await Settling(box_office, None)._sell(payment, "as the hint says")

    patch.setattr(hints, "follow", follow)


def tell_nobody_of_giving_up(patch: pytest.MonkeyPatch) -> None:
    """Let go of the reservation, and not of the money."""

    async def void(self: Settling, payment: PaymentRow) -> PaymentRow:
        fail = Fail(payment.reservation_id, payment.id, PaymentState.VOIDED, GIVEN_UP)
        await self._ask(payment, Fail.STATEMENT, fail)
        return await self._again(payment)

    patch.setattr(Settling, "_void", void)


def give_up_at_once(patch: pytest.MonkeyPatch) -> None:
    """Do not wait for a request that may still be on its way."""
    patch.setattr(settling, "ARRIVAL_SECONDS_MAX", -1.0)


def sell_and_see(patch: pytest.MonkeyPatch) -> None:
    """Sell before the money is set aside: whatever the provider says."""

    async def fail(
        self: Settling, payment: PaymentRow, state: PaymentState, why: Declined
    ) -> PaymentRow:
        del state, why
        sell = Sell(payment.reservation_id, payment.id, "some reference", payment.seat_count)
        await self._ask(payment, Sell.STATEMENT, sell)
        return await self._again(payment)

    patch.setattr(Settling, "_fail", fail)


def look_at_no_other_try(patch: pytest.MonkeyPatch) -> None:
    """Tell of a try that came to nothing as if there had been no other."""

    async def came_to_nothing(self: Purchase, state: PaymentState, why: Declined) -> Refusal:
        held = await self._status() is ReservationStatus.OPEN
        if state is PaymentState.VOIDED and not held:
            return await self._lost()
        return declined(why, held=held)

    patch.setattr(Purchase, "_came_to_nothing", came_to_nothing)


MUTANTS = (
    Mutant(
        "seats are sold to whoever pays, whoever holds them",
        an_answer_is_lost_and_the_seats_with_it,
        "sell_seats",
        "WHERE s.reservation_id = m.id AND s.seat_index = ANY (m.seat_indexes))",
        "WHERE s.seat_index = ANY (m.seat_indexes))",
    ),
    Mutant(
        "a payment that was given up still sells",
        a_payment_is_given_up_while_its_money_is_set_aside,
        "sell_seats",
        "AND p.state IN ('STARTED', 'ACTION_REQUIRED')",
        "AND p.state IN ('STARTED', 'ACTION_REQUIRED', 'VOIDING', 'VOIDED')",
    ),
    Mutant(
        "the sweep ends what is being paid",
        one_reservation_lapses_while_another_is_paid,
        "expire_reservations",
        "WHERE r.status = 'OPEN' AND r.expires_at <= now() AND r.event_id = p_event",
        "WHERE r.status IN ('OPEN', 'PAYING') AND r.expires_at <= now() AND r.event_id = p_event",
    ),
    Mutant(
        "a seat is given back, whoever has it by now",
        an_answer_is_lost_and_the_seats_with_it,
        "give_back_seats",
        "AND e.reservation_id = ANY (p_reservations)",
        "",
    ),
    Mutant(
        "late money takes seats that are somebody else's",
        late_money_finds_somebody_else_there,
        "resume_payment",
        "AND (s.reservation_id = v_mine.id OR s.held_until <= now())))",
        "))",
    ),
    Mutant(
        "a key that was used answers any question",
        a_key_is_used_again_for_an_open_reservation,
        "begin_purchases",
        "IS DISTINCT FROM (p_hashes[q.request], 'PURCHASE') THEN 'reused'",
        "IS DISTINCT FROM (p_hashes[q.request], 'PURCHASE') THEN 'replay'",
    ),
    Mutant(
        "what is being voided may still be declined",
        money_comes_after_a_slow_no,
        "fail_payments",
        "(p_states[item.n] = 'VOIDED' AND p.state = 'VOIDING')",
        "(p.state = 'VOIDING')",
    ),
    Mutant(
        "a repeated call is judged by what the seats cost by now",
        what_is_left_of_a_declined_try_costs_nothing,
        "begin_purchases",
        "CASE WHEN k.key IS NOT NULL THEN k.payment_id\n",
        "CASE WHEN seats_price(p_event, m.seat_indexes) = 0 THEN NULL\n"
        "                WHEN k.key IS NOT NULL THEN k.payment_id\n",
    ),
    Mutant(
        "a refused capture is taken for money", a_capture_is_refused, patch=capture_without_looking
    ),
    Mutant(
        "money that came too late is kept", late_money_finds_the_seats_gone, patch=keep_late_money
    ),
    Mutant(
        "an old key is told of the reservation alone",
        an_old_key_is_used_while_a_new_one_pays,
        patch=look_at_no_other_try,
    ),
    Mutant("a webhook is believed", a_buyer_refuses_at_the_bank, patch=believe_hints),
    Mutant(
        "the provider is not told of what was given up",
        a_process_dies_before_it_asks,
        patch=tell_nobody_of_giving_up,
    ),
    Mutant(
        "what may be on its way is given up at once",
        a_process_dies_before_it_asks,
        patch=give_up_at_once,
    ),
    Mutant(
        "what was declined is sold all the same",
        a_card_is_declined_and_the_seats_are_given_back,
        patch=sell_and_see,
    ),
)
