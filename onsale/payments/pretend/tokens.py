"""What a buyer's "card" is going to do: the payment tokens, in words."""

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum

from box_office.providers import Declined


class Behaviour(StrEnum):
    """What becomes of a charge."""

    OK = "pretend_ok"
    DECLINED = "pretend_declined"
    #: The buyer has to approve it on the provider's page, and may refuse.
    ACTION_REQUIRED = "pretend_action_required"
    #: It takes effect, and the answer is lost each time.
    TIMEOUT = "pretend_timeout"
    #: It takes effect, and is answered, after 20 s.
    SLOW = "pretend_slow"
    #: HTTP 500, and no effect, each time.
    ERROR = "pretend_error"
    #: Each call is well, or an error, or its answer is lost, as the seed has it.
    FLAKY = "pretend_flaky"
    #: Authorised, and then the capture is refused.
    CAPTURE_REFUSED = "pretend_capture_refused"
    #: Like ACTION_REQUIRED; but once approved the money is taken, whatever was said since.
    LATE_MONEY = "pretend_late_money"


class Webhooks(StrEnum):
    """How a charge's webhooks arrive, by the token's suffix, as in `pretend_ok:webhooks=twice`."""

    ONCE = "once"
    LATE = "late"
    TWICE = "twice"
    SHUFFLED = "shuffled"
    NEVER = "never"
    #: Another comes before it that is not ours, and tells an untruth.
    FORGED = "forged"


class Trouble(StrEnum):
    """What is wrong with one call."""

    NONE = "none"
    #: HTTP 500, and no effect.
    ERROR = "error"
    #: It takes effect; the connection ends before the answer.
    LOST = "lost"


#: From then on a flaky charge is well.
FLAKY_CALLS_MAX = 6
TOKEN = re.compile(r"(pretend_[a-z_]*[a-z])(?:_(\d{1,9}))?(?::webhooks=([a-z]+))?")

CARD_DECLINED = Declined("card_declined", "The card was declined. Try another one.", retryable=True)
REFUSED_BY_BUYER = Declined("refused", "The payment was refused at the bank.", retryable=True)
VOIDED = Declined("voided", "This payment was given up before it was made.", retryable=True)
CAPTURE_REFUSED = Declined(
    "capture_refused", "The bank has taken back its promise to pay.", retryable=True
)
UNKNOWN_TOKEN = Declined(
    "unknown_token",
    "The payment token is not known. Use "
    + ", ".join(Behaviour)
    + "; each may end in :webhooks= and one of "
    + ", ".join(Webhooks)
    + ".",
    retryable=True,
)
DECLINES = {
    reason.code: reason
    for reason in (CARD_DECLINED, REFUSED_BY_BUYER, VOIDED, CAPTURE_REFUSED, UNKNOWN_TOKEN)
}


@dataclass(frozen=True, slots=True)
class Card:
    """A token that was understood."""

    behaviour: Behaviour
    webhooks: Webhooks = Webhooks.ONCE
    seed: str = ""

    def trouble(self, payment_id: str, call: str, number: int) -> Trouble:
        """Say what is wrong with the number-th call about a payment."""
        if self.behaviour is Behaviour.TIMEOUT and call == "authorise":
            return Trouble.LOST
        if self.behaviour is Behaviour.ERROR and call == "authorise":
            return Trouble.ERROR
        if self.behaviour is not Behaviour.FLAKY or number > FLAKY_CALLS_MAX:
            return Trouble.NONE
        dice = hashlib.sha256(f"{self.seed or payment_id}-{number}".encode()).digest()[0]
        return (Trouble.NONE, Trouble.ERROR, Trouble.LOST)[dice % 3]


def read_token(token: str) -> Card | None:
    """Understand a token; None: it is not known."""
    match = TOKEN.fullmatch(token)
    if match is None:
        return None
    name, seed, webhooks = match.groups()
    try:
        card = Card(Behaviour(name), Webhooks(webhooks or "once"), seed or "")
    except ValueError:
        return None
    return card if not seed or card.behaviour is Behaviour.FLAKY else None
