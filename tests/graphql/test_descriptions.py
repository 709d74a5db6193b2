"""Everything in the schema is explained."""

from collections.abc import Iterator

from graphql import is_specified_scalar_type

from onsale.graphql_schema import graphql_schema


def everything() -> Iterator[tuple[str, str | None]]:
    """Give every place of the schema, and its words."""
    for name, named in graphql_schema._schema.type_map.items():
        if name.startswith("__") or is_specified_scalar_type(named):
            continue
        yield name, named.description
        for value_name, value in getattr(named, "values", {}).items():
            yield f"{name}.{value_name}", value.description
        for field_name, field in getattr(named, "fields", {}).items():
            yield f"{name}.{field_name}", field.description
            for argument_name, argument in getattr(field, "args", {}).items():
                yield f"{name}.{field_name}({argument_name})", argument.description


def test_every_type_field_argument_and_enum_value_has_a_description() -> None:
    assert [place for place, words in everything() if not words] == []


def test_descriptions_are_sentences() -> None:
    unfinished = [
        place
        for place, words in everything()
        if words and not words.rstrip().endswith((".", ")", "`"))
    ]

    assert unfinished == []


def test_no_description_speaks_of_python() -> None:
    foreign = [
        place
        for place, words in everything()
        if words and any(word in words for word in ("None", "True", "dataclass", "Private"))
    ]

    assert [place for place in foreign if place != "EventFilter.available"] == []


def test_scalars_say_where_they_are_specified() -> None:
    specified = {
        name
        for name, named in graphql_schema._schema.type_map.items()
        if getattr(named, "specified_by_url", None)
    }

    assert {"Date", "DateTime", "TimeZone", "CurrencyCode"} <= specified
