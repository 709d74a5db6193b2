"""The seats of an event: as bits for maps, as objects for people, and both say the same."""

from base64 import b64decode
from typing import Any

import pytest

from models import EventState
from schema.context import OPERATION_SEATS_MAX
from schema.errors import ApiError
from schema.ids import NodeKind, encode_id, encode_seat_id
from schema.soon import here
from tests.graphql.conftest import Api
from tests.graphql.programme import SEAT_COUNT, Programme
from tests.graphql.test_buyers import reserve

AVAILABILITY = """
{ events { nodes { availability {
  version asOf total available held sold blocked states
  sections { section { id name } total available priceFrom { amount currencyCode } }
} } } }
"""


async def only_event(api: Api, selection: str, **variables: Any) -> dict[str, Any]:
    declared = "query ($section: ID, $status: SeatStatus)" if variables else ""
    found = await api.ask(f"{declared} {{ events {{ nodes {{ {selection} }} }} }}", **variables)
    (event,) = found["events"]["nodes"]
    return dict(event)


@pytest.mark.untrue_books(reason="Seats are brought into states by hand.")
async def test_availability_counts_every_seat(api: Api, programme: Programme) -> None:
    house = await programme.house()
    event = await programme.event()
    await programme.set_states(event.id, {0: 1, 1: 2, 2: 3, 9: 2})

    (node,) = (await api.ask(AVAILABILITY))["events"]["nodes"]
    availability = node["availability"]

    assert availability.pop("asOf").endswith("Z")
    assert availability == {
        "version": 1,
        "total": 10,
        "available": 6,
        "held": 1,
        "sold": 2,
        "blocked": 1,
        "states": "OQAI",
        "sections": [
            {
                "section": {"id": encode_id(NodeKind.SECTION, house.stalls.id), "name": "Stalls"},
                "total": 6,
                "available": 3,
                "priceFrom": {"amount": "20.00", "currencyCode": "EUR"},
            },
            {
                "section": {"id": encode_id(NodeKind.SECTION, house.floor.id), "name": "Floor"},
                "total": 4,
                "available": 3,
                "priceFrom": {"amount": "10.00", "currencyCode": "EUR"},
            },
        ],
    }


@pytest.mark.untrue_books(reason="Seats are brought into states by hand.")
async def test_a_section_without_a_free_seat_has_no_cheapest_price(
    api: Api, programme: Programme
) -> None:
    event = await programme.event()
    await programme.set_states(event.id, dict.fromkeys(range(6, 10), 2))

    found = await only_event(api, "availability { sections { available priceFrom { amount } } }")

    assert found["availability"]["sections"][1] == {"available": 0, "priceFrom": None}


@pytest.mark.untrue_books(reason="Seats are brought into states by hand.")
async def test_states_are_two_bits_a_seat(api: Api, programme: Programme) -> None:
    event = await programme.event()
    expected = [0, 1, 2, 3, 3, 2, 1, 0, 1, 2]
    await programme.set_states(event.id, dict(enumerate(expected)))

    states = b64decode((await only_event(api, "availability { states }"))["availability"]["states"])

    assert [states[i >> 2] >> 2 * (i & 3) & 3 for i in range(SEAT_COUNT)] == expected


async def test_price_levels_are_a_byte_a_seat(api: Api, programme: Programme) -> None:
    await programme.event()

    found = await only_event(api, "seatPriceLevels priceLevels { name }")

    names = [found["priceLevels"][i]["name"] for i in b64decode(found["seatPriceLevels"])]
    assert names == ["Best"] * 3 + ["Good"] * 3 + ["Standing"] * 4


@pytest.mark.untrue_books(reason="Seats are brought into states by hand.")
async def test_seats_are_also_ordinary_objects(api: Api, programme: Programme) -> None:
    event = await programme.event()
    await programme.set_states(event.id, {4: 2})

    found = await only_event(
        api,
        """seats { id index event { slug } section { name } row number x y accessible status
                   priceLevel { name } price { amount currencyCode } }""",
    )

    assert [seat["index"] for seat in found["seats"]] == list(range(SEAT_COUNT))
    assert found["seats"][4] == {
        "id": encode_seat_id(event.id, 4),
        "index": 4,
        "event": {"slug": "hamlet"},
        "section": {"name": "Stalls"},
        "row": "B",
        "number": "2",
        "x": 10.0,
        "y": 20.0,
        "accessible": False,
        "status": "SOLD",
        "priceLevel": {"name": "Good"},
        "price": {"amount": "20.00", "currencyCode": "EUR"},
    }
    assert found["seats"][0]["accessible"] is True
    assert found["seats"][9] == {
        "id": encode_seat_id(event.id, 9),
        "index": 9,
        "event": {"slug": "hamlet"},
        "section": {"name": "Floor"},
        "row": None,
        "number": None,
        "x": None,
        "y": None,
        "accessible": False,
        "status": "AVAILABLE",
        "priceLevel": {"name": "Standing"},
        "price": {"amount": "10.00", "currencyCode": "EUR"},
    }


@pytest.mark.untrue_books(reason="Seats are brought into states by hand.")
async def test_seats_can_be_asked_for_by_section_and_status(api: Api, programme: Programme) -> None:
    house = await programme.house()
    event = await programme.event()
    await programme.set_states(event.id, {0: 1, 7: 1, 8: 2})
    floor = encode_id(NodeKind.SECTION, house.floor.id)

    async def indexes(**asked: Any) -> list[int]:
        asked = {"section": None, "status": None} | asked
        selection = "seats(sectionId: $section, status: $status) { index }"
        return [seat["index"] for seat in (await only_event(api, selection, **asked))["seats"]]

    assert await indexes(section=floor) == [6, 7, 8, 9]
    assert await indexes(status="HELD") == [0, 7]
    assert await indexes(section=floor, status="HELD") == [7]
    assert await indexes(section=floor, status="AVAILABLE") == [6, 9]
    assert await indexes(status="BLOCKED") == []
    assert await indexes() == list(range(10))


async def test_a_section_of_another_map_is_bad_user_input(api: Api, programme: Programme) -> None:
    await programme.event()
    elsewhere = await programme.house("Elsewhere")
    document = "query ($id: ID) { events { nodes { seats(sectionId: $id) { index } } } }"

    for foreign in (
        encode_id(NodeKind.SECTION, elsewhere.floor.id),
        "",
        "1",
        str(elsewhere.floor.id),
    ):
        assert await api.codes(document, id=foreign) == ["BAD_USER_INPUT"]


async def test_availability_and_seats_of_one_operation_are_of_one_version(
    api: Api, programme: Programme
) -> None:
    event = await programme.event()
    context = api.context.for_operation()
    first = await here(context.board_of_public(event.id))
    begun_when_watched = api.context.for_operation()
    same = await here(begun_when_watched.board_of_public(event.id))

    await reserve(api.as_buyer(), event.id, 0)

    assert same is first
    assert api.context.box_office.boards.seen(event.id) is not first
    for operation in (context, begun_when_watched):
        assert await here(operation.board_of_public(event.id)) is first


async def test_the_next_operation_sees_what_changed_meanwhile(
    api: Api, programme: Programme
) -> None:
    await programme.event()
    buyer = api.as_buyer()
    event_id = (await api.ask("{ events { nodes { id } } }"))["events"]["nodes"][0]["id"]
    before = await only_event(api, "availability { version available }")

    await buyer.ask(
        """mutation ($id: ID!) { reserveSeats(input: {eventId: $id, seatIndexes: [0, 1]}) {
             errors { __typename } } }""",
        id=event_id,
    )

    after = await only_event(api, "availability { version available }")
    assert before == {"availability": {"version": 0, "available": 10}}
    assert after == {"availability": {"version": 1, "available": 8}}


async def test_events_that_are_over_or_cancelled_still_show_their_seats(
    api: Api, programme: Programme
) -> None:
    await programme.event(state=EventState.CANCELLED)

    found = await only_event(api, "status availability { total } seats { index }")

    assert found["availability"] == {"total": 10}
    assert len(found["seats"]) == 10


def test_an_operation_shows_so_many_seats_and_not_one_more(api: Api) -> None:
    operation = api.context.for_operation()
    operation.show_seats(OPERATION_SEATS_MAX)

    with pytest.raises(ApiError):
        operation.show_seats(1)
    operation.for_operation().show_seats(1)  # The next one begins anew.


async def test_lists_of_seats_within_lists_of_seats_end_at_the_limit(
    api: Api, programme: Programme
) -> None:
    await programme.event()
    nested = "index"
    for _ in range(4):
        nested = f"event {{ seats {{ {nested} }} }}"

    codes = await api.codes(f"{{ events {{ nodes {{ seats {{ {nested} }} }} }} }}")

    assert set(codes) == {"DOCUMENT_TOO_COMPLEX"}
