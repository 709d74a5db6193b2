"""The pretending provider as a program: its HTTP interface, and its webhooks.

POST /v1/charges                                  set money aside: payment_id, token,
                                                  amount_minor, currency_code
GET  /v1/charges?changed_since=1732147200.5       which payments changed since then, UTC
GET  /v1/charges/{payment_id}                     where a payment stands
POST /v1/charges/{payment_id}/void                let go of it, also of one that never came
POST /v1/authorisations/{reference}/capture       take the money
POST /v1/authorisations/{reference}/refund        give it back
GET  /actions/{client_secret}                     the page on which a buyer approves or refuses
POST /actions/{client_secret}/approve, …/refuse   what its buttons do

`/v1` wants the key, as `Authorization: Bearer …`; the buyer's page is known by its secret.
"""

import asyncio
import hmac
import html
import json
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from box_office.providers import ChargeState
from onsale.payments.pretend import charges, webhooks
from onsale.payments.pretend.charges import Wanted
from onsale.payments.pretend.record import ChargeRow, Delivery, Misuse, Pages, Record
from onsale.payments.pretend.tokens import DECLINES, Behaviour, Trouble, read_token

SLOW_SECONDS = 20.0
LOOK_EVERY_SECONDS = 0.5
RETRY_SECONDS = 1.0
DELIVERY_SECONDS_MAX = 5.0
TEXT_LENGTH_MAX = 1_000
#: Seventeen digits: more money than there is.
AMOUNT_MAX = 10**17

Step = Callable[[Pages], ChargeRow | None]
Endpoint = Callable[[Request], Awaitable[Response]]

logger = logging.getLogger("onsale.payments.pretend")

PAGE = """<!doctype html>
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Approve a payment</title>
<style>body {{ font: 18px system-ui; max-width: 30em; margin: 15vh auto; padding: 0 1em }}
form {{ display: inline }}
button {{ font: inherit; padding: .5em 1.5em; margin-right: 1em }}</style>
<h1>A pretended bank</h1>
<p>{words}</p>
{forms}
"""
FORMS = "".join(
    f'<form method="post" action="{{secret}}/{word}"><button>{word.title()}</button></form>'
    for word in ("approve", "refuse")
)


class LostAnswer(Response):
    """Ends the connection in the middle of an answer, as a network does."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Promise a body that never comes."""
        headers = [(b"content-length", b"1")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})


@dataclass(frozen=True, slots=True)
class Provider:
    """One process of it."""

    record: Record
    key: str
    notify: tuple[str, ...]
    slow_seconds: float
    #: Set when there is a webhook to deliver.
    news: asyncio.Event

    async def authorise(self, request: Request) -> Response:
        """Set money aside."""
        wanted = read_wanted(await read_json(request))
        card = read_token(wanted.token)
        if card is not None and card.behaviour is Behaviour.SLOW:
            await asyncio.sleep(self.slow_seconds)
        return await self._call(
            "authorise",
            wanted.payment_id,
            wanted.token,
            lambda pages: charges.authorise(pages, wanted),
        )

    async def look_up(self, request: Request) -> Response:
        """Tell where a payment stands."""
        payment_id = request.path_params["payment_id"]
        return await self._call("look up", payment_id, None, lambda pages: pages.find(payment_id))

    async def changed_since(self, request: Request) -> Response:
        """List the payments that changed."""
        try:
            moment = float(request.query_params["changed_since"])
        except (KeyError, ValueError):
            raise Misuse("changed_since is missing, or no number of seconds") from None
        listed = await asyncio.to_thread(self._within, lambda pages: pages.changed_since(moment))
        return JSONResponse({"payment_ids": listed})

    async def void(self, request: Request) -> Response:
        """Let go of a payment."""
        payment_id = request.path_params["payment_id"]
        return await self._call(
            "void", payment_id, None, lambda pages: charges.void(pages, payment_id)
        )

    async def capture(self, request: Request) -> Response:
        """Take the money."""
        reference = request.path_params["reference"]
        payment_id = await self._payment_of(reference)
        return await self._call(
            "capture", payment_id, None, lambda pages: charges.capture(pages, reference)
        )

    async def refund(self, request: Request) -> Response:
        """Give the money back."""
        reference = request.path_params["reference"]
        payment_id = await self._payment_of(reference)
        return await self._call(
            "refund", payment_id, None, lambda pages: charges.refund(pages, reference)
        )

    async def page(self, request: Request) -> Response:
        """Ask the buyer."""
        secret = request.path_params["client_secret"]
        charge = await self._ask(lambda pages: pages.by_secret(secret))
        assert charge is not None
        words = f"A shop asks for {charge.currency_code} {charge.amount_minor} (minor units)."
        forms = FORMS.format(secret=html.escape(secret))
        if charge.state != ChargeState.ACTION_REQUIRED:
            words = f"This payment is {charge.state.lower()}. You may close this page."
            forms = ""
        return HTMLResponse(PAGE.format(words=html.escape(words), forms=forms))

    async def approve(self, request: Request) -> Response:
        """Take the buyer's yes."""
        secret = request.path_params["client_secret"]
        return await self._decide(lambda pages: charges.approve(pages, secret))

    async def refuse(self, request: Request) -> Response:
        """Take the buyer's no."""
        secret = request.path_params["client_secret"]
        return await self._decide(lambda pages: charges.refuse(pages, secret))

    async def _decide(self, step: Step) -> Response:
        charge = await self._ask(step)
        assert charge is not None
        words = f"Thank you: the payment is {charge.state.lower()}. Go back to the shop."
        return HTMLResponse(PAGE.format(words=words, forms=""))

    async def _payment_of(self, reference: str) -> str:
        charge = await self._ask(lambda pages: pages.by_reference(reference))
        assert charge is not None
        return charge.payment_id

    async def _call(self, call: str, payment_id: str, token: str | None, step: Step) -> Response:
        """Do a step, with the trouble that its card has in store."""

        def troubled(pages: Pages) -> tuple[Trouble, ChargeRow | None]:
            number = pages.count_call(payment_id)
            known = pages.find(payment_id)
            card = read_token(known.token if known else token or "")
            trouble = card.trouble(payment_id, call, number) if card else Trouble.NONE
            return trouble, None if trouble is Trouble.ERROR else step(pages)

        trouble, charge = await asyncio.to_thread(self._within, troubled)
        self.news.set()
        if trouble is Trouble.ERROR:
            return problem(500, "Something went wrong at the provider; nothing was done.")
        if trouble is Trouble.LOST:
            return LostAnswer()
        return JSONResponse(shown(charge))

    async def _ask(self, step: Step) -> ChargeRow | None:
        charge: ChargeRow | None = await asyncio.to_thread(self._within, step)
        self.news.set()
        return charge

    def _within(self, step: Callable[[Pages], Any]) -> Any:
        with self.record.open() as pages:
            return step(pages)

    async def deliver_forever(self) -> None:
        """Send webhooks as they fall due; sending never holds up an answer."""
        async with httpx.AsyncClient(
            timeout=DELIVERY_SECONDS_MAX, trust_env=False, verify=any_https(self.notify)
        ) as client:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_SECONDS):
                        await self.news.wait()
                self.news.clear()
                try:
                    while await self._deliver(client):
                        pass  # There may be more.
                except sqlite3.Error as fault:
                    logger.warning("The record cannot be used: %s", fault)
                except Exception:
                    logger.exception("Webhooks could not be sent; they are sent again")

    async def _deliver(self, client: httpx.AsyncClient) -> bool:
        """Send some of what is due; False: nothing is.

        The payments' webhooks go side by side, as a busy provider's do, those of each in order.
        """
        due: list[Delivery] = await asyncio.to_thread(
            self._within, lambda pages: pages.take_deliveries()
        )
        if not due:
            return False
        of_each: dict[str, list[Delivery]] = {}
        for delivery in due:
            of_each.setdefault(delivery.payment_id, []).append(delivery)
        sending = (self._send_in_order(client, waiting) for waiting in of_each.values())
        arrived = [one for some in await asyncio.gather(*sending) for one in some]
        await asyncio.to_thread(self._note, due, frozenset(arrived))
        return True

    async def _send_in_order(
        self, client: httpx.AsyncClient, deliveries: list[Delivery]
    ) -> list[int]:
        """Give the numbers of those that arrived everywhere."""
        return [
            delivery.number
            for delivery in deliveries
            if all([await self._send(client, url, delivery) for url in self.notify])
        ]

    def _note(self, deliveries: list[Delivery], arrived: frozenset[int]) -> None:
        with self.record.open() as pages:
            for delivery in deliveries:
                if delivery.number in arrived:
                    pages.delivered(delivery.number)
                else:
                    pages.put_off(delivery.number, RETRY_SECONDS * 2**delivery.tries)

    async def _send(self, client: httpx.AsyncClient, url: str, delivery: Delivery) -> bool:
        told = {
            "id": delivery.hint_id,
            "type": delivery.type,
            "payment_id": delivery.payment_id,
            "created_at": delivery.created_at,
        }
        body = json.dumps(told).encode()
        key = "somebody else's" if delivery.forged else self.key
        headers = webhooks.headers_of(key, delivery.hint_id, body)
        try:
            answer = await client.post(url, content=body, headers=headers)
        except httpx.HTTPError:
            return False
        return answer.is_success or delivery.forged


def create_provider(
    record: Record, key: str, notify: tuple[str, ...] = (), slow_seconds: float = SLOW_SECONDS
) -> Starlette:
    """Make the application."""
    record.prepare()
    provider = Provider(record, key, notify, slow_seconds, asyncio.Event())

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        delivering = asyncio.create_task(provider.deliver_forever()) if notify else None
        yield
        if delivering is not None:
            delivering.cancel()

    def guarded(endpoint: Endpoint) -> Endpoint:
        async def guard(request: Request) -> Response:
            given = request.headers.get("authorization", "").removeprefix("Bearer ")
            if not hmac.compare_digest(given.encode(), key.encode()):
                return problem(401, "Send the key, as Authorization: Bearer …")
            return await endpoint(request)

        return guard

    post = ["POST"]
    return Starlette(
        routes=[
            Route("/v1/charges", guarded(provider.authorise), methods=post),
            Route("/v1/charges", guarded(provider.changed_since)),
            Route("/v1/charges/{payment_id}", guarded(provider.look_up)),
            Route("/v1/charges/{payment_id}/void", guarded(provider.void), methods=post),
            Route(
                "/v1/authorisations/{reference}/capture", guarded(provider.capture), methods=post
            ),
            Route("/v1/authorisations/{reference}/refund", guarded(provider.refund), methods=post),
            Route("/actions/{client_secret}", provider.page),
            Route("/actions/{client_secret}/approve", provider.approve, methods=post),
            Route("/actions/{client_secret}/refuse", provider.refuse, methods=post),
        ],
        exception_handlers={Misuse: misused, sqlite3.Error: forgetful},
        lifespan=lifespan,
    )


async def read_json(request: Request) -> dict[str, Any]:
    """Read a JSON object."""
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Misuse("The body is no JSON object")
    return body


def read_wanted(body: dict[str, Any]) -> Wanted:
    """Read what is asked for."""
    payment_id, token = body.get("payment_id"), body.get("token")
    amount, currency = body.get("amount_minor"), body.get("currency_code")
    for name, text in (("payment_id", payment_id), ("token", token), ("currency_code", currency)):
        if not isinstance(text, str) or not (
            text.isprintable() and 0 < len(text) <= TEXT_LENGTH_MAX
        ):
            raise Misuse(f"{name} is missing, or no text, or too long")
    if type(amount) is not int or not 0 < amount < AMOUNT_MAX:
        raise Misuse("amount_minor is missing, or no whole number above 0")
    return Wanted(str(payment_id), str(token), amount, str(currency))


def shown(charge: ChargeRow | None) -> dict[str, Any]:
    """Show a charge to whoever has the key."""
    if charge is None:
        return {"state": ChargeState.NONE.value}
    decline = DECLINES[charge.decline_code] if charge.decline_code else None
    waits = charge.state == ChargeState.ACTION_REQUIRED
    return {
        "payment_id": charge.payment_id,
        "reference": charge.reference,
        "state": charge.state,
        "client_secret": charge.client_secret if waits else None,
        "decline": decline
        and {"code": decline.code, "message": decline.message, "retryable": decline.retryable},
    }


def any_https(urls: tuple[str, ...]) -> bool:
    """Whether certificates will be looked at: loading them takes longer than all the rest."""
    return any(url.startswith("https:") for url in urls)


def problem(status: int, message: str) -> JSONResponse:
    """Say what is wrong."""
    return JSONResponse({"error": {"message": message}}, status)


async def misused(_request: Request, fault: Exception) -> Response:
    """Answer to what no provider does."""
    return problem(409, str(fault))


async def forgetful(_request: Request, fault: Exception) -> Response:
    """Answer while the record cannot be used."""
    logger.warning("The record cannot be used: %s", fault)
    return problem(503, "The provider's record cannot be used. Try again.")
