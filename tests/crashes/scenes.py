"""What a server is doing when it dies: one scene for each point at which it can be told to."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from box_office.crash_points import CrashPoint, Moment
from schema.ids import NodeKind, encode_id
from tests.halls import Hall

SECONDS_MAX = 30.0
CODE = "errors { ... on UserError { code } }"
SECRET = "errors { ... on UserError { code } ... on PaymentActionRequired { clientSecret } }"
MUTATIONS = {
    "reserveSeats": ("ReserveSeatsInput!", f"reservation {{ id status }} {CODE}"),
    "releaseSeats": ("ReleaseSeatsInput!", f"reservation {{ id status }} {CODE}"),
    "purchaseReservation": ("PurchaseReservationInput!", f"order {{ id status }} {SECRET}"),
    "cancelOrder": ("CancelOrderInput!", f"order {{ id status }} {CODE}"),
}


class Died(Exception):  # noqa: N818 - what happened.
    """The server went away before it answered."""


@dataclass
class Buyer:
    """A buyer of one hall, at a server that may die, and later at another one."""

    hall: Hall
    url: str
    token: str = ""
    #: The call that was not answered: its mutation and input.
    unanswered: tuple[str, dict[str, Any]] | None = None
    #: What was told in answers, by name.
    told: dict[str, Any] = field(default_factory=dict)

    async def arrive(self) -> None:
        """Be somebody."""
        answer = await self.post({"query": "mutation { startGuestSession { token } }"})
        self.token = answer["startGuestSession"]["token"]

    async def reserve(self, *seats: int) -> str:
        event_id = encode_id(NodeKind.EVENT, self.hall.event_id)
        answer = await self.do("reserveSeats", eventId=event_id, seatIndexes=list(seats))
        reservation_id: str = answer["reservation"]["id"]
        return reservation_id

    async def purchase(self, reservation_id: str, token: str) -> dict[str, Any]:
        return await self.do(
            "purchaseReservation",
            reservationId=reservation_id,
            email="ada@example.org",
            paymentToken=token,
            idempotencyKey=str(uuid4()),
        )

    async def do(self, mutation: str, **given: Any) -> dict[str, Any]:
        """Call a mutation; Died where no answer came."""
        kind, fields = MUTATIONS[mutation]
        document = f"mutation($input: {kind}) {{ {mutation}(input: $input) {{ {fields} }} }}"
        self.unanswered = (mutation, given)
        answer = await self.post({"query": document, "variables": {"input": given}})
        self.unanswered = None
        result: dict[str, Any] = answer[mutation]
        return result

    async def post(self, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        async with httpx.AsyncClient(timeout=SECONDS_MAX, trust_env=False) as client:
            try:
                response = await client.post(self.url, json=body, headers=headers)
            except httpx.TransportError as fault:
                raise Died from fault
        answer = response.json()
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data


@dataclass(frozen=True)
class Scene:
    """What leads a server past a point, and the event it happens at."""

    play: Callable[[Buyer], Awaitable[None]]
    event: dict[str, Any] = field(default_factory=dict)


async def reserves(buyer: Buyer) -> None:
    await buyer.reserve(0, 1)


async def releases(buyer: Buyer) -> None:
    reservation_id = await buyer.reserve(0, 1)
    await buyer.do("releaseSeats", reservationId=reservation_id, seatIndexes=[0])


async def lets_it_lapse(buyer: Buyer) -> None:
    await buyer.reserve(0, 1)


def pays(token: str) -> Callable[[Buyer], Awaitable[None]]:
    async def play(buyer: Buyer) -> None:
        await buyer.purchase(await buyer.reserve(0, 1), token)

    return play


async def returns_tickets(buyer: Buyer) -> None:
    bought = await buyer.purchase(await buyer.reserve(0, 1), "pretend_ok")
    await buyer.do("cancelOrder", orderId=bought["order"]["id"], idempotencyKey=str(uuid4()))


async def never_answers_the_bank(buyer: Buyer) -> None:
    """The reconciler gives the payment up, for its time is over."""
    await buyer.purchase(await buyer.reserve(0, 1), "pretend_action_required")
    await let_the_deadline_pass(buyer.hall)


async def pays_late(buyer: Buyer) -> None:
    """The bank's transfer arrives when the reservation is long over."""
    answer = await buyer.purchase(await buyer.reserve(0, 1), "pretend_late_money")
    [action] = answer["errors"]
    await let_the_deadline_pass(buyer.hall)
    while (await payment_state(buyer.hall)) != "VOIDED":  # noqa: ASYNC110 - by another process.
        await asyncio.sleep(0.1)
    buyer.told["client secret"] = action["clientSecret"]


async def let_the_deadline_pass(hall: Hall) -> None:
    """Age the rows of this hall: its payment was begun long ago."""
    await hall.execute(
        "UPDATE reservations SET expires_at = now() - interval '1 s', hold_ends_at ="
        " now() - interval '1 s' WHERE event_id = $1",
        hall.event_id,
    )
    await hall.execute(
        "UPDATE event_seats SET held_until = now() - interval '1 s'"
        " WHERE event_id = $1 AND state = 1",
        hall.event_id,
    )
    await hall.execute(
        "UPDATE payments SET updated_at = now() - interval '1 minute' WHERE reservation_id IN"
        " (SELECT id FROM reservations WHERE event_id = $1)",
        hall.event_id,
    )


async def payment_state(hall: Hall) -> str | None:
    """Say where this hall's one payment stands, if there is one."""
    rows = await hall.fetch(
        "SELECT p.state FROM payments p JOIN reservations r ON r.id = p.reservation_id"
        " WHERE r.event_id = $1",
        hall.event_id,
    )
    return rows[0]["state"] if rows else None


BUYS = Scene(pays("pretend_ok"))
IS_DECLINED = Scene(pays("pretend_declined"))
IS_REFUSED_LATER = Scene(pays("pretend_capture_refused"))
RETURNS = Scene(returns_tickets)
IS_GIVEN_UP = Scene(never_answers_the_bank)
PAYS_LATE = Scene(pays_late)

#: By the name of the statement at the window.
WINDOW_SCENES = {
    "Reserve": Scene(reserves),
    "Release": Scene(releases),
    "Expire": Scene(lets_it_lapse, {"reservation_seconds": 1}),
    "Begin": BUYS,
    "Sell": BUYS,
    "Fail": IS_DECLINED,
    "Refuse": IS_REFUSED_LATER,
    "Void": RETURNS,
    "Resume": PAYS_LATE,
}
PAYMENT_SCENES = {
    CrashPoint.BEFORE_AUTHORISING: BUYS,
    CrashPoint.AUTHORISED: BUYS,
    CrashPoint.ACTION_REQUIRED: Scene(pays("pretend_action_required")),
    CrashPoint.DECLINED: IS_DECLINED,
    CrashPoint.GIVEN_UP: IS_GIVEN_UP,
    CrashPoint.VOIDED: IS_GIVEN_UP,
    CrashPoint.CAPTURED: BUYS,
    CrashPoint.SETTLED: BUYS,
    CrashPoint.BEFORE_REFUNDING: RETURNS,
    CrashPoint.REFUNDED: RETURNS,
}
SCENES: dict[str, Scene] = {
    **{f"{name}.{moment}": scene for name, scene in WINDOW_SCENES.items() for moment in Moment},
    **{point.value: scene for point, scene in PAYMENT_SCENES.items()},
}
