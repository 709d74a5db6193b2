"""Bringing a payment to its end, from wherever it stands.

The buyer's call does it, its repetitions do, and the reconciler does for whoever went away: all by
the same steps. Each step is a compare-and-set on the payment's state; who comes second finds it
done and goes on from there. So nothing has to be remembered but the payment itself.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from box_office import payments
from box_office.box_office import BoxOffice
from box_office.crash_points import CrashPoint, passing
from box_office.orders import order_ids_by_reservation_ids
from box_office.payments import PaymentRow
from box_office.providers import (
    ActionRequired,
    Authorised,
    Charge,
    ChargeState,
    Declined,
    ProviderUnreachable,
    Standing,
)
from box_office.refusals import OutcomeUnknown
from box_office.sales import Fail, Refuse, Resume, Sell
from models import PaymentState

#: A payment of which the provider knows nothing may still be on its way there, but not for so long:
#: no adapter waits for an answer as long as this.
ARRIVAL_SECONDS_MAX = 30.0
#: More than the longest way there is, with every step lost once to somebody else.
STEPS_MAX = 20

LET_GO = {ChargeState.VOIDED, ChargeState.REFUNDED, ChargeState.DECLINED}

NO_LONGER_SET_ASIDE = Declined(
    "no_longer_set_aside", "The money is no longer set aside.", retryable=True
)
GIVEN_UP = Declined("given_up", "The payment did not come through in time.", retryable=True)


class Unsettled(Exception):  # noqa: N818 - named for what is the case.
    """Nobody can say what a step has done. Settling again goes on from there."""


async def settle(
    box_office: BoxOffice, payment_id: UUID, token: str | None = None, *, look_again: bool = False
) -> PaymentRow | ActionRequired:
    """Go on with a payment until it has ended, or waits for the buyer or the provider.

    With the buyer's `token` the money is asked for; without, the provider is asked what it knows.
    `look_again` at a payment that came to nothing: its money may have come late. Gives the payment
    as it is then, or what the buyer has to do. Raises ProviderUnreachable, Unsettled.
    """
    settling = Settling(box_office, token)
    payment = await payments.payment_by_id(box_office.database, payment_id)
    if look_again and payment.state in {PaymentState.DECLINED, PaymentState.VOIDED}:
        payment = await settling.look_for_late_money(payment)
    for _ in range(STEPS_MAX):
        step = await settling.go_on(payment)
        if step is None:
            return payment
        if isinstance(step, ActionRequired):
            return step
        payment = step
    raise Unsettled("The payment's state keeps changing.")


@dataclass(frozen=True, slots=True)
class Settling:
    """The steps. Each gives the payment as it stands then."""

    box_office: BoxOffice
    #: None: the buyer is not here, and what was never asked for cannot be.
    token: str | None

    async def go_on(self, payment: PaymentRow) -> PaymentRow | ActionRequired | None:
        """Take the next step; None: there is none to take, now or ever."""
        match payment.state:
            case PaymentState.STARTED | PaymentState.ACTION_REQUIRED:
                return await self._ask_provider(payment)
            case PaymentState.AUTHORISED:
                return await self._capture(payment)
            case PaymentState.VOIDING:
                return await self._void(payment)
            case PaymentState.REFUNDING:
                return await self._refund(payment)
            case _:
                return None

    async def look_for_late_money(self, payment: PaymentRow) -> PaymentRow:
        """Ask whether the money of a payment that came to nothing has come after all."""
        standing = await self.box_office.provider.look_up(payment.id)
        if standing.state in {ChargeState.AUTHORISED, ChargeState.CAPTURED}:
            return await self._take_late_money(payment, standing)
        return payment

    async def _take_late_money(self, payment: PaymentRow, standing: Standing) -> PaymentRow:
        """Sell the seats after all; or give the money back, if they are not to be had.

        That it goes back is decided in the books first: from then on nobody can resume the sale.
        """
        if not await self._ask(payment, Resume.STATEMENT, Resume(payment.id)):
            reference = standing.reference or ""
            await payments.give_back(self.box_office.database, payment.id, reference)
        return await self._again(payment)

    async def _ask_provider(self, payment: PaymentRow) -> PaymentRow | ActionRequired | None:
        """Ask for the money, or what became of it."""
        provider = self.box_office.provider
        passing(CrashPoint.BEFORE_AUTHORISING)
        if self.token is None:
            return await self._follow(payment, await provider.look_up(payment.id))
        charge = Charge(payment.id, payment.amount_minor, payment.currency_code, self.token)
        match await provider.authorise(charge):
            case Authorised(reference=reference):
                passing(CrashPoint.AUTHORISED)
                return await self._sell(payment, reference)
            case ActionRequired() as action:
                await payments.require_action(
                    self.box_office.database, payment.id, action.reference
                )
                passing(CrashPoint.ACTION_REQUIRED)
                return action
            case Declined() as reason:
                passing(CrashPoint.DECLINED)
                return await self._fail(payment, PaymentState.DECLINED, reason)

    async def _follow(self, payment: PaymentRow, standing: Standing) -> PaymentRow | None:
        """Do what follows from where the payment stands at the provider."""
        match standing.state:
            case ChargeState.AUTHORISED | ChargeState.CAPTURED:
                return await self._sell(payment, standing.reference or "")
            case ChargeState.DECLINED if standing.declined is not None:
                return await self._fail(payment, PaymentState.DECLINED, standing.declined)
            case ChargeState.NONE if payment.seconds_waiting < ARRIVAL_SECONDS_MAX:
                return None
            case ChargeState.ACTION_REQUIRED if not payment.is_overdue:
                return None
            case _:
                return await self._give_up(payment)

    async def _sell(self, payment: PaymentRow, reference: str) -> PaymentRow:
        """Sell the seats: the point of no return, before the money is taken."""
        sell = Sell(payment.reservation_id, payment.id, reference, payment.seat_count)
        if await self._ask(payment, Sell.STATEMENT, sell):
            return await self._again(payment)
        # A sale changes the payment and the seats in one step. So where the payment still waits, it
        # is the seats that are gone, and no repetition can get them back.
        now = await self._again(payment)
        waits = now.state in {PaymentState.STARTED, PaymentState.ACTION_REQUIRED}
        return await self._give_up(now) if waits else now

    async def _give_up(self, payment: PaymentRow) -> PaymentRow:
        """From here on nothing is sold for it. Decided here first, or a sale could overtake us."""
        await payments.give_up(self.box_office.database, payment.id)
        passing(CrashPoint.GIVEN_UP)
        return await self._again(payment)

    async def _void(self, payment: PaymentRow) -> PaymentRow:
        """Have the money let go of, and only then let go of the reservation."""
        standing = await self.box_office.provider.void(payment.id)
        passing(CrashPoint.VOIDED)
        failed = await self._fail(payment, PaymentState.VOIDED, GIVEN_UP)
        if standing.state is ChargeState.CAPTURED and failed.state is PaymentState.VOIDED:
            return await self._take_late_money(failed, standing)
        return failed

    async def _fail(self, payment: PaymentRow, state: PaymentState, why: Declined) -> PaymentRow:
        """End the payment, and let go of the reservation or open it again."""
        fail = Fail(payment.reservation_id, payment.id, state, why)
        await self._ask(payment, Fail.STATEMENT, fail)
        return await self._again(payment)

    async def _capture(self, payment: PaymentRow) -> PaymentRow:
        """Take the money for seats that are sold."""
        try:
            refused = await self.box_office.provider.capture(payment.reference or "")
        except ProviderUnreachable:
            raise
        except Exception:
            # Whoever goes on with it too was quicker, and the order may even be refunded by now.
            now = await self._again(payment)
            if now.state is not PaymentState.AUTHORISED:
                return now
            if (await self.box_office.provider.look_up(payment.id)).state not in LET_GO:
                raise
            refused = NO_LONGER_SET_ASIDE
        passing(CrashPoint.CAPTURED)
        if refused is None:
            await payments.captured(self.box_office.database, payment.id)
        else:
            refuse = Refuse(payment.reservation_id, payment.id, refused)
            await self._ask(payment, Refuse.STATEMENT, refuse)
        return await self._again(payment)

    async def _refund(self, payment: PaymentRow) -> PaymentRow:
        """Give the money back; late money may only have been set aside."""
        passing(CrashPoint.BEFORE_REFUNDING)
        if payment.declined is not None:
            standing = await self.box_office.provider.void(payment.id)
            if standing.state in {ChargeState.VOIDED, ChargeState.DECLINED}:
                await payments.let_go(self.box_office.database, payment.id)
                return await self._again(payment)
        await self.box_office.provider.refund(payment.reference or "")
        passing(CrashPoint.REFUNDED)
        await payments.refunded(self.box_office.database, payment.id)
        return await self._again(payment)

    async def _again(self, payment: PaymentRow) -> PaymentRow:
        return await payments.payment_by_id(self.box_office.database, payment.id)

    async def _ask(self, payment: PaymentRow, statement: Any, request: Any) -> bool:
        """Have a step done at the event's window."""
        claims = frozenset({payment.buyer_id, payment.reservation_id})
        done = await self.box_office.ask(payment.event_id, statement, request, claims)
        if isinstance(done, OutcomeUnknown):
            raise Unsettled(done.message)
        return bool(done)


async def sell_for_nothing(
    box_office: BoxOffice, event_id: UUID, buyer_id: UUID, reservation_id: UUID, seat_count: int
) -> bool:
    """Sell a reservation whose seats cost nothing; False: it lost one, and is open or over.

    True as well where it was sold before. Raises Unsettled.
    """
    claims = frozenset({buyer_id, reservation_id})
    sell = Sell(reservation_id, None, None, seat_count)
    sold = await box_office.ask(event_id, Sell.STATEMENT, sell, claims)
    if isinstance(sold, OutcomeUnknown):
        raise Unsettled(sold.message)
    if sold or await order_ids_by_reservation_ids(box_office.database, [reservation_id]):
        return True
    fail = Fail(reservation_id, None, PaymentState.VOIDED, GIVEN_UP)
    failed = await box_office.ask(event_id, Fail.STATEMENT, fail, claims)
    if isinstance(failed, OutcomeUnknown):
        raise Unsettled(failed.message)
    return False
