import pytest
from graphql import GraphQLError, Node, OperationDefinitionNode, Visitor, visit

from onsale.graphql.documents import (
    ALIASES_MAX,
    COMMENTS_MAX,
    DEPTH_MAX,
    DIRECTIVES_MAX,
    DOCUMENTS_MAX,
    FRAGMENTS_MAX,
    SELECTIONS_MAX,
    SOURCE_CHARACTERS_MAX,
    TOKENS_MAX,
    Documents,
)
from onsale.graphql_schema import graphql_schema
from tests.transport.tiny import tiny_schema


@pytest.fixture
def documents() -> Documents:
    return Documents(tiny_schema._schema)


def codes(documents: Documents, text: str) -> set[str]:
    return {str((error.extensions or {})["code"]) for error in documents.read(text).errors}


def test_a_document_is_read_once(documents: Documents) -> None:
    assert documents.read("{ hello }") is documents.read("{ hello }")


def test_what_is_wrong_with_a_document_is_remembered_too(documents: Documents) -> None:
    for text in ("{ hello", "{ nothing }"):
        assert documents.read(text).errors
        assert documents.read(text) is documents.read(text)


def test_the_texts_not_asked_for_longest_are_forgotten(documents: Documents) -> None:
    first = documents.read("{ hello }")
    second = documents.read("{ hello } ")
    for n in range(DOCUMENTS_MAX - 1):
        documents.read("{ hello }")
        documents.read(f"{{ a{n}: hello }}")

    assert len(documents) == DOCUMENTS_MAX
    assert documents.read("{ hello }") is first
    assert documents.read("{ hello } ") is not second


def test_long_texts_are_forgotten_sooner(documents: Documents) -> None:
    for n in range(200):
        documents.read(f"{{ hello }} #{n}".ljust(SOURCE_CHARACTERS_MAX))

    assert len(documents) == 50


def nested(depth: int) -> str:
    """Nest fields of the tiny schema so deep, `value` being the deepest."""
    return "{ number {" + " inner {" * (depth - 2) + " value " + "}" * depth


def with_tokens(count: int) -> str:
    """Write so many tokens with few selections: variables of four tokens each, or five."""
    fives = (count - 6) % 4
    kinds = ["Int"] * ((count - 6 - 5 * fives) // 4) + ["Int!"] * fives
    variables = " ".join(f"$v{number}: {kind}" for number, kind in enumerate(kinds))
    return f"query ({variables}) {{ hello }}"


def with_fragments(count: int) -> str:
    """Define and use so many fragments."""
    names = [f"F{n}" for n in range(count)]
    spreads = " ".join(f"...{name}" for name in names)
    return f"{{ {spreads} }}" + "".join(f" fragment {name} on Query {{ hello }}" for name in names)


@pytest.mark.parametrize(
    ("limit", "text_of"),
    [
        (SOURCE_CHARACTERS_MAX, "{ hello }".ljust),
        (TOKENS_MAX, with_tokens),
        (COMMENTS_MAX, lambda n: "#\n" * n + "{ hello }"),
        (SELECTIONS_MAX, lambda n: "{" + "hello " * n + "}"),
        (FRAGMENTS_MAX, with_fragments),
        (DIRECTIVES_MAX, lambda n: "{" + "hello @skip(if: false) " * n + "}"),
        (ALIASES_MAX, lambda n: "{" + " ".join(f"a{i}: hello" for i in range(n)) + "}"),
        (DEPTH_MAX, nested),
    ],
    ids=[
        "characters",
        "tokens",
        "comments",
        "selections",
        "fragments",
        "directives",
        "aliases",
        "depth",
    ],
)
def test_every_limit_holds_exactly(documents: Documents, limit: int, text_of: object) -> None:
    assert callable(text_of)
    assert "DOCUMENT_TOO_COMPLEX" not in codes(documents, text_of(limit - 1))
    assert "DOCUMENT_TOO_COMPLEX" not in codes(documents, text_of(limit))
    assert codes(documents, text_of(limit + 1)) == {"DOCUMENT_TOO_COMPLEX"}


def test_fragments_and_their_cycles_hide_no_depth(documents: Documents) -> None:
    deep = "{ number { ...A } } fragment A on Number { inner { ...B } } fragment B on Number "
    cycle = deep + "{ inner { ...A } }"

    assert codes(documents, cycle) == {"DOCUMENT_TOO_COMPLEX"}
    assert codes(documents, "{ ...A } fragment A on Query { ...A }") == {
        "GRAPHQL_VALIDATION_FAILED"
    }


def test_introspection_is_not_too_deep() -> None:
    assert tiny_schema.introspect()["__schema"]


def test_a_text_that_nests_beyond_the_parser_is_refused(documents: Documents) -> None:
    assert codes(documents, "{a" * 600 + "}" * 600) == {"DOCUMENT_TOO_COMPLEX"}


async def test_strawberry_itself_meets_the_same_limits() -> None:
    for text in ("{ hello", "{ nothing }", nested(DEPTH_MAX + 1), " " * 30_000 + "{ hello }"):
        result = await tiny_schema.execute(text)
        assert result.errors
        assert result.data is None


def test_a_document_keeps_places_and_no_words(documents: Documents) -> None:
    tree = documents.read("query Q($n: Int = 1) {\n  hello\n  ... { sum(numbers: [$n]) }\n}").tree
    assert tree is not None
    places: dict[int, tuple[int, int]] = {}

    def look(node: Node, *_: object) -> None:
        assert node.loc is not None
        assert node.loc.start_token.next is None
        assert node.loc.end_token.prev is None
        places[id(node)] = node.loc.start, node.loc.end

    visitor = Visitor()
    visitor.enter = look  # type: ignore[attr-defined]
    visit(tree, visitor)

    assert len(places) > 15
    (operation,) = tree.definitions
    assert isinstance(operation, OperationDefinitionNode)
    error = GraphQLError("wrong", operation.selection_set.selections[0])
    assert [(place.line, place.column) for place in error.locations or ()] == [(2, 3)]


@pytest.mark.parametrize(
    "text",
    [
        "{ event(by: {id: $id}) { title } }",
        "query ($id: ID) { event(by: {id: $id}) { title } }",
        "query ($id: ID) { ...Found } fragment Found on Query { event(by: {id: $id}) { title } }",
        "fragment Found on Query { event(by: {id: $id}) { title } } query ($id: ID) { ...Found }",
        "{ event(by: {}) { title } }",
        "{ event(by: {id: null}) { title } }",
        '{ event(by: {id: "1", slug: "a"}) { title } }',
    ],
)
def test_an_input_of_one_field_is_refused_without_just_one_value(text: str) -> None:
    assert codes(graphql_schema.documents, text) == {"GRAPHQL_VALIDATION_FAILED"}


@pytest.mark.parametrize(
    "text",
    [
        "query ($id: ID!) { event(by: {id: $id}) { title } }",
        "fragment Found on Query { event(by: {id: $id}) { title } } query ($id: ID!) { ...Found }",
    ],
)
def test_an_input_of_one_field_takes_a_variable_that_is_never_null(text: str) -> None:
    assert graphql_schema.documents.read(text).errors == ()
