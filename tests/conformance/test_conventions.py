"""The schema keeps to its conventions: mutations, repetitions, money and time, ids and pages."""

import re
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any
from uuid import uuid4

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
    build_schema,
    get_named_type,
    is_introspection_type,
    is_specified_scalar_type,
    parse,
    validate,
)

from onsale.graphql.errors import present
from onsale.graphql_schema import graphql_schema
from schema.ids import NodeKind, encode_id
from tests.conformance.routes import selection
from tests.graphql.conftest import Api, api, programme
from tests.graphql.programme import Programme
from tests.graphql.test_buyers import reserve
from tests.graphql.test_reserving_and_buying import CANCEL_ORDER, PURCHASE, RESERVE, change
from tests.servers import ROOT

__all__ = ["api", "programme"]  # Fixtures.

SCHEMA = build_schema((ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8"))


# R22: what a mutation looks like.


def mutations() -> dict[str, GraphQLField]:
    assert SCHEMA.mutation_type is not None
    fields: dict[str, GraphQLField] = SCHEMA.mutation_type.fields
    return fields


VERBS = {"start", "reserve", "release", "cancel", "purchase"}
#: It takes nothing, and nothing expected can go wrong with it.
WITHOUT_INPUT = {"startGuestSession"}


@pytest.mark.parametrize("name", mutations())
def test_r22_a_mutation_is_a_verb_and_a_noun_with_one_input_and_a_payload(name: str) -> None:
    field = mutations()[name]
    verb, *noun = re.findall(r"[A-Z]?[a-z]+", name)
    capital = name[0].upper() + name[1:]

    assert verb in VERBS
    assert noun
    assert str(field.type) == f"{capital}Payload!"
    if name not in WITHOUT_INPUT:
        assert {n: str(a.type) for n, a in field.args.items()} == {"input": f"{capital}Input!"}
        payload = get_named_type(field.type)
        assert isinstance(payload, GraphQLObjectType)
        assert str(payload.fields["errors"].type) == f"[{capital}Error!]!"
        others = [part for part in payload.fields.values() if part is not payload.fields["errors"]]
        assert not any(isinstance(part.type, GraphQLNonNull) for part in others)
    else:
        assert not field.args


def error_unions() -> list[GraphQLUnionType]:
    payloads = [get_named_type(field.type) for field in mutations().values()]
    fields = [getattr(payload, "fields", {}).get("errors") for payload in payloads]
    unions = [get_named_type(field.type) for field in fields if field is not None]
    return [union for union in unions if isinstance(union, GraphQLUnionType)]


def test_r22_every_expected_failure_is_a_user_error_and_every_user_error_can_happen() -> None:
    user_error = SCHEMA.type_map["UserError"]
    assert isinstance(user_error, GraphQLInterfaceType)

    told = {member.name for union in error_unions() for member in union.types}

    assert len(error_unions()) == len(mutations()) - len(WITHOUT_INPUT)
    assert told == {kind.name for kind in SCHEMA.get_implementations(user_error).objects}
    assert {name: str(f.type) for name, f in user_error.fields.items()} == {
        "code": "String!",
        "message": "String!",
        "path": "[String!]",
    }


async def test_r22_two_failures_at_once_are_both_told(api: Api, programme: Programme) -> None:
    event, house = await programme.event(seats_per_buyer_max=1), await programme.house()
    buyer, other = api.as_buyer(), api.as_buyer()
    reservation = (await reserve(buyer, event.id, 0))["reservation"]
    payment = {"email": "nobody", "paymentToken": "", "idempotencyKey": ""}
    wish = {"eventId": encode_id(NodeKind.EVENT, event.id)}
    floor = encode_id(NodeKind.SECTION, house.floor.id)
    less_than_none = [{"sectionId": floor, "quantity": -1}]

    bought = await change(buyer, PURCHASE, reservationId=reservation["id"], **payment)
    asked = await change(other, RESERVE, **wish, seatIndexes=[99], generalAdmission=less_than_none)
    sold = await change(other, RESERVE, **wish, seatIndexes=[0, 1, 2])

    assert [error["path"][1] for error in bought["errors"]] == [
        "idempotencyKey",
        "email",
        "paymentToken",
    ]
    assert codes_of(asked) == {"SEATS_UNKNOWN", "INVALID_INPUT"}
    assert codes_of(sold) == {"SEATS_UNAVAILABLE", "SEAT_LIMIT_EXCEEDED"}


def codes_of(payload: dict[str, Any]) -> set[str]:
    return {error["code"] for error in payload["errors"]}


def clashes(union: GraphQLUnionType) -> dict[str, set[str]]:
    """Name the fields that members of a union have with types that cannot stand side by side."""
    types: dict[str, set[str]] = {}
    for member in union.types:
        for name, field in member.fields.items():
            types.setdefault(name, set()).add(str(field.type))
    return {name: found for name, found in types.items() if len(found) > 1}


def test_r22_the_one_field_that_needs_an_alias_is_the_one_that_the_page_of_errors_names() -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    written = re.findall(r"^```graphql\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)

    clashing = {union.name: set(clashes(union)) for union in error_unions() if clashes(union)}
    assert clashing == {"PurchaseReservationError": {"status"}, "ReserveSeatsError": {"status"}}
    (document,) = written
    assert validate(SCHEMA, parse(document)) == []
    (clash,) = validate(SCHEMA, parse(document.replace("reservationStatus: ", "")))
    assert "different aliases" in clash.message


@pytest.mark.parametrize("union", error_unions(), ids=str)
def test_r22_all_that_a_refusal_tells_can_be_asked_for_at_once(union: GraphQLUnionType) -> None:
    name = union.name.removesuffix("Error")
    document = (
        f"mutation ($input: {name}Input!) {{ {name[0].lower()}{name[1:]}(input: $input)"
        f" {{ errors {{ {selection(union)} }} }} }}"
    )

    assert validate(SCHEMA, parse(document)) == []


# R23: what can be repeated.


def test_r23_what_moves_money_takes_a_key() -> None:
    for name in ("PurchaseReservationInput", "CancelOrderInput"):
        asked = SCHEMA.type_map[name]
        assert isinstance(asked, GraphQLInputObjectType)
        assert str(asked.fields["idempotencyKey"].type) == "String!"


async def test_r23_a_repeated_call_answers_the_same_and_its_key_takes_no_other_call(
    api: Api, programme: Programme
) -> None:
    event = await programme.event()
    buyer = api.as_buyer()
    asked = {"eventId": encode_id(NodeKind.EVENT, event.id), "seatIndexes": [0, 1]}

    first, again = [await change(buyer, RESERVE, **asked) for _ in range(2)]
    payment = {
        "reservationId": first["reservation"]["id"],
        "email": "a@example.org",
        "paymentToken": "pretend_ok",
        "idempotencyKey": "buy",
    }
    bought = [await change(buyer, PURCHASE, **payment) for _ in range(2)]
    other = await change(buyer, PURCHASE, **(payment | {"email": "b@example.org"}))
    refund = {"orderId": bought[0]["order"]["id"], "idempotencyKey": "cancel"}
    cancelled = [await change(buyer, CANCEL_ORDER, **refund) for _ in range(2)]

    assert first == again
    assert bought[0] == bought[1]
    assert bought[0]["errors"] == []
    assert [error["__typename"] for error in other["errors"]] == ["IdempotencyKeyReused"]
    assert cancelled[0] == cancelled[1]
    assert cancelled[0]["order"]["status"] == "REFUNDED"


# R24: money and time.

MONEY = {"amount", "price", "priceFrom", "fee", "cost", "refund"}
#: What `total` is of; the other totals count seats.
SUMS = {"Order.total", "Reservation.total"}
#: What is measured in the units of a plan, and nothing else is a Float.
LENGTHS = {"SeatMap.width", "SeatMap.height", "Point.x", "Point.y", "EventSeat.x", "EventSeat.y"}


def every_part() -> Iterator[tuple[str, Any]]:
    """Give every field, argument and input field, with its place."""
    for name, named in SCHEMA.type_map.items():
        if not is_introspection_type(named) and not isinstance(named, GraphQLEnumType):
            for part, field in getattr(named, "fields", {}).items():
                yield f"{name}.{part}", field
                for argument, given in getattr(field, "args", {}).items():
                    yield f"{name}.{part}({argument}:)", given


def named_of(part: Any) -> str:
    return str(get_named_type(part.type))


def test_r24_money_is_a_decimal_with_its_currency_and_never_a_number() -> None:
    for place, part in every_part():
        name = place.rpartition(".")[2]
        if name in MONEY or place in SUMS:
            assert named_of(part) == ("Decimal" if place == "Money.amount" else "Money"), place
    money = SCHEMA.type_map["Money"]
    assert isinstance(money, GraphQLObjectType)
    assert {name: str(f.type) for name, f in money.fields.items()} == {
        "amount": "Decimal!",
        "currencyCode": "CurrencyCode!",
    }


def test_r24_floats_are_lengths_and_no_id_is_a_number() -> None:
    assert {place for place, part in every_part() if named_of(part) == "Float"} == LENGTHS
    for place, part in every_part():
        if re.search(r"(?:\bid|Id|Ids)\W*$", place):
            assert named_of(part) == "ID", place


def test_r24_what_means_a_moment_is_a_date_time_and_scalars_say_where_they_are_specified() -> None:
    moments = {place for place, part in every_part() if re.search(r"(At|From|Before)$", place)}
    unspecified = {
        name
        for name, named in SCHEMA.type_map.items()
        if isinstance(named, GraphQLScalarType)
        and not is_specified_scalar_type(named)
        and named.specified_by_url is None
    }

    assert {named_of(part) for place, part in every_part() if place in moments} <= {
        "DateTime",
        "Money",
    }
    assert "DateTime" not in unspecified
    # Ours alone: their descriptions are their specification.
    assert unspecified == {"Decimal", "SeatPriceLevels", "SeatStates"}


async def test_r24_a_moment_without_offset_is_refused_written_and_as_a_variable(api: Api) -> None:
    variable = "query ($m: DateTime) { events(filter: {startsFrom: $m}) { totalCount } }"

    for moment in ("2026-11-20T19:30:00", "2026-11-20", "1763667000", "now", ""):
        written = f'{{ events(filter: {{startsFrom: "{moment}"}}) {{ totalCount }} }}'
        (code,) = await api.codes(written)
        assert code in {"BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"}
        assert await api.codes(variable, m=moment) == ["BAD_USER_INPUT"]


async def test_r24_every_moment_is_told_in_utc_with_z_and_money_with_its_digits(
    api: Api, programme: Programme
) -> None:
    await programme.event(currency_code="KWD")

    found = await api.ask(
        "{ events { nodes { startsAt availability { asOf } priceLevels { price { amount } } } } }"
    )

    (event,) = found["events"]["nodes"]
    assert event["startsAt"].endswith("Z")
    assert event["availability"]["asOf"].endswith("Z")
    assert [level["price"]["amount"] for level in event["priceLevels"]] == [
        "30.000",
        "20.000",
        "10.000",
    ]


# R25: ids and pages.

NO_IDS = ("", "1", "null", "RXZlbnQ6MQ==", "AQGTnC8AAHAAgAAAAAAAAAE=", "\0", "\ud800", "x" * 5_000)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
#: What a field that takes an id is asked with; `$id` is the id.
TAKES_ID = {
    "Query.node(id:)": "{ node(id: $id) { id } }",
    "Query.reservation(id:)": "{ reservation(id: $id) { id } }",
    "EventBy.id": "{ event(by: {id: $id}) { id } }",
    "EventFilter.performerId": "{ events(filter: {performerId: $id}) { totalCount } }",
    "EventFilter.venueId": "{ events(filter: {venueId: $id}) { totalCount } }",
    "Event.seats(sectionId:)": "{ events { nodes { seats(sectionId: $id) { id } } } }",
    "Subscription.seatAvailability(eventId:)": "",  # Below, for it is no query.
    "ReserveSeatsInput.eventId": "mutation reserveSeats(input: {eventId: $id, seatIndexes: [1]})",
    "ReserveSeatsInput.seatIds": "mutation reserveSeats(input: {eventId: $event, seatIds: [$id]})",
    "GeneralAdmissionInput.sectionId": "mutation reserveSeats(input: {eventId: $event,"
    " generalAdmission: [{sectionId: $id, quantity: 1}]})",
    "ReleaseSeatsInput.reservationId": "mutation releaseSeats(input: {reservationId: $id})",
    "ReleaseSeatsInput.seatIds": "mutation releaseSeats(input: {reservationId: $held, seatIds:"
    " [$id]})",
    "CancelReservationInput.reservationId": "mutation cancelReservation(input: {reservationId:"
    " $id})",
    "PurchaseReservationInput.reservationId": "mutation purchaseReservation(input: {reservationId:"
    ' $id, email: "a@b.org", paymentToken: "pretend_ok", idempotencyKey: "1"})',
    "CancelOrderInput.orderId": 'mutation cancelOrder(input: {orderId: $id, idempotencyKey: "1"})',
}


def test_r25_every_place_that_takes_an_id_is_tried() -> None:
    takes = {
        place
        for place, part in every_part()
        if named_of(part) == "ID" and not isinstance(part, GraphQLField)
    }

    assert takes == set(TAKES_ID)


async def a_held_reservation(api: Api, programme: Programme) -> tuple[Api, dict[str, str]]:
    """Give a buyer, and ids that exist."""
    event = await programme.event()
    buyer = api.as_buyer()
    held = (await reserve(buyer, event.id, 0))["reservation"]
    return buyer, {"event": encode_id(NodeKind.EVENT, event.id), "held": held["id"]}


def document_of(asked: str, known: dict[str, str]) -> str:
    """Write the document that asks for something with the id of a variable."""
    for name, node_id in known.items():
        asked = asked.replace(f"${name}", f'"{node_id}"')
    if not asked.startswith("mutation "):
        return f"query ($id: ID!) {asked}"
    called = asked.removeprefix("mutation ")
    return f"mutation ($id: ID!) {{ {called} {{ errors {{ ... on UserError {{ code }} }} }} }}"


async def test_r25_what_is_no_id_is_nothing_or_bad_user_input(
    api: Api, programme: Programme
) -> None:
    buyer, known = await a_held_reservation(api, programme)
    another_kind = encode_id(NodeKind.VIEWER, uuid4())

    taken = [
        (place, no_id)
        for place, asked in TAKES_ID.items()
        for no_id in ((*NO_IDS, another_kind) if asked else ())
        if not await is_refused(buyer, document_of(asked, known), no_id)
    ]

    assert taken == []


async def is_refused(buyer: Api, document: str, node_id: str) -> bool:
    """Ask with an id, and tell whether nothing came of it but a clear no."""
    codes = await buyer.codes(document, id=node_id)
    return (
        set(codes) == {"BAD_USER_INPUT"}
        if codes
        else says_no(await buyer.ask(document, id=node_id))
    )


def says_no(data: dict[str, Any]) -> bool:
    """Tell whether an answer has found nothing: null, a refusal, or an empty list."""
    (answer,) = data.values()
    return answer is None or bool(answer.get("errors")) or answer.get("totalCount") == 0


async def test_r25_a_thing_has_one_id_and_no_other_spelling_of_it(
    api: Api, programme: Programme
) -> None:
    event_id = encode_id(NodeKind.EVENT, (await programme.event()).id)
    document = "query ($id: ID!) { node(id: $id) { id } event(by: {id: $id}) { id } }"
    # Its last two bits say nothing, and are zero.
    other_bits = ALPHABET[ALPHABET.index(event_id[-1]) + 1]

    assert (await api.ask(document, id=event_id))["node"] == {"id": event_id}
    for spelling in (f"{event_id}=", f" {event_id}", f"{event_id}\n", event_id[:-1] + other_bits):
        assert await api.ask(document, id=spelling) == {"node": None, "event": None}


async def test_r25_a_subscription_to_what_is_no_id_is_bad_user_input(api: Api) -> None:
    document = "subscription ($id: ID!) { seatAvailability(eventId: $id) { __typename } }"

    for no_id in NO_IDS:
        assert await first_codes(api, document, no_id) == ["BAD_USER_INPUT"]


async def first_codes(api: Api, document: str, node_id: str) -> list[Any]:
    """Subscribe, and give the codes of the first message."""
    messages = await graphql_schema.stream(
        document, variable_values={"id": node_id}, context_value=api.context
    )
    async with aclosing(messages) as stream:
        async for message in stream:
            errors = getattr(message, "errors", None) or []
            return [error["extensions"]["code"] for error in present(errors, "1")]
    return []


def connections() -> dict[str, GraphQLField]:
    """Find every list that is told page by page."""
    return {
        place: part
        for place, part in every_part()
        if named_of(part).endswith("Connection") and isinstance(part, GraphQLField)
    }


def test_r25_every_connection_is_one_of_relays_and_has_a_first_that_may_be_left_out() -> None:
    for place, field in connections().items():
        assert str(field.args["first"].type) == "Int", place
        assert str(field.args["after"].type) == "String", place
    assert set(connections()) == {"Query.events", "Viewer.reservations", "Viewer.orders"}


LISTS = {
    "Query.events": "{ events%s { nodes { id } pageInfo { endCursor hasNextPage } } }",
    "Viewer.reservations": "{ viewer { reservations%s { nodes { id } pageInfo { endCursor"
    " hasNextPage } } } }",
    "Viewer.orders": "{ viewer { orders%s { nodes { id } pageInfo { endCursor hasNextPage } } } }",
}


async def test_r25_a_page_has_one_to_a_hundred_items_in_every_list(api: Api) -> None:
    buyer = api.as_buyer()

    for page in LISTS.values():
        for first in (-(2**31), -1, 0, 101, 2**31 - 1):
            assert await buyer.codes(page % f"(first: {first})") == ["BAD_USER_INPUT"]
        for asked in ("(first: 1)", "(first: 100)", ""):
            assert await buyer.codes(page % asked) == []
        assert await buyer.codes(page % '(after: "x")') == ["BAD_USER_INPUT"]


async def test_r25_what_a_buyer_adds_meanwhile_moves_no_page(
    api: Api, programme: Programme
) -> None:
    for field in ("reservations", "orders"):
        buyer, page = api.as_buyer(), LISTS[f"Viewer.{field}"]
        before = [await one_more(buyer, programme, field, title) for title in "abc"]
        one = (await buyer.ask(page % "(first: 1)"))["viewer"][field]

        await one_more(buyer, programme, field, "d")
        after = one["pageInfo"]["endCursor"]
        rest = (await buyer.ask(page % f'(after: "{after}")'))["viewer"][field]

        assert [node["id"] for node in (*one["nodes"], *rest["nodes"])] == before[::-1]


async def one_more(buyer: Api, programme: Programme, field: str, title: str) -> str:
    """Make another reservation, or an order of one."""
    event = await programme.event(title)
    held = (await reserve(buyer, event.id, 0))["reservation"]["id"]
    if field == "reservations":
        return str(held)
    bought = await change(
        buyer,
        PURCHASE,
        reservationId=held,
        email="a@b.org",
        paymentToken="pretend_ok",
        idempotencyKey=title,
    )
    return str(bought["order"]["id"])
