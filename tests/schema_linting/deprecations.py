"""Elements that are to go: `@deprecated` says what to use instead, since when, and until when.

The wording is fixed, so that a program can hold us to it:

    Ask for `performers`. Deprecated on 2026-11-21, removed on 2027-05-21 or later.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from graphql import (
    DirectiveNode,
    DocumentNode,
    EnumValueDefinitionNode,
    FieldDefinitionNode,
    InputValueDefinitionNode,
    Node,
    StringValueNode,
)

NOTICE_MONTHS_MIN = 6
WORDING = re.compile(
    r"(?P<instead>\S.*[.]) Deprecated on (?P<since>\d{4}-\d{2}-\d{2}),"
    r" removed on (?P<until>\d{4}-\d{2}-\d{2}) or later[.]",
    re.DOTALL,
)
EXAMPLE = "Ask for `performers`. Deprecated on 2026-11-21, removed on 2027-05-21 or later."

Element = FieldDefinitionNode | InputValueDefinitionNode | EnumValueDefinitionNode


@dataclass(frozen=True, slots=True)
class Deprecation:
    """What is to go, since when it is said, and until when it stays at least."""

    place: str
    reason: str
    since: date | None = None
    until: date | None = None

    def faults(self) -> Iterator[str]:
        """Say what is wrong with it."""
        if self.since is None or self.until is None:
            yield f"{self.place}: say the reason like this: {EXAMPLE} It says: {self.reason!r}"
        elif self.until < months_after(self.since, NOTICE_MONTHS_MIN):
            yield (
                f"{self.place}: from {self.since} to {self.until} are less than"
                f" {NOTICE_MONTHS_MIN} months"
            )


def deprecations(document: DocumentNode) -> dict[str, Deprecation]:
    """Find all that a schema says is to go, by its place."""
    return {
        place: _read(place, directive)
        for place, element in elements(document)
        for directive in element.directives or ()
        if directive.name.value == "deprecated"
    }


def elements(document: DocumentNode) -> Iterator[tuple[str, Element]]:
    """Give fields, arguments, input fields and enum values, with places as GraphQL writes them."""
    for definition in document.definitions:
        name = getattr(definition, "name", None)
        for member in members(definition):
            place = f"{name.value}.{member.name.value}" if name else member.name.value
            yield place, member
            for argument in getattr(member, "arguments", None) or ():
                yield f"{place}({argument.name.value}:)", argument


def members(definition: Node) -> tuple[Element, ...]:
    """Give what a type is made of."""
    found = getattr(definition, "fields", None) or getattr(definition, "values", None)
    return tuple(found or ())


def months_after(day: date, months: int) -> date:
    """Give the same day some months later, or the month's last where it has none such."""
    year, month = divmod(day.month - 1 + months, 12)
    for last in range(day.day, 27, -1):
        try:
            return date(day.year + year, month + 1, last)
        except ValueError:
            continue
    return date(day.year + year, month + 1, day.day)


def _read(place: str, directive: DirectiveNode) -> Deprecation:
    given = [argument.value for argument in directive.arguments or ()]
    reason = next((text.value for text in given if isinstance(text, StringValueNode)), "")
    said = WORDING.fullmatch(reason.strip())
    if said is None:
        return Deprecation(place, reason)
    try:
        since, until = date.fromisoformat(said["since"]), date.fromisoformat(said["until"])
    except ValueError:
        return Deprecation(place, reason)
    return Deprecation(place, reason, since, until)
