"""Two ways to the same rules: over HTTP to a server, or directly into a box office."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import cycle
from typing import Any, Protocol
from uuid import UUID, uuid4

import httpx

from box_office.box_office import BoxOffice
from box_office.cancelling import CancelOrderRequest, cancel_order
from box_office.orders import tickets_by_order_ids
from box_office.purchases import PurchaseRequest, purchase_reservation
from box_office.refusals import Refusal
from box_office.releasing import cancel_reservation, release_seats
from box_office.reservations import ReservationRow
from box_office.reserving import reserve_seats
from models import Order
from schema.ids import NodeKind, encode_id, key_of
from tests.halls import Hall
from tests.races.record import Answer, Held, Sold

EMAIL = "ada@example.org"
REQUEST_SECONDS_MAX = 10.0


@dataclass(frozen=True, slots=True)
class Buyer:
    """Whoever reserves; the token is what a server knows them by."""

    id: UUID
    token: str = ""


class Door(Protocol):
    """What a client can ask for. Whatever happens, it gets an Answer, or nobody to be."""

    async def new_buyer(self) -> Buyer | None: ...

    async def reserve(self, buyer: Buyer, seats: list[int], standing: int) -> Answer: ...

    async def release(self, buyer: Buyer, reservation: UUID, seats: list[int]) -> Answer: ...

    async def cancel(self, buyer: Buyer, reservation: UUID) -> Answer: ...

    async def purchase(self, buyer: Buyer, reservation: UUID, token: str, key: str) -> Answer: ...

    async def cancel_order(self, buyer: Buyer, order: UUID, key: str) -> Answer: ...


RESERVATION = "reservation { id status expiresAt seats { index } }"
ORDER = "order { id status total { amount } tickets { seat { index } } }"
ERRORS = "errors { ... on UserError { code } }"
PAYMENT_ERRORS = (
    "errors { ... on UserError { code } ... on PaymentActionRequired { clientSecret } }"
)
MUTATIONS = {
    "reserveSeats": f"ReserveSeatsInput!|{RESERVATION} {ERRORS}",
    "releaseSeats": f"ReleaseSeatsInput!|{RESERVATION} {ERRORS}",
    "cancelReservation": f"CancelReservationInput!|{RESERVATION} {ERRORS}",
    "purchaseReservation": f"PurchaseReservationInput!|{ORDER} {RESERVATION} {PAYMENT_ERRORS}",
    "cancelOrder": f"CancelOrderInput!|{ORDER} {ERRORS}",
}


class HttpDoor:
    """A server, as a client on the other side of a real socket sees it."""

    def __init__(self, clients: Sequence[httpx.AsyncClient], url: str, hall: Hall) -> None:
        self._clients = cycle(clients)
        self._url = url
        self._event_id = encode_id(NodeKind.EVENT, hall.event_id)
        assert hall.floor_id is not None
        self._floor_id = encode_id(NodeKind.SECTION, hall.floor_id)

    async def new_buyer(self) -> Buyer | None:
        document = "mutation { startGuestSession { token viewer { id } } }"
        try:
            response = await next(self._clients).post(self._url, json={"query": document})
        except httpx.HTTPError:
            return None
        session = response.json()["data"]["startGuestSession"]
        buyer_id = key_of(session["viewer"]["id"], NodeKind.VIEWER)
        assert buyer_id is not None
        return Buyer(buyer_id, session["token"])

    async def reserve(self, buyer: Buyer, seats: list[int], standing: int) -> Answer:
        floor = [{"sectionId": self._floor_id, "quantity": standing}] if standing else []
        return await self._do(
            "reserveSeats", buyer, eventId=self._event_id, seatIndexes=seats, generalAdmission=floor
        )

    async def release(self, buyer: Buyer, reservation: UUID, seats: list[int]) -> Answer:
        reservation_id = encode_id(NodeKind.RESERVATION, reservation)
        return await self._do(
            "releaseSeats", buyer, reservationId=reservation_id, seatIndexes=seats
        )

    async def cancel(self, buyer: Buyer, reservation: UUID) -> Answer:
        reservation_id = encode_id(NodeKind.RESERVATION, reservation)
        return await self._do("cancelReservation", buyer, reservationId=reservation_id)

    async def purchase(self, buyer: Buyer, reservation: UUID, token: str, key: str) -> Answer:
        reservation_id = encode_id(NodeKind.RESERVATION, reservation)
        return await self._do(
            "purchaseReservation",
            buyer,
            reservationId=reservation_id,
            email=EMAIL,
            paymentToken=token,
            idempotencyKey=key,
        )

    async def cancel_order(self, buyer: Buyer, order: UUID, key: str) -> Answer:
        order_id = encode_id(NodeKind.ORDER, order)
        return await self._do("cancelOrder", buyer, orderId=order_id, idempotencyKey=key)

    async def _do(self, mutation: str, buyer: Buyer, **given: Any) -> Answer:
        kind, fields = MUTATIONS[mutation].split("|")
        document = f"mutation {mutation}($input: {kind}) {{{mutation}(input: $input) {{{fields}}}}}"
        try:
            response = await next(self._clients).post(
                self._url,
                json={"query": document, "variables": {"input": given}},
                headers={"authorization": f"Bearer {buyer.token}"},
            )
        except httpx.HTTPError as problem:
            return Answer(fault=type(problem).__name__)
        if is_late(response):
            return Answer(refusals=("OUTCOME_UNKNOWN",))
        if response.status_code != httpx.codes.OK:
            return Answer(fault=f"HTTP {response.status_code}: {response.text}")
        body = response.json()
        if "errors" in body:
            return Answer(fault=str(body["errors"]))
        return _answer_of(body["data"][mutation])


def is_late(response: httpx.Response) -> bool:
    """Whether it says that the mutation goes on, and that a repetition learns its outcome."""
    is_unavailable = response.status_code == httpx.codes.SERVICE_UNAVAILABLE
    return is_unavailable and '"code":"TIMEOUT"' in response.text  # It may be no JSON at all.


def _answer_of(payload: dict[str, Any]) -> Answer:
    return Answer(
        reservation=_held_of(payload.get("reservation")),
        order=_sold_of(payload.get("order")),
        refusals=tuple(error["code"] for error in payload["errors"]),
        client_secret=next(
            (error["clientSecret"] for error in payload["errors"] if "clientSecret" in error), None
        ),
    )


def _held_of(shown: dict[str, Any] | None) -> Held | None:
    if shown is None:
        return None
    key = key_of(shown["id"], NodeKind.RESERVATION)
    assert key is not None
    ends = shown["expiresAt"]
    return Held(
        id=key,
        status=shown["status"],
        seats=tuple(seat["index"] for seat in shown["seats"]),
        expires_at=None if ends is None else datetime.fromisoformat(ends).timestamp(),
    )


def _sold_of(shown: dict[str, Any] | None) -> Sold | None:
    if shown is None:
        return None
    key = key_of(shown["id"], NodeKind.ORDER)
    assert key is not None
    return Sold(
        id=key,
        status=shown["status"],
        seats=tuple(ticket["seat"]["index"] for ticket in shown["tickets"]),
        total_minor=int(Decimal(shown["total"]["amount"]) * 100),
    )


class DirectDoor:
    """A box office of this process, without anything in between."""

    def __init__(self, box_office: BoxOffice, hall: Hall) -> None:
        self._box_office = box_office
        self._hall = hall

    async def new_buyer(self) -> Buyer:
        return Buyer(uuid4())

    async def reserve(self, buyer: Buyer, seats: list[int], standing: int) -> Answer:
        wish = self._hall.wish(*seats, standing=standing)
        return await self._tell(lambda: reserve_seats(self._box_office, buyer.id, wish))

    async def release(self, buyer: Buyer, reservation: UUID, seats: list[int]) -> Answer:
        return await self._tell(
            lambda: release_seats(self._box_office, buyer.id, reservation, seats)
        )

    async def cancel(self, buyer: Buyer, reservation: UUID) -> Answer:
        return await self._tell(
            lambda: cancel_reservation(self._box_office, buyer.id, reservation, None)
        )

    async def purchase(self, buyer: Buyer, reservation: UUID, token: str, key: str) -> Answer:
        request = PurchaseRequest(buyer.id, reservation, EMAIL, token, key)
        return await self._tell(lambda: purchase_reservation(self._box_office, request))

    async def cancel_order(self, buyer: Buyer, order: UUID, key: str) -> Answer:
        request = CancelOrderRequest(buyer.id, order, None, key)
        return await self._tell(lambda: cancel_order(self._box_office, request))

    async def _tell(self, ask: Callable[[], Any]) -> Answer:
        try:
            async with asyncio.timeout(REQUEST_SECONDS_MAX):
                outcome: ReservationRow | Order | list[Refusal] = await ask()
        except Exception as problem:  # noqa: BLE001  Any exception is what a client sees as a 500.
            return Answer(fault=repr(problem))
        match outcome:
            case ReservationRow():
                ends = outcome.expires_at
                held = Held(
                    outcome.id,
                    outcome.status,
                    outcome.seat_indexes,
                    None if ends is None else ends.timestamp(),
                )
                return Answer(reservation=held)
            case Order():
                tickets = await tickets_by_order_ids(self._box_office.database, [outcome.id])
                seats = tuple(ticket.seat_index for ticket in tickets[outcome.id])
                sold = Sold(outcome.id, outcome.status, seats, outcome.total_minor)
                return Answer(order=sold)
            case refusals:
                return Answer(refusals=tuple(refusal.code for refusal in refusals))


class Bank(Protocol):
    """Where a buyer says yes or no to a payment."""

    async def decide(self, client_secret: str, word: str) -> bool:
        """Say `approve` or `refuse`; False: there is nothing to decide any more, or no answer."""


class HttpBank:
    """The pretending provider's page, as the buyer's browser uses it."""

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = url

    async def decide(self, client_secret: str, word: str) -> bool:
        try:
            answer = await self._client.post(f"{self._url}/actions/{client_secret}/{word}")
        except httpx.HTTPError:
            return False
        return answer.is_success


class NoBank:
    """For races in which nobody is sent to the bank."""

    async def decide(self, client_secret: str, word: str) -> bool:  # noqa: ARG002
        return False
