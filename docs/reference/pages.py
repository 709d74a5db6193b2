"""The pages of the reference: the front page, one for each type, and the errors."""

from collections.abc import Iterable, Iterator

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
    get_named_type,
    print_ast,
)

from docs.reference.markup import Html, element, first_sentence, joined, line, link, prose
from docs.reference.places import KINDS, Places

TITLE = "onsale: the API"
INTRODUCTION = """
Everything that can be asked of onsale's GraphQL API, made from `schema/schema.graphql`. Begin
with what can be asked, done and followed: `Query`, `Mutation` and `Subscription`. What may go
wrong, and what to do then, is on the page of [errors](errors.html).
"""

Part = GraphQLField | GraphQLInputField


class Pages:
    """Writes one page after another, all with the same contents at their side."""

    def __init__(self, places: Places, examples: dict[str, list[str]]) -> None:
        self._places = places
        self._examples = examples

    def front(self) -> Html:
        """Write the front page: all types with a sentence each."""
        lists = [
            joined(element("h2", heading), element("dl", *self._summaries(types)))
            for heading, types in self._places.contents().items()
        ]
        intro = prose(INTRODUCTION, self._places.find)
        return self._page(TITLE, element("h1", TITLE), intro, *lists)

    def errors(self, markdown: str) -> Html:
        """Write the page of errors."""
        return self._page(f"Errors - {TITLE}", prose(markdown, self._places.find))

    def of_type(self, named: GraphQLNamedType) -> Html:
        """Write a type's page."""
        return self._page(
            f"{named.name} - {TITLE}",
            element("h1", named.name, element("small", f" {_kind_of(named)}")),
            prose(named.description or "", self._places.find),
            *self._facts(named),
            *(self._field(named, name, field) for name, field in _fields(named).items()),
            *self._values(named),
            *self._uses(named),
        )

    def _page(self, title: str, *content: str) -> Html:
        head = element(
            "head",
            Html('<meta charset="utf-8">'),
            Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            element("title", title),
            Html('<link rel="stylesheet" href="style.css">'),
        )
        scripts = (element("script", src="names.js"), element("script", src="search.js"))
        body = element("body", self._contents(), element("main", *content), *scripts)
        return Html(f"<!doctype html>\n{element('html', head, body, lang='en')}\n")

    def _contents(self) -> Html:
        search = Html(
            '<input id="search" type="search" placeholder="Search" aria-label="Search">'
            '<ul id="found" hidden></ul>'
        )
        lists = [
            element(
                "details",
                element("summary", heading),
                element("ul", *(element("li", link(t.name, f"{t.name}.html")) for t in types)),
                open="open" if len(types) < 5 else None,  # noqa: PLR2004 - as fits at the side.
            )
            for heading, types in self._places.contents().items()
        ]
        ways = element("p", link("Overview", "index.html"), " · ", link("Errors", "errors.html"))
        return element("nav", ways, search, *lists)

    def _summaries(self, types: list[GraphQLNamedType]) -> Iterator[Html]:
        for named in types:
            yield element("dt", link(named.name, f"{named.name}.html"))
            words = first_sentence(named.description or "")
            yield element("dd", line(words, self._places.find))

    def _facts(self, named: GraphQLNamedType) -> Iterator[Html]:
        """Say what belongs to a type besides its fields."""
        if isinstance(named, GraphQLObjectType | GraphQLInterfaceType) and named.interfaces:
            yield self._types_line("Implements", named.interfaces)
        if isinstance(named, GraphQLInterfaceType):
            objects = self._places.schema.get_implementations(named).objects
            yield self._types_line("Implemented by", objects)
        if isinstance(named, GraphQLUnionType):
            yield self._types_line("One of", named.types)
        if isinstance(named, GraphQLInputObjectType) and named.is_one_of:
            yield element("p", "Exactly one of its fields is given.", class_="facts")
        if isinstance(named, GraphQLScalarType) and named.specified_by_url:
            url = named.specified_by_url
            yield element("p", "Specified by ", link(url, url))

    def _types_line(self, words: str, types: Iterable[GraphQLNamedType]) -> Html:
        links = [link(named.name, f"{named.name}.html") for named in types]
        between = [part for found in links for part in (", ", found)][1:]
        return element("p", f"{words} ", *between, class_="facts")

    def _field(self, owner: GraphQLNamedType, name: str, field: Part) -> Html:
        arguments = getattr(field, "args", {})
        return element(
            "section",
            element("h3", name, self._between_brackets(arguments), ": ", self._type(field)),
            prose(field.description or "", self._places.find),
            *self._deprecation(field.deprecation_reason),
            *self._arguments(arguments),
            *self._shown(f"{owner.name}.{name}"),
            id=name,
        )

    def _between_brackets(self, arguments: dict[str, GraphQLInputField]) -> str:
        return f"({', '.join(arguments)})" if arguments else ""

    def _type(self, part: Part) -> Html:
        """Write a type as GraphQL does, its name a link."""
        inner = get_named_type(part.type).name
        before, after = str(part.type).split(inner)
        return joined(before, link(inner, f"{inner}.html"), after, _default_of(part))

    def _arguments(self, arguments: dict[str, GraphQLInputField]) -> Iterator[Html]:
        if arguments:
            rows = [
                joined(
                    element("dt", element("code", f"{name}: ", self._type(argument))),
                    element("dd", prose(argument.description or "", self._places.find)),
                )
                for name, argument in arguments.items()
            ]
            yield element("dl", *rows, class_="arguments")

    def _deprecation(self, reason: str | None) -> Iterator[Html]:
        if reason is not None:
            words = element("strong", "Deprecated. "), line(reason, self._places.find)
            yield element("p", *words, class_="deprecated")

    def _shown(self, place: str) -> Iterator[Html]:
        for document in self._examples.get(place, []):
            yield element("pre", element("code", document), class_="example")

    def _values(self, named: GraphQLNamedType) -> Iterator[Html]:
        if isinstance(named, GraphQLEnumType):
            for name, value in named.values.items():
                yield element(
                    "section",
                    element("h3", name),
                    prose(value.description or "", self._places.find),
                    *self._deprecation(value.deprecation_reason),
                    id=name,
                )

    def _uses(self, named: GraphQLNamedType) -> Iterator[Html]:
        places = self._places.used_by.get(named.name, [])
        if places:
            yield element("h2", "Where it appears")
            links = [link(place, self._places.find(place) or "") for place in places]
            yield element("ul", *(element("li", found) for found in links), class_="uses")


def _fields(named: GraphQLNamedType) -> dict[str, Part]:
    return getattr(named, "fields", None) or {}


def _kind_of(named: GraphQLNamedType) -> str:
    heading = next(heading for heading, kind in KINDS.items() if isinstance(named, kind))
    return heading.lower().removesuffix("s")


def _default_of(part: Part) -> str:
    written = getattr(part.ast_node, "default_value", None)
    return "" if written is None else f" = {print_ast(written)}"
