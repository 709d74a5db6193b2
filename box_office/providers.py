"""The port to whoever takes the money."""

from dataclasses import dataclass
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


class ProviderUnreachable(Exception):  # noqa: N818  Not our error: their silence.
    """The provider gave no answer: nobody knows what it did. Ask again with the same payment id."""


class PaymentProvider(Protocol):
    """Whoever takes the money. Every call may be repeated and then answers the same.

    Each raises ProviderUnreachable when there was no answer, and nothing else.
    """

    name: str

    async def authorise(self, charge: Charge) -> Authorisation:
        """Set the money aside."""

    async def capture(self, reference: str) -> None:
        """Take what was set aside, whole."""

    async def void(self, reference: str) -> None:
        """Let go of what was set aside."""

    async def refund(self, reference: str) -> None:
        """Give back what was taken, whole."""
