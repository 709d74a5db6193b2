"""docs/errors.md explains every code there is, and none that there is not."""

import json
import re
from typing import Any

from graphql import GraphQLInterfaceType, build_schema, get_named_type

from box_office.refusals import Refusal
from schema.errors import ErrorCode
from tests.house.programs import ROOT

SCHEMA = build_schema((ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
TOP_LEVEL, REFUSALS = PAGE.split("\n## ")[1:]
SECTION = re.compile(r"^### `(\w+)`\n(.*?)(?=^### |\Z)", re.DOTALL | re.MULTILINE)
FROM = re.compile(r"\bFrom\s+(.*?)[.;]", re.DOTALL)
EXAMPLE = re.compile(r"^```json\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_every_top_level_code_is_explained_once() -> None:
    assert headings(TOP_LEVEL) == [code.value for code in ErrorCode]


def test_every_refusal_is_explained_once() -> None:
    # A set: a class with slots is made twice, and the first one lingers among the subclasses.
    assert sorted(headings(REFUSALS)) == sorted({kind.code for kind in Refusal.__subclasses__()})


def test_each_top_level_code_has_an_example_of_its_own() -> None:
    for code, text in SECTION.findall(TOP_LEVEL):
        answer = example(text)
        (error,) = answer.get("errors") or answer["payload"]
        assert error["extensions"]["code"] == code


def test_each_refusal_has_an_example_with_every_field_of_its_type() -> None:
    examples = {}
    for code, text in SECTION.findall(REFUSALS):
        answer = example(text)
        assert answer["code"] == code
        kind = answer.pop("__typename")
        examples[kind] = set(answer)

    assert examples == fields_of_user_errors()


def test_each_refusal_says_which_mutations_it_comes_from() -> None:
    said = {code: senders(FROM.findall(text)[0]) for code, text in SECTION.findall(REFUSALS)}

    assert said == {code: mutations_that_tell(code) for code in said}


def headings(part: str) -> list[str]:
    return [code for code, _ in SECTION.findall(part)]


def example(section: str) -> dict[str, Any]:
    (text,) = EXAMPLE.findall(section)
    answer: dict[str, Any] = json.loads(text)
    return answer


def senders(words: str) -> set[str]:
    """Read which mutations a section speaks of."""
    every = set(payloads())
    match " ".join(words.split()):
        case "every mutation but `startGuestSession`":
            return every - {"startGuestSession"}
        case "every mutation of reservations":
            return {name for name in every if re.search(r"Seats|Reservation", name)}
        case names:
            return set(re.findall(r"`(\w+)`", names))


def mutations_that_tell(code: str) -> set[str]:
    """Read in the committed schema which mutations can be answered with this refusal."""
    name = "".join(word.capitalize() for word in code.split("_"))
    return {
        mutation
        for mutation, payload in payloads().items()
        if "errors" in payload.fields
        for member in get_named_type(payload.fields["errors"].type).types
        if member.name == name
    }


def payloads() -> dict[str, Any]:
    """Give what each mutation is answered with."""
    assert SCHEMA.mutation_type is not None
    fields = SCHEMA.mutation_type.fields
    return {name: get_named_type(field.type) for name, field in fields.items()}


def fields_of_user_errors() -> dict[str, set[str]]:
    """Read the committed schema for the types that implement UserError."""
    interface = SCHEMA.type_map["UserError"]
    assert isinstance(interface, GraphQLInterfaceType)
    kinds = SCHEMA.get_implementations(interface).objects
    return {kind.name: set(kind.fields) for kind in kinds}
