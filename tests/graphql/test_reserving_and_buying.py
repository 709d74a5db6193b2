"""Each mutation as a client writes it: what it answers, and how each refusal reads."""

from typing import Any
from uuid import uuid4

import pytest

from models import EventState
from schema.ids import NodeKind, encode_id, encode_seat_id
from tests.graphql.conftest import Api
from tests.graphql.programme import SEAT_COUNT, Programme

ERRORS = "errors { __typename ... on UserError { code message path } "
RESERVE = f"""
mutation ($input: ReserveSeatsInput!) {{ reserveSeats(input: $input) {{
  reservation {{ id status seats {{ id index section {{ name }} }} }}
  {ERRORS}
    ... on NotOnSale {{ status opensAt }}
    ... on SeatsUnavailable {{ seats {{ index }} sections {{ available section {{ name }} }} }}
    ... on SeatsUnknown {{ seatIds seatIndexes sectionIds }}
    ... on SeatLimitExceeded {{ limit remaining }}
    ... on ReservationNotOpen {{ reservationStatus: status }} }} }} }}
"""
RELEASE = f"""
mutation ($input: ReleaseSeatsInput!) {{ releaseSeats(input: $input) {{
  reservation {{ status seats {{ index }} }} {ERRORS} }} }} }}
"""
CANCEL = f"""
mutation ($input: CancelReservationInput!) {{ cancelReservation(input: $input) {{
  reservation {{ status }} {ERRORS} ... on ReservationNotOpen {{ status }} }} }} }}
"""
PURCHASE = f"""
mutation ($input: PurchaseReservationInput!) {{ purchaseReservation(input: $input) {{
  order {{ id status }} reservation {{ status }}
  {ERRORS} ... on PaymentDeclined {{ retryable }} }} }} }}
"""
CANCEL_ORDER = f"""
mutation ($input: CancelOrderInput!) {{ cancelOrder(input: $input) {{
  order {{ status tickets {{ status }} }} {ERRORS} ... on OrderNotCancellable {{ status }} }} }} }}
"""
NOTHING = "nothing-like-an-id-of-ours"


async def change(api: Api, document: str, **asked: Any) -> dict[str, Any]:
    (answer,) = (await api.ask(document, input=asked)).values()
    return dict(answer)


async def refusal(api: Api, document: str, **asked: Any) -> dict[str, Any]:
    answer = await change(api, document, **asked)
    (only,) = answer["errors"]
    assert only["message"].endswith(".")
    return {name: value for name, value in only.items() if name != "message"}


@pytest.fixture
async def event_id(programme: Programme) -> str:
    return encode_id(NodeKind.EVENT, (await programme.event()).id)


@pytest.fixture
def buyer(api: Api) -> Api:
    return api.as_buyer()


async def test_seats_are_reserved_by_id_by_index_and_by_number_of_places_in_one_call(
    buyer: Api, programme: Programme
) -> None:
    event, house = await programme.event(), await programme.house()

    answer = await change(
        buyer,
        RESERVE,
        eventId=encode_id(NodeKind.EVENT, event.id),
        seatIds=[encode_seat_id(event.id, 0)],
        seatIndexes=[0, 3],
        generalAdmission=[
            {"sectionId": encode_id(NodeKind.SECTION, house.floor.id), "quantity": 2}
        ],
    )

    seats = answer["reservation"]["seats"]
    assert [seat["index"] for seat in seats][:2] == [0, 3]
    assert [seat["section"]["name"] for seat in seats].count(house.floor.name) == 2
    assert answer["errors"] == []


async def test_ids_that_are_none_of_this_events_seats_come_back_as_they_were_sent(
    buyer: Api, programme: Programme, event_id: str
) -> None:
    other = await programme.event("Macbeth")
    foreign, beyond = encode_seat_id(other.id, 1), encode_seat_id(other.id, 99)

    unknown = await refusal(
        buyer,
        RESERVE,
        eventId=event_id,
        seatIds=[foreign, beyond, NOTHING],
        seatIndexes=[SEAT_COUNT],
        generalAdmission=[{"sectionId": NOTHING, "quantity": 1}],
    )

    assert unknown == {
        "__typename": "SeatsUnknown",
        "code": "SEATS_UNKNOWN",
        "path": ["input"],
        "seatIds": [foreign, beyond, NOTHING],
        "seatIndexes": [SEAT_COUNT],
        "sectionIds": [NOTHING],
    }


async def test_what_is_gone_and_what_is_too_much_are_told_together(
    api: Api, buyer: Api, programme: Programme
) -> None:
    event = await programme.event(seats_per_buyer_max=2)
    house = await programme.house()
    event_id = encode_id(NodeKind.EVENT, event.id)
    floor = encode_id(NodeKind.SECTION, house.floor.id)
    await change(api.as_buyer(), RESERVE, eventId=event_id, seatIndexes=[1])
    await change(
        api.as_buyer(),
        RESERVE,
        eventId=event_id,
        generalAdmission=[{"sectionId": floor, "quantity": 2}],
    )

    answer = await change(
        buyer,
        RESERVE,
        eventId=event_id,
        seatIndexes=[1, 2],
        generalAdmission=[{"sectionId": floor, "quantity": 3}],
    )

    unavailable, limit = answer["errors"]
    assert answer["reservation"] is None
    assert unavailable["__typename"] == "SeatsUnavailable"
    assert unavailable["seats"] == [{"index": 1}]
    assert unavailable["sections"] == [{"available": 2, "section": {"name": house.floor.name}}]
    assert (limit["__typename"], limit["limit"], limit["remaining"]) == ("SeatLimitExceeded", 2, 2)


async def test_an_event_that_sells_nothing_says_where_it_stands(
    buyer: Api, programme: Programme
) -> None:
    event = await programme.event(state=EventState.PAUSED)

    paused = await refusal(
        buyer, RESERVE, eventId=encode_id(NodeKind.EVENT, event.id), seatIndexes=[1]
    )

    assert paused["__typename"] == "NotOnSale"
    assert (paused["status"], paused["opensAt"]) == ("PAUSED", None)


async def test_an_unknown_event_and_an_empty_wish_are_refused(buyer: Api, event_id: str) -> None:
    unknown = await refusal(buyer, RESERVE, eventId=NOTHING, seatIndexes=[1])
    seat_as_event = await refusal(
        buyer, RESERVE, eventId=encode_seat_id(uuid4(), 1), seatIndexes=[1]
    )
    empty = await refusal(buyer, RESERVE, eventId=event_id)

    assert unknown["code"] == seat_as_event["code"] == "EVENT_NOT_FOUND"
    assert empty["code"] == "INVALID_INPUT"


async def test_seats_are_released_and_the_rest_is_cancelled(buyer: Api, event_id: str) -> None:
    reserved = (await change(buyer, RESERVE, eventId=event_id, seatIndexes=[0, 1, 2]))[
        "reservation"
    ]

    fewer = await change(
        buyer, RELEASE, reservationId=reserved["id"], seatIds=[reserved["seats"][0]["id"]]
    )
    none = await change(buyer, CANCEL, reservationId=reserved["id"], reason="Rain.")
    again = await change(buyer, CANCEL, reservationId=reserved["id"])

    assert [seat["index"] for seat in fewer["reservation"]["seats"]] == [1, 2]
    assert none["reservation"] == again["reservation"] == {"status": "CANCELLED"}


async def test_somebody_elses_reservation_answers_as_one_that_does_not_exist(
    api: Api, buyer: Api, event_id: str
) -> None:
    reserved = await change(api.as_buyer(), RESERVE, eventId=event_id, seatIndexes=[0])
    theirs, nobodys = reserved["reservation"]["id"], encode_id(NodeKind.RESERVATION, uuid4())
    payment = {"email": "a@example.org", "paymentToken": "pretend_ok", "idempotencyKey": "k"}

    for document, asked in ((RELEASE, {"seatIndexes": [0]}), (CANCEL, {}), (PURCHASE, payment)):
        answers = [
            await change(buyer, document, reservationId=reservation, **asked)
            for reservation in (theirs, nobodys, NOTHING)
        ]
        assert answers[0] == answers[1] == answers[2]
        assert answers[0]["errors"][0]["code"] == "RESERVATION_NOT_FOUND"
        assert answers[0]["reservation"] is None


async def test_a_declined_payment_leaves_the_reservation_open(buyer: Api, event_id: str) -> None:
    reserved = await change(buyer, RESERVE, eventId=event_id, seatIndexes=[0])

    answer = await change(
        buyer,
        PURCHASE,
        reservationId=reserved["reservation"]["id"],
        email="a@example.org",
        paymentToken="pretend_declined",
        idempotencyKey="k",
    )

    (declined,) = answer["errors"]
    assert (declined["__typename"], declined["retryable"]) == ("PaymentDeclined", True)
    assert answer["reservation"] == {"status": "OPEN"}
    assert answer["order"] is None


async def test_an_order_is_bought_and_cancelled_once_whatever_is_repeated(
    buyer: Api, event_id: str
) -> None:
    reserved = await change(buyer, RESERVE, eventId=event_id, seatIndexes=[0, 1])
    payment = {
        "reservationId": reserved["reservation"]["id"],
        "email": "a@example.org",
        "paymentToken": "pretend_ok",
        "idempotencyKey": "buy",
    }

    bought = await change(buyer, PURCHASE, **payment)
    assert await change(buyer, PURCHASE, **payment) == bought
    assert bought["order"]["status"] == "PAID"
    assert bought["reservation"] == {"status": "PURCHASED"}

    asked = {"orderId": bought["order"]["id"], "idempotencyKey": "cancel"}
    cancelled = await change(buyer, CANCEL_ORDER, **asked)
    assert await change(buyer, CANCEL_ORDER, **asked) == cancelled
    assert cancelled["order"] == {"status": "REFUNDED", "tickets": [{"status": "VOID"}] * 2}

    other = await refusal(buyer, CANCEL_ORDER, **(asked | {"idempotencyKey": "other"}))
    reused = await refusal(buyer, PURCHASE, **(payment | {"email": "b@example.org"}))
    unknown = await refusal(buyer, CANCEL_ORDER, orderId=NOTHING, idempotencyKey="x")
    assert (other["code"], other["status"]) == ("ORDER_NOT_CANCELLABLE", "REFUNDED")
    assert reused["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert unknown["code"] == "ORDER_NOT_FOUND"


async def test_reasons_and_tokens_that_are_too_long_are_refused(buyer: Api, event_id: str) -> None:
    reserved = await change(buyer, RESERVE, eventId=event_id, seatIndexes=[0])
    reservation_id = reserved["reservation"]["id"]

    reason = await refusal(buyer, CANCEL, reservationId=reservation_id, reason="x" * 501)
    token = await refusal(
        buyer,
        PURCHASE,
        reservationId=reservation_id,
        email="a@example.org",
        paymentToken="x" * 1001,
        idempotencyKey="k",
    )

    assert (reason["code"], reason["path"]) == ("INVALID_INPUT", ["input", "reason"])
    assert (token["code"], token["path"]) == ("INVALID_INPUT", ["input", "paymentToken"])


@pytest.mark.parametrize(
    ("document", "asked"),
    [
        (RESERVE, {"eventId": NOTHING}),
        (RELEASE, {"reservationId": NOTHING}),
        (CANCEL, {"reservationId": NOTHING}),
        (PURCHASE, {"reservationId": NOTHING, "email": "a@b.org", "idempotencyKey": "k"}),
        (CANCEL_ORDER, {"orderId": NOTHING, "idempotencyKey": "k"}),
    ],
)
async def test_whoever_changes_anything_needs_a_token(
    api: Api, document: str, asked: dict[str, Any]
) -> None:
    assert await api.codes(document, input=asked) == ["UNAUTHENTICATED"]
