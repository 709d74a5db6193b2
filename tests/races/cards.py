"""What the crowd pays with, and what each card may come to."""

import random
from dataclasses import dataclass

from onsale.payments.pretend.tokens import Behaviour, Card, Webhooks, read_token

#: How often a card is drawn: most are sound, as in life.
CARDS = {
    Behaviour.OK: 600,
    Behaviour.DECLINED: 120,
    Behaviour.ACTION_REQUIRED: 110,
    Behaviour.CAPTURE_REFUSED: 70,
    Behaviour.FLAKY: 50,
    Behaviour.LATE_MONEY: 20,
    Behaviour.TIMEOUT: 15,
    Behaviour.ERROR: 10,
    Behaviour.SLOW: 5,
}
#: Webhooks are one more who settles a payment; most have none, for they cost as much as a buyer.
WEBHOOKS = {
    Webhooks.NEVER: 75,
    Webhooks.ONCE: 10,
    Webhooks.TWICE: 5,
    Webhooks.SHUFFLED: 4,
    Webhooks.LATE: 3,
    Webhooks.FORGED: 3,
}
#: A hint is all that tells of their money.
TELLS_BY_WEBHOOK = {Behaviour.LATE_MONEY}


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What a card may come to, besides a reservation that had lapsed before it was shown."""

    #: It can buy.
    buys: bool = False
    #: The provider itself may say no.
    declines: bool = False
    #: The buyer is sent to the bank, and whatever follows needs their answer there.
    asks: bool = False
    #: The provider may be silent, so OUTCOME_UNKNOWN may come at once.
    is_silent: bool = False


OUTCOMES = {
    Behaviour.OK: Outcomes(buys=True),
    Behaviour.DECLINED: Outcomes(declines=True),
    Behaviour.ACTION_REQUIRED: Outcomes(buys=True, asks=True),
    Behaviour.CAPTURE_REFUSED: Outcomes(declines=True),
    Behaviour.FLAKY: Outcomes(buys=True, is_silent=True),
    Behaviour.LATE_MONEY: Outcomes(buys=True, asks=True),
    Behaviour.TIMEOUT: Outcomes(buys=True, is_silent=True),
    Behaviour.ERROR: Outcomes(is_silent=True),
    Behaviour.SLOW: Outcomes(buys=True),
}


def draw(dice: random.Random) -> str:
    """Draw a card: the token of the payment."""
    [behaviour] = dice.choices(list(CARDS), list(CARDS.values()))
    [webhooks] = dice.choices(list(WEBHOOKS), list(WEBHOOKS.values()))
    if behaviour in TELLS_BY_WEBHOOK and webhooks is Webhooks.NEVER:
        webhooks = Webhooks.ONCE
    seed = f"_{dice.randrange(10**6)}" if behaviour is Behaviour.FLAKY else ""
    return f"{behaviour}{seed}:webhooks={webhooks}"


def behaviour_of(token: str | None) -> Behaviour:
    """Say what a token does."""
    card = read_token(token or "") or Card(Behaviour.OK)
    return card.behaviour
