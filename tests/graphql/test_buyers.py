"""Buyers see what is theirs, and nobody else does."""

from typing import Any

import pytest

from schema.ids import NodeKind, decode_id, encode_id, encode_seat_id
from tests.graphql.conftest import Api
from tests.graphql.programme import Programme

RESERVE = """
mutation ($input: ReserveSeatsInput!) { reserveSeats(input: $input) {
  reservation { id status expiresAt expiresInSeconds total { amount currencyCode }
    seats { index status } event { title } order { id } }
  errors { __typename ... on UserError { code message path } }
} }
"""
PURCHASE = """
mutation ($id: ID!) { purchaseReservation(input: {
    reservationId: $id, email: "anna@example.org", paymentToken: "pretend_ok", idempotencyKey: "1"
  }) {
  order { id code status email total { amount } createdAt event { title }
    tickets { id code status price { amount } seat { index row number } order { code } } }
  reservation { status order { code } }
  errors { __typename ... on UserError { message } }
} }
"""


async def reserve(api: Api, event_key: Any, *seat_indexes: int) -> dict[str, Any]:
    asked = {"eventId": encode_id(NodeKind.EVENT, event_key), "seatIndexes": list(seat_indexes)}
    return dict((await api.ask(RESERVE, input=asked))["reserveSeats"])


async def test_a_reservation_shows_its_seats_and_what_they_cost(
    api: Api, programme: Programme
) -> None:
    event = await programme.event()

    answer = await reserve(api.as_buyer(), event.id, 5, 0)

    reservation = answer["reservation"]
    assert answer["errors"] == []
    assert reservation["status"] == "OPEN"
    assert reservation["seats"] == [
        {"index": 0, "status": "HELD"},
        {"index": 5, "status": "HELD"},
    ]
    assert reservation["total"] == {"amount": "50.00", "currencyCode": "EUR"}
    assert 590 <= reservation["expiresInSeconds"] <= 600
    assert reservation["event"] == {"title": "Hamlet"}
    assert reservation["order"] is None


async def test_an_order_shows_a_ticket_for_each_seat(api: Api, programme: Programme) -> None:
    event = await programme.event()
    buyer = api.as_buyer()
    reservation = (await reserve(buyer, event.id, 5, 0))["reservation"]

    answer = (await buyer.ask(PURCHASE, id=reservation["id"]))["purchaseReservation"]

    order = answer["order"]
    assert answer["errors"] == []
    assert order["total"] == {"amount": "50.00"}
    assert order["email"] == "anna@example.org"
    assert order["event"] == {"title": "Hamlet"}
    assert [ticket["seat"] for ticket in order["tickets"]] == [
        {"index": 0, "row": "A", "number": "1"},
        {"index": 5, "row": "B", "number": "3"},
    ]
    assert [ticket["price"]["amount"] for ticket in order["tickets"]] == ["30.00", "20.00"]
    assert {ticket["order"]["code"] for ticket in order["tickets"]} == {order["code"]}
    assert answer["reservation"] == {"status": "PURCHASED", "order": {"code": order["code"]}}


@pytest.mark.untrue_books(reason="Seats are brought into states by hand.")
async def test_seats_that_are_gone_are_named(api: Api, programme: Programme) -> None:
    house = await programme.house()
    event = await programme.event()
    await programme.set_states(event.id, {1: 2, 6: 2, 7: 2, 8: 2})

    answer = await api.as_buyer().ask(
        """mutation ($event: ID!, $floor: ID!) { reserveSeats(input: {
             eventId: $event, seatIndexes: [0, 1],
             generalAdmission: [{sectionId: $floor, quantity: 2}] }) {
           reservation { id }
           errors { ... on SeatsUnavailable {
             code seats { id status } sections { section { name } available total } } } } }""",
        event=encode_id(NodeKind.EVENT, event.id),
        floor=encode_id(NodeKind.SECTION, house.floor.id),
    )

    assert answer["reserveSeats"]["reservation"] is None
    seats: list[Any] = []
    sections: list[Any] = []
    for error in answer["reserveSeats"]["errors"]:
        assert error["code"] == "SEATS_UNAVAILABLE"
        seats += error["seats"]
        sections += error["sections"]
    assert seats == [{"id": encode_seat_id(event.id, 1), "status": "SOLD"}]
    assert sections == [{"section": {"name": "Floor"}, "available": 1, "total": 4}]


async def test_two_mutations_of_one_operation_each_show_what_then_was(
    api: Api, programme: Programme
) -> None:
    event = await programme.event()

    found = await api.as_buyer().ask(
        """mutation ($id: ID!) {
             one: reserveSeats(input: {eventId: $id, seatIndexes: [0]}) {
               reservation { seats { index status } event { availability { available } } } }
             two: reserveSeats(input: {eventId: $id, seatIndexes: [1]}) {
               reservation { seats { index status } event { availability { available } } } }
           }""",
        id=encode_id(NodeKind.EVENT, event.id),
    )

    one, two = found["one"]["reservation"], found["two"]["reservation"]
    assert one["event"]["availability"] == {"available": 9}
    assert two["event"]["availability"] == {"available": 8}
    assert [seat["status"] for seat in two["seats"]] == ["HELD", "HELD"]


async def test_the_viewer_is_null_without_a_token(api: Api) -> None:
    assert await api.ask("{ viewer { id } }") == {"viewer": None}


async def test_a_guest_session_makes_a_buyer_and_renews_the_same_one(api: Api) -> None:
    document = "mutation { startGuestSession { token expiresAt viewer { id isGuest } } }"

    started = (await api.ask(document))["startGuestSession"]
    key = decode_id(started["viewer"]["id"])
    buyer = api.as_buyer()
    renewed = (await buyer.ask(document))["startGuestSession"]

    assert key is not None
    assert key.kind is NodeKind.VIEWER
    assert started["viewer"]["isGuest"] is True
    assert started["token"] == f"token of {key.key}"
    assert started["expiresAt"].endswith("Z")
    assert renewed["viewer"] == (await buyer.ask("{ viewer { id isGuest } }"))["viewer"]


async def test_viewers_turn_over_their_reservations_and_orders(
    api: Api, programme: Programme
) -> None:
    buyer, other = api.as_buyer(), api.as_buyer()
    for title in ("a", "b", "c"):
        event = await programme.event(title)
        answer = await reserve(buyer, event.id, 0)
        await reserve(other, event.id, 1)
        if title != "b":
            await buyer.ask(PURCHASE.replace('"1"', f'"{title}"'), id=answer["reservation"]["id"])
    document = """
      query ($after: String, $status: ReservationStatus) { viewer {
        reservations(first: 2, after: $after, status: $status) {
          totalCount nodes { event { title } status order { event { title } } }
          edges { cursor node { id } } pageInfo { hasNextPage endCursor } }
        orders(first: 1) { totalCount nodes { event { title } tickets { seat { index } } } }
      } }"""

    first = (await buyer.ask(document))["viewer"]
    cursor = first["reservations"]["pageInfo"]["endCursor"]
    second = (await buyer.ask(document, after=cursor))["viewer"]
    still_open = (await buyer.ask(document, status="OPEN"))["viewer"]

    assert [node["event"]["title"] for node in first["reservations"]["nodes"]] == ["c", "b"]
    assert [node["order"] for node in first["reservations"]["nodes"]] == [
        {"event": {"title": "c"}},
        None,
    ]
    assert first["reservations"]["totalCount"] == 3
    assert [node["event"]["title"] for node in second["reservations"]["nodes"]] == ["a"]
    assert second["reservations"]["pageInfo"]["hasNextPage"] is False
    assert [node["event"]["title"] for node in still_open["reservations"]["nodes"]] == ["b"]
    assert still_open["reservations"]["totalCount"] == 1
    assert first["orders"] == {
        "totalCount": 2,
        "nodes": [{"event": {"title": "c"}, "tickets": [{"seat": {"index": 0}}]}],
    }


@pytest.mark.parametrize("field", ["reservations", "orders"])
async def test_a_cursor_of_another_list_is_bad_user_input(
    api: Api, programme: Programme, field: str
) -> None:
    await programme.event()
    cursor = (await api.ask("{ events { pageInfo { endCursor } } }"))["events"]["pageInfo"]
    document = f"query ($after: String) {{ viewer {{ {field}(after: $after) {{ totalCount }} }} }}"

    assert await api.as_buyer().codes(document, after=cursor["endCursor"]) == ["BAD_USER_INPUT"]


async def test_what_needs_a_buyer_says_how_to_become_one(api: Api, programme: Programme) -> None:
    event = await programme.event()
    asked = {"eventId": encode_id(NodeKind.EVENT, event.id), "seatIndexes": [0]}

    (error,) = await api.errors(RESERVE, input=asked)

    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    assert "startGuestSession" in error["message"]
