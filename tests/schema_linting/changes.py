"""What has changed since the schema that was last released, and whether clients can bear it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from graphql import (
    REMOVE,
    DocumentNode,
    NamedTypeNode,
    Node,
    TypeDefinitionNode,
    Visitor,
    build_ast_schema,
    find_breaking_changes,
    find_dangerous_changes,
    parse,
    visit,
)

from tests.schema_linting.deprecations import Deprecation, deprecations, elements


@dataclass(frozen=True, slots=True)
class Verdict:
    """What must not be, and what is allowed but worth a second look."""

    faults: list[str]
    dangers: list[str]


def judge(released: str, current: str, today: date) -> Verdict:
    """Compare two schemas. What was announced in time may be gone; nothing else may break."""
    before, after = parse(released), parse(current)
    ended = {
        place
        for place, gone in removed(before, after).items()
        if gone.until and gone.until <= today
    }
    old = build_ast_schema(_without(before, after, ended))
    new = build_ast_schema(after)
    faults = [
        *(fault for found in deprecations(after).values() for fault in found.faults()),
        *_broken_promises(before, after, ended),
        *(f"{change.description} It breaks clients." for change in find_breaking_changes(old, new)),
    ]
    return Verdict(faults, [change.description for change in find_dangerous_changes(old, new)])


def removed(before: DocumentNode, after: DocumentNode) -> dict[str, Deprecation]:
    """Find what was announced to go and is gone."""
    left = {place for place, _ in elements(after)}
    return {place: gone for place, gone in deprecations(before).items() if place not in left}


def _broken_promises(before: DocumentNode, after: DocumentNode, ended: set[str]) -> Iterator[str]:
    for place, gone in removed(before, after).items():
        if place not in ended:
            yield f"{place} was removed before its day: {gone.reason!r}"
    now = deprecations(after)
    for place, said in deprecations(before).items():
        later = now.get(place)
        if later and later.until and said.until and later.until < said.until:
            yield f"{place} was promised to stay until {said.until}, not {later.until}"


def _without(before: DocumentNode, after: DocumentNode, ended: set[str]) -> DocumentNode:
    """Give the old schema without what has ended, and without types that were there only for it."""
    ends = {id(element) for place, element in elements(before) if place in ended}
    document: DocumentNode = visit(before, _Without(ends))
    kept = {definition.name.value for definition in _types(after)}
    while idle := _types_named_nowhere(document) - kept - _types_named_nowhere(before):
        document = visit(
            document, _Without({id(t) for t in _types(document) if t.name.value in idle})
        )
    return document


def _types(document: DocumentNode) -> list[TypeDefinitionNode]:
    return [node for node in document.definitions if isinstance(node, TypeDefinitionNode)]


def _types_named_nowhere(document: DocumentNode) -> set[str]:
    names = _Names()
    visit(document, names)
    return {definition.name.value for definition in _types(document)} - names.found


class _Without(Visitor):
    """Leaves nodes out, known by their identity."""

    def __init__(self, left_out: set[int]) -> None:
        super().__init__()
        self._left_out = left_out

    def enter(self, node: Node, *_: Any) -> Any:
        """Leave out what is to be left out."""
        return REMOVE if id(node) in self._left_out else None


class _Names(Visitor):
    """Collects the types that others refer to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def enter_named_type(self, node: NamedTypeNode, *_: Any) -> None:
        """Note a reference."""
        self.found.add(node.name.value)
