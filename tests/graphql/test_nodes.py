"""Everything with an id is found again by it, by those who may see it."""

from typing import Any
from uuid import uuid4

from models import EventState
from schema.ids import NodeKind, encode_id, encode_seat_id
from tests.graphql.conftest import Api
from tests.graphql.programme import SEAT_COUNT, Programme
from tests.graphql.test_buyers import PURCHASE, reserve

NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"


async def node(api: Api, node_id: str) -> Any:
    return (await api.ask(NODE, id=node_id))["node"]


async def public_ids(api: Api) -> dict[str, str]:
    found = await api.ask(
        """{ events { nodes { id venue { id } performers { id } priceLevels { id }
             seatMap { id sections { id } } seats { id } } } }"""
    )
    (event,) = found["events"]["nodes"]
    return {
        "Event": event["id"],
        "Venue": event["venue"]["id"],
        "Performer": event["performers"][0]["id"],
        "PriceLevel": event["priceLevels"][1]["id"],
        "SeatMap": event["seatMap"]["id"],
        "Section": event["seatMap"]["sections"][1]["id"],
        "EventSeat": event["seats"][7]["id"],
    }


async def own_ids(buyer: Api, event_key: Any) -> dict[str, str]:
    reservation = (await reserve(buyer, event_key, 0))["reservation"]
    order = (await buyer.ask(PURCHASE, id=reservation["id"]))["purchaseReservation"]["order"]
    viewer = (await buyer.ask("{ viewer { id } }"))["viewer"]
    return {
        "Reservation": reservation["id"],
        "Order": order["id"],
        "Ticket": order["tickets"][0]["id"],
        "Viewer": viewer["id"],
    }


async def test_everything_public_is_found_by_its_id(api: Api, programme: Programme) -> None:
    await programme.event(performers=("Anna",))
    ids = await public_ids(api)

    for typename, node_id in ids.items():
        assert await node(api, node_id) == {"__typename": typename, "id": node_id}


async def test_what_is_yours_is_found_by_you_and_by_nobody_else(
    api: Api, programme: Programme
) -> None:
    event = await programme.event()
    buyer, other = api.as_buyer(), api.as_buyer()
    ids = await own_ids(buyer, event.id)

    for typename, node_id in ids.items():
        assert await node(buyer, node_id) == {"__typename": typename, "id": node_id}
        assert await node(other, node_id) is None
        assert await node(api, node_id) is None


async def test_a_reservation_is_found_by_its_buyer_alone(api: Api, programme: Programme) -> None:
    event = await programme.event()
    buyer = api.as_buyer()
    reservation_id = (await reserve(buyer, event.id, 0))["reservation"]["id"]
    document = "query ($id: ID!) { reservation(id: $id) { id } }"

    assert (await buyer.ask(document, id=reservation_id))["reservation"] == {"id": reservation_id}
    assert (await api.as_buyer().ask(document, id=reservation_id))["reservation"] is None
    assert (await api.ask(document, id=reservation_id))["reservation"] is None
    assert (await buyer.ask(document, id="no id"))["reservation"] is None


async def test_nothing_of_a_draft_is_found(api: Api, programme: Programme) -> None:
    event = await programme.event()
    ids = await public_ids_of_nothing(programme, event.id)

    for node_id in ids:
        assert await node(api, node_id) is not None
    await programme.execute("UPDATE events SET state = $1", EventState.DRAFT.value)
    for node_id in ids:
        assert await node(api, node_id) is None


async def public_ids_of_nothing(programme: Programme, event_key: Any) -> list[str]:
    level = await programme.database.pool.fetchval(
        "SELECT id FROM price_levels WHERE event_id = $1 LIMIT 1", event_key
    )
    return [
        encode_id(NodeKind.EVENT, event_key),
        encode_id(NodeKind.PRICE_LEVEL, level),
        encode_seat_id(event_key, 0),
    ]


async def test_what_does_not_exist_is_null(api: Api, programme: Programme) -> None:
    event = await programme.event()
    buyer = api.as_buyer()

    for kind in NodeKind:
        if kind is not NodeKind.EVENT_SEAT:
            assert await node(buyer, encode_id(kind, uuid4())) is None
    assert await node(api, encode_seat_id(uuid4(), 0)) is None
    assert await node(api, encode_seat_id(event.id, SEAT_COUNT - 1)) is not None
    assert await node(api, encode_seat_id(event.id, SEAT_COUNT)) is None


async def test_what_is_no_id_is_null(api: Api) -> None:
    for text in ("", "1", "null", "RXZlbnQ6MQ==", str(uuid4()), "\0", "\ud800", "x" * 10_000):
        assert await node(api, text) is None
    assert await api.ask("{ node(id: 1) { id } }") == {"node": None}
