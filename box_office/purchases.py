"""Purchasing a reservation: begin, authorise, sell, capture.

The seats are sold after the money is set aside and before it is taken; selling is the point of no
return. The steps are in `settling`: whoever repeats the call with its key, on any server, goes on
where the last one stopped, and is answered what the books then say.
"""

import asyncio
import hashlib
import logging
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import sqlalchemy as sa
from email_validator import EmailNotValidError, validate_email

from box_office.box_office import BoxOffice
from box_office.crash_points import CrashPoint, passing
from box_office.orders import order_ids_by_reservation_ids, orders_by_ids
from box_office.payments import payment_by_id
from box_office.providers import ActionRequired, Declined, ProviderUnreachable
from box_office.refusals import (
    InvalidInput,
    OutcomeUnknown,
    Refusal,
    ReservationExpired,
)
from box_office.reservations import reservations_by_ids
from box_office.sales import Begin
from box_office.settling import Unsettled, sell_for_nothing, settle
from box_office.wording import (
    action_required,
    declined,
    expired,
    key_reused,
    not_on_sale,
    not_open,
    reservation_not_found,
)
from models import EventStatus, Order, OrderStatus, PaymentState, ReservationStatus

#: A purchase that takes longer is answered OUTCOME_UNKNOWN and goes on.
PURCHASE_ANSWER_SECONDS = 8.0
IDEMPOTENCY_KEY_LENGTH_MAX = 128
PAYMENT_TOKEN_LENGTH_MAX = 1_000
CAME_TO_NOTHING = {PaymentState.DECLINED, PaymentState.VOIDED}
OVER = {ReservationStatus.EXPIRED, ReservationStatus.CANCELLED}

logger = logging.getLogger(__name__)

PROVIDER_SILENT = (
    "The payment provider gave no answer. Repeat exactly this call, with the same idempotencyKey,"
    " to go on with the payment; you will not be charged twice."
)
INTERRUPTED = (
    "The payment was interrupted by a fault on our side. Repeat exactly this call, with the same"
    " idempotencyKey, to go on with it; you will not be charged twice."
)
STILL_GOING_ON = (
    "The payment is still going on. Repeat exactly this call, with the same idempotencyKey, to"
    " learn its outcome; you will not be charged twice."
)


@dataclass(frozen=True, slots=True)
class PurchaseRequest:
    """What a buyer sends to purchase a reservation."""

    buyer_id: UUID
    reservation_id: UUID
    email: str
    payment_token: str | None
    idempotency_key: str

    def digest(self) -> bytes:
        """Tell this question from another under the same key (SHA-256)."""
        question = (self.reservation_id, self.email, self.payment_token)
        return hashlib.sha256(repr(question).encode()).digest()


async def purchase_reservation(
    box_office: BoxOffice, request: PurchaseRequest
) -> Order | list[Refusal]:
    """Pay for a reservation and get its order. The same key again answers the same.

    Refuses: InvalidInput, ReservationNotFound, ReservationExpired, ReservationNotOpen, NotOnSale,
    PaymentDeclined, PaymentActionRequired, IdempotencyKeyReused, OutcomeUnknown.
    """
    if refused := check_request(request):
        return refused
    task = box_office.in_background(purchase(box_office, request))
    done, _ = await asyncio.wait({task}, timeout=PURCHASE_ANSWER_SECONDS)
    return task.result() if done else [OutcomeUnknown(message=STILL_GOING_ON)]


def check_request(request: PurchaseRequest) -> list[Refusal]:
    """Find what is wrong with the request itself."""
    refused = check_idempotency_key(request.idempotency_key)
    try:
        validate_email(request.email, check_deliverability=False)
    except EmailNotValidError as error:
        message = f"This is no e-mail address: {error} The tickets are sent there."
        refused.append(InvalidInput(message=message, path=("input", "email")))
    token = request.payment_token
    if token is not None and not (
        1 <= len(token) <= PAYMENT_TOKEN_LENGTH_MAX and token.isprintable()
    ):
        message = (
            f"A paymentToken has 1 to {PAYMENT_TOKEN_LENGTH_MAX} printable characters. Give the one"
            " that the payment widget returned."
        )
        refused.append(InvalidInput(message=message, path=("input", "paymentToken")))
    return refused


def check_idempotency_key(key: str) -> list[Refusal]:
    """Find what is wrong with an idempotency key."""
    if 1 <= len(key) <= IDEMPOTENCY_KEY_LENGTH_MAX and key.isprintable():
        return []
    message = (
        f"An idempotencyKey has 1 to {IDEMPOTENCY_KEY_LENGTH_MAX} printable characters. Make a new"
        " one, such as a random UUID, for each purchase, and keep it for its repetitions."
    )
    return [InvalidInput(message=message, path=("input", "idempotencyKey"))]


DUE = sa.text("""
    SELECT r.event_id, seats_price(r.event_id, r.seat_indexes) AS amount
    FROM reservations r WHERE r.id = :id AND r.buyer_id = :buyer_id
""")


ENDED_AT = sa.text("SELECT expires_at FROM reservations WHERE id = :id")


async def purchase(box_office: BoxOffice, request: PurchaseRequest) -> Order | list[Refusal]:
    """Begin a payment, or find the one this key began, and bring it to its end."""
    async with box_office.database.engine.connect() as connection:
        asked = {"id": request.reservation_id, "buyer_id": request.buyer_id}
        due = (await connection.execute(DUE, asked)).one_or_none()
    if due is None:
        return [reservation_not_found()]
    if due.amount > 0 and request.payment_token is None:
        message = "Something is to be paid. Give the paymentToken that the payment widget returned."
        return [InvalidInput(message=message, path=("input", "paymentToken"))]
    begin = Begin(
        request.buyer_id,
        request.reservation_id,
        request.email,
        request.idempotency_key,
        request.digest(),
        box_office.provider.name,
    )
    claims = frozenset({request.buyer_id, request.reservation_id})
    begun = await box_office.ask(due.event_id, Begin.STATEMENT, begin, claims)
    if isinstance(begun, OutcomeUnknown):
        return [begun]
    if begun["o_outcome"] not in {"begun", "replay"}:
        return [refusal_of(begun)]
    return await bring_to_its_end(Purchase(box_office, request, due.event_id, begun))


async def bring_to_its_end(begun: "Purchase") -> Order | list[Refusal]:
    """Go on with a payment that has begun. Money may move: whatever breaks, the key is kept."""
    try:
        return await begun.finish()
    except ProviderUnreachable:
        return [OutcomeUnknown(message=PROVIDER_SILENT)]
    except Unsettled as problem:
        return [OutcomeUnknown(message=str(problem))]
    except Exception:
        logger.exception("A purchase that had begun was interrupted")
        return [OutcomeUnknown(message=INTERRUPTED)]


def refusal_of(begun: asyncpg.Record) -> Refusal:
    """Put into words why a payment could not begin."""
    match begun["o_outcome"]:
        case "reused":
            return key_reused()
        case "not_found":
            return reservation_not_found()
        case "expired":
            return expired(begun["o_expires_at"])
        case "not_on_sale":
            return not_on_sale(EventStatus(begun["o_event_status"]), begun["o_opens_at"])
        case _:
            return not_open(ReservationStatus(begun["o_status"]))


@dataclass(frozen=True, slots=True)
class Purchase:
    """A purchase that has begun, here or elsewhere, now or earlier."""

    box_office: BoxOffice
    request: PurchaseRequest
    event_id: UUID
    begun: asyncpg.Record

    async def finish(self) -> Order | list[Refusal]:
        """Go on from wherever the payment stands, and answer what came of it."""
        if self.begun["o_payment"] is None:
            return await self._take_what_costs_nothing()
        payment = await settle(self.box_office, self.begun["o_payment"], self.request.payment_token)
        passing(CrashPoint.SETTLED)
        if isinstance(payment, ActionRequired):
            return [action_required(payment.client_secret)]
        if payment.declined is None or payment.state not in CAME_TO_NOTHING:
            return await self._order(payment.state)
        refusal = await self._came_to_nothing(payment.state, payment.declined)
        # Its late money may have bought the seats in between: then they were no other try's.
        now = await payment_by_id(self.box_office.database, payment.id)
        return [refusal] if now.state in CAME_TO_NOTHING else await self.finish()

    async def _came_to_nothing(self, state: PaymentState, why: Declined) -> Refusal:
        """Say what became of the seats; another try may have bought them, and cancelled since."""
        status = await self._status()
        if status is ReservationStatus.PAYING or await self._has_tickets():
            return not_open(status)
        if state is PaymentState.VOIDED and status in OVER:
            return await self._lost()
        return declined(why, held=status is ReservationStatus.OPEN)

    async def _take_what_costs_nothing(self) -> Order | list[Refusal]:
        """Sell without a payment, or find that it was sold, or that a seat is lost."""
        if not await sell_for_nothing(
            self.box_office,
            self.event_id,
            self.request.buyer_id,
            self.request.reservation_id,
            len(self.begun["o_seats"]),
        ):
            return [await self._lost()]
        return await self._order()

    async def _order(self, state: PaymentState | None = None) -> Order | list[Refusal]:
        goes_back = state in {PaymentState.REFUNDING, PaymentState.REFUNDED}
        return await self._find_order() or [await self._lost(goes_back=goes_back)]

    async def _find_order(self) -> Order | None:
        reservation_id = self.request.reservation_id
        database = self.box_office.database
        ids = await order_ids_by_reservation_ids(database, [reservation_id])
        return next(iter((await orders_by_ids(database, list(ids.values()))).values()), None)

    async def _has_tickets(self) -> bool:
        """Tell whether another try has bought the seats."""
        order = await self._find_order()
        return order is not None and order.status in {OrderStatus.COMMITTED, OrderStatus.PAID}

    async def _status(self) -> ReservationStatus:
        """Tell whether the seats wait for another try, or what else has become of them."""
        reservation_id = self.request.reservation_id
        found = await reservations_by_ids(self.box_office.database, [reservation_id])
        return found[reservation_id].status

    async def _lost(self, *, goes_back: bool = False) -> ReservationExpired:
        """Say that the reservation ended while it was being paid, and when."""
        async with self.box_office.database.engine.connect() as connection:
            ended = await connection.execute(ENDED_AT, {"id": self.request.reservation_id})
            return expired(ended.scalar_one(), goes_back=goes_back)
