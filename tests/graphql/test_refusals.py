"""Every refusal of the box office has a type of its own in the API."""

import dataclasses

import pytest

from box_office import refusals
from models import EventStatus
from onsale.graphql_schema import graphql_schema
from schema.refusals import _TYPES, user_errors


def test_every_refusal_has_a_type_of_its_name() -> None:
    known = refusals.Refusal.__subclasses__()

    # Dataclasses with slots are made twice; the first making is nobody's.
    assert {refusal.__name__ for refusal in known} == {refusal.__name__ for refusal in _TYPES}
    assert all(refusal.__name__ == _TYPES[refusal].__name__ for refusal in _TYPES)


@pytest.mark.parametrize("refusal", _TYPES, ids=lambda refusal: refusal.__name__)
def test_the_type_tells_all_that_the_refusal_does(refusal: type[refusals.Refusal]) -> None:
    told = {
        field.python_name for field in vars(_TYPES[refusal])["__strawberry_definition__"].fields
    }
    known = {field.name for field in dataclasses.fields(refusal)}
    behind_objects = {"event_id"} | (
        {"seat_indexes", "section_ids"} if refusal is refusals.SeatsUnavailable else set()
    )

    assert known - behind_objects <= told


def test_a_refusal_is_shown_with_its_code_and_its_path() -> None:
    refused = [
        refusals.NotOnSale(
            message="Later.", path=("input", "eventId"), status=EventStatus.SCHEDULED
        ),
        refusals.InvalidInput(message="No."),
    ]

    first, second = user_errors(refused)

    assert (first.code, first.message, first.path) == (
        "NOT_ON_SALE",
        "Later.",
        ["input", "eventId"],
    )
    assert (first.status, first.opens_at) == (EventStatus.SCHEDULED, None)
    assert (second.code, second.path) == ("INVALID_INPUT", None)


def test_every_member_of_an_error_union_is_a_user_error() -> None:
    schema = graphql_schema._schema
    user_error = schema.type_map["UserError"]

    for name, named in schema.type_map.items():
        if name.endswith("Error") and hasattr(named, "types"):
            assert all(user_error in member.interfaces for member in named.types)
