"""Examples for the reference: the operations of the README's tour, which a test takes."""

import re
from collections import defaultdict
from pathlib import Path

from graphql import FieldNode, GraphQLError, OperationDefinitionNode, OperationType, parse

README = Path(__file__).parents[2] / "README.md"
#: What the tour types into `ask`, and the operation within the program that it shows.
TYPED = re.compile(r"<<'?END'?[^\n]*\n(.*?)\nEND$", re.DOTALL | re.MULTILINE)
WITHIN_PROGRAM = re.compile(r'"""((?:query|mutation|subscription)\b.*?)"""', re.DOTALL)
ROOTS = {
    OperationType.QUERY: "Query",
    OperationType.MUTATION: "Mutation",
    OperationType.SUBSCRIPTION: "Subscription",
}


def examples() -> dict[str, list[str]]:
    """Give documents by the field that they begin with, such as `Query.events`."""
    text = README.read_text(encoding="utf-8")
    found: defaultdict[str, list[str]] = defaultdict(list)
    for document in [*TYPED.findall(text), *WITHIN_PROGRAM.findall(text)]:
        for field in _roots_of(document):
            if document not in found[field]:
                found[field].append(document)
    return dict(found)


def _roots_of(document: str) -> set[str]:
    try:
        definitions = parse(document).definitions
    except GraphQLError:
        return set()  # Something else is typed at a terminal, too.
    return {
        f"{ROOTS[operation.operation]}.{field.name.value}"
        for operation in definitions
        if isinstance(operation, OperationDefinitionNode)
        for field in operation.selection_set.selections
        if isinstance(field, FieldNode)
    }
