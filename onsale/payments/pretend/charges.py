"""What the pretending provider decides. A call is a step of a charge; one done is no fault."""

from dataclasses import dataclass

from box_office.providers import ChargeState
from onsale.payments.pretend.record import ChargeRow, Misuse, Pages
from onsale.payments.pretend.tokens import (
    CAPTURE_REFUSED,
    CARD_DECLINED,
    REFUSED_BY_BUYER,
    UNKNOWN_TOKEN,
    VOIDED,
    Behaviour,
    read_token,
)

#: What a payment that we had never heard of was to be paid with: it was voided before it came.
NO_TOKEN = "none"  # noqa: S105 - the absence of one.
NO_AMOUNT = (0, "XXX")  # ISO 4217 for "no currency".
DECIDED = {ChargeState.AUTHORISED, ChargeState.CAPTURED, ChargeState.REFUNDED}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A charge that is asked for."""

    payment_id: str
    token: str
    amount_minor: int
    currency_code: str


def authorise(pages: Pages, wanted: Wanted) -> ChargeRow:
    """Set money aside, as the token says; a payment that is known gets what came of it."""
    known = pages.find(wanted.payment_id)
    amount = wanted.amount_minor, wanted.currency_code
    if known is not None:
        if (known.amount_minor, known.currency_code) not in {amount, NO_AMOUNT}:
            raise Misuse(f"Payment {wanted.payment_id} was asked for with another amount")
        return known
    card = read_token(wanted.token)
    state, decline_code = ChargeState.AUTHORISED, None
    if card is None:
        state, decline_code = ChargeState.DECLINED, UNKNOWN_TOKEN.code
    elif card.behaviour is Behaviour.DECLINED:
        state, decline_code = ChargeState.DECLINED, CARD_DECLINED.code
    elif card.behaviour in {Behaviour.ACTION_REQUIRED, Behaviour.LATE_MONEY}:
        state = ChargeState.ACTION_REQUIRED
    return pages.add(wanted.payment_id, wanted.token, amount, state, decline_code)


def capture(pages: Pages, reference: str) -> ChargeRow:
    """Take what was set aside, or refuse to, finally."""
    charge = pages.by_reference(reference)
    if charge.state == ChargeState.CAPTURED or charge.decline_code == CAPTURE_REFUSED.code:
        return charge
    _require(charge, ChargeState.AUTHORISED, "captured")
    if charge.card.behaviour is Behaviour.CAPTURE_REFUSED:
        return pages.move(charge, ChargeState.DECLINED, CAPTURE_REFUSED.code)
    return pages.move(charge, ChargeState.CAPTURED)


def void(pages: Pages, payment_id: str) -> ChargeRow:
    """Let go of what was set aside, and of what may still come. Too late: it stays as it is."""
    charge = pages.find(payment_id)
    if charge is None:
        return pages.add(payment_id, NO_TOKEN, NO_AMOUNT, ChargeState.VOIDED, VOIDED.code)
    if charge.state in {ChargeState.ACTION_REQUIRED, ChargeState.AUTHORISED}:
        return pages.move(charge, ChargeState.VOIDED, VOIDED.code)
    return charge


def refund(pages: Pages, reference: str) -> ChargeRow:
    """Give back what was taken."""
    charge = pages.by_reference(reference)
    if charge.state == ChargeState.REFUNDED:
        return charge
    _require(charge, ChargeState.CAPTURED, "refunded")
    return pages.move(charge, ChargeState.REFUNDED)


def approve(pages: Pages, client_secret: str) -> ChargeRow:
    """Take the buyer's yes, given at the bank's page."""
    charge = pages.by_secret(client_secret)
    if charge.state in DECIDED:
        return charge
    if charge.card.behaviour is Behaviour.LATE_MONEY and charge.state == ChargeState.VOIDED:
        return pages.move(charge, ChargeState.CAPTURED)
    _require(charge, ChargeState.ACTION_REQUIRED, "approved")
    return pages.move(charge, ChargeState.AUTHORISED)


def refuse(pages: Pages, client_secret: str) -> ChargeRow:
    """Take the buyer's no, given at the bank's page."""
    charge = pages.by_secret(client_secret)
    if charge.decline_code == REFUSED_BY_BUYER.code:
        return charge
    _require(charge, ChargeState.ACTION_REQUIRED, "refused")
    return pages.move(charge, ChargeState.DECLINED, REFUSED_BY_BUYER.code)


def _require(charge: ChargeRow, state: ChargeState, what: str) -> None:
    if charge.state != state:
        raise Misuse(f"Charge {charge.reference} is {charge.state} and cannot be {what}")
