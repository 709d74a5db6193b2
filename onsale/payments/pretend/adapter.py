"""Our side of the pretending provider: `PaymentProvider` over its HTTP interface."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from time import monotonic
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from box_office.providers import (
    ActionRequired,
    Authorisation,
    Authorised,
    Charge,
    ChargeState,
    Declined,
    Hint,
    ProviderUnreachable,
    Standing,
)
from onsale.payments.pretend import webhooks

#: Longer than a slow bank (20 s), shorter than `settling.ARRIVAL_SECONDS_MAX`.
ANSWER_SECONDS_MAX = 25.0
CONNECT_SECONDS_MAX = 3.0
#: Sooner than any provider lets go of a connection: what is sent while it does so is lost.
IDLE_SECONDS_MAX = 2.0
#: A provider that is just starting, or being started again, is waited for.
RECONNECT_EVERY_SECONDS = 0.1


GIVEN_BACK = Declined("given_back", "The money of this payment was given back.", retryable=True)


class ProviderMisused(Exception):  # noqa: N818 - named for what happened.
    """We asked for what no provider does: a fault in our code, not an outcome of a payment."""


class PretendProvider:
    """Authorises, captures, voids and refunds on paper. Every call may be repeated."""

    name = "pretend"

    def __init__(self, client: httpx.AsyncClient, key: str) -> None:
        self._client = client
        self._key = key

    @classmethod
    @asynccontextmanager
    async def connected(cls, url: str, key: str) -> AsyncIterator["PretendProvider"]:
        """Keep connections for as long as the block lasts. Nothing is asked yet."""
        async with httpx.AsyncClient(
            base_url=url,
            headers={"authorization": f"Bearer {key}"},
            timeout=httpx.Timeout(ANSWER_SECONDS_MAX, connect=CONNECT_SECONDS_MAX),
            limits=httpx.Limits(
                max_connections=200,
                max_keepalive_connections=20,
                keepalive_expiry=IDLE_SECONDS_MAX,
            ),
            trust_env=False,
            verify=url.startswith("https:"),  # Loading certificates takes longer than a payment.
        ) as client:
            yield cls(client, key)

    async def authorise(self, charge: Charge) -> Authorisation:
        """Set money aside, as the token says; a payment that is known gets what came of it."""
        told = await self._ask(
            "POST",
            "/v1/charges",
            {
                "payment_id": str(charge.payment_id),
                "token": charge.token,
                "amount_minor": charge.amount_minor,
                "currency_code": charge.currency_code,
            },
        )
        standing = _standing(told)
        if standing.declined is not None:
            return standing.declined
        if standing.state is ChargeState.ACTION_REQUIRED:
            return ActionRequired(str(standing.reference), str(told["client_secret"]))
        if standing.state is ChargeState.REFUNDED:
            return GIVEN_BACK
        return Authorised(str(standing.reference))

    async def look_up(self, payment_id: UUID) -> Standing:
        """Tell where a payment stands."""
        return _standing(await self._ask("GET", f"/v1/charges/{payment_id}"))

    async def capture(self, reference: str) -> Declined | None:
        """Take what was set aside; Declined: the bank refuses, finally."""
        told = await self._ask("POST", f"/v1/authorisations/{quote(reference, '')}/capture")
        return _standing(told).declined

    async def void(self, payment_id: UUID) -> Standing:
        """Let go of what was set aside, and of what may still come."""
        return _standing(await self._ask("POST", f"/v1/charges/{payment_id}/void"))

    async def refund(self, reference: str) -> None:
        """Give back what was taken."""
        await self._ask("POST", f"/v1/authorisations/{quote(reference, '')}/refund")

    async def changed_since(self, moment: datetime) -> list[UUID]:
        """List the payments that changed since then."""
        told = await self._ask("GET", f"/v1/charges?changed_since={moment.timestamp()}")
        try:
            return [UUID(payment_id) for payment_id in told["payment_ids"]]
        except (KeyError, TypeError, ValueError) as fault:
            raise ProviderUnreachable("The answer cannot be understood") from fault

    def read_hint(self, headers: Mapping[str, str], body: bytes) -> Hint | None:
        """Read a webhook; None: it is not signed with our key, or old, or no webhook."""
        return webhooks.read(self._key, headers, body)

    async def _ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                answer = await self._send(method, path, body)
        except (httpx.HTTPError, TimeoutError) as fault:
            raise ProviderUnreachable(f"No answer: {type(fault).__name__}") from fault
        if answer.is_client_error:
            raise ProviderMisused(f"{answer.status_code} {answer.text}")
        try:
            told = answer.json()
        except ValueError as fault:
            raise ProviderUnreachable("The answer cannot be read") from fault
        if not answer.is_success or not isinstance(told, dict):
            raise ProviderUnreachable(f"It answered {answer.status_code}")
        return told

    async def _send(self, method: str, path: str, body: Any) -> httpx.Response:
        """Send a request; one that reached nobody is sent again for a while."""
        until = monotonic() + CONNECT_SECONDS_MAX
        while True:
            try:
                return await self._client.request(method, path, json=body)
            except httpx.ConnectError:
                if monotonic() > until:
                    raise
            await asyncio.sleep(RECONNECT_EVERY_SECONDS)


def _standing(told: dict[str, Any]) -> Standing:
    try:
        decline = told.get("decline")
        return Standing(
            ChargeState(told["state"]),
            told.get("reference"),
            decline and Declined(decline["code"], decline["message"], decline["retryable"]),
        )
    except (KeyError, TypeError, ValueError) as fault:
        raise ProviderUnreachable("The answer cannot be understood") from fault
