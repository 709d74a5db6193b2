"""The port to whoever takes the money."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Charge:
    """What is to be taken, once. `payment_id` is the provider's idempotency key."""

    payment_id: UUID
    amount_minor: int
    currency_code: str
    #: From the provider's widget; card data never touches us.
    token: str


@dataclass(frozen=True, slots=True)
class Authorised:
    """The money is set aside under this reference, not yet taken."""

    reference: str


@dataclass(frozen=True, slots=True)
class Declined:
    """The provider said no. `retryable`: another card, or the same later, may work."""

    code: str
    message: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class ActionRequired:
    """The buyer has to act with the provider (3-D Secure) before it decides."""

    reference: str
    client_secret: str


Authorisation = Authorised | Declined | ActionRequired


class ChargeState(StrEnum):
    """AUTHORISED → CAPTURED → REFUNDED, or → VOIDED; ACTION_REQUIRED comes before; DECLINED ends.

    NONE: the provider has never heard of the payment.
    """

    NONE = "NONE"
    ACTION_REQUIRED = "ACTION_REQUIRED"
    AUTHORISED = "AUTHORISED"
    CAPTURED = "CAPTURED"
    REFUNDED = "REFUNDED"
    VOIDED = "VOIDED"
    DECLINED = "DECLINED"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a payment stands at the provider."""

    state: ChargeState
    #: None where there is no charge.
    reference: str | None = None
    #: Why, where the state is DECLINED.
    declined: Declined | None = None


@dataclass(frozen=True, slots=True)
class Hint:
    """A webhook that the provider has truly sent: something may have happened to a payment.

    It is not believed, only followed: whoever gets it asks where the payment stands.
    """

    #: The provider's own, the same each time it is sent.
    id: str
    payment_id: UUID


class ProviderUnreachable(Exception):  # noqa: N818  Not our error: their silence.
    """The provider gave no answer: nobody knows what it did. Ask again with the same payment id."""


class PaymentProvider(Protocol):
    """Whoever takes the money. Every call may be repeated and then answers the same.

    Each raises ProviderUnreachable when there was no answer, and nothing else that is expected.
    """

    name: str

    async def authorise(self, charge: Charge) -> Authorisation:
        """Set the money aside. Declined where the payment was voided before."""

    async def look_up(self, payment_id: UUID) -> Standing:
        """Tell where a payment stands. Changes nothing."""

    async def capture(self, reference: str) -> Declined | None:
        """Take what was set aside, whole. Declined: refused, finally, and nothing was taken."""

    async def void(self, payment_id: UUID) -> Standing:
        """Let go of whatever was set aside for a payment, and of what may still arrive.

        Gives where it stands now: VOIDED or DECLINED; CAPTURED or REFUNDED when it was too late.
        """

    async def refund(self, reference: str) -> None:
        """Give back what was taken, whole."""

    async def changed_since(self, moment: datetime) -> list[UUID]:
        """List the payments that changed since then, oldest change first.

        None that others have made: what is not in our books is given back after a restore. So each
        installation needs an account of its own; who shares one gives back the others' money.
        """

    def read_hint(self, headers: Mapping[str, str], body: bytes) -> Hint | None:
        """Read a webhook (header names in lower case). None: the provider has not sent this."""
