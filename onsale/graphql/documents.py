"""Documents are read once: parsed, measured and validated, and then remembered by their text.

Reading a small document costs about a millisecond of CPU, finding it again a few microseconds.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    ASTValidationRule,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    parse,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from onsale.graphql.costs import Cost, costs_of
from schema.errors import ErrorCode

SOURCE_CHARACTERS_MAX = 20_000
TOKENS_MAX = 2_000
COMMENTS_MAX = 50
PARSE_LIMITS: Any = {
    "max_lexical_tokens": TOKENS_MAX,
    "max_comments": COMMENTS_MAX,
    "max_source_length": SOURCE_CHARACTERS_MAX,
}
#: Counted before validation, because one of its rules compares each selection with each other.
SELECTIONS_MAX = 200
FRAGMENTS_MAX = 30
DIRECTIVES_MAX = 20
ALIASES_MAX = 15
DEPTH_MAX = 10
VALIDATION_ERRORS_MAX = 5

#: How many documents are remembered, and how much source text: a syntax tree takes some 100 times
#: the memory of its text.
DOCUMENTS_MAX = 1_000
DOCUMENT_CACHE_CHARACTERS_MAX = 1_000_000

#: The specification's rules and Strawberry's own two. At module level and never made anew: a rule
#: class per request is what keeps Strawberry's own cache from ever being hit.
RULES: tuple[type[ASTValidationRule], ...] = (
    *specified_rules,
    MaybeNullValidationRule,
    OneOfInputValidationRule,
)


@dataclass(frozen=True, slots=True)
class Document:
    """A text that was read: its syntax tree and operations, or all that is wrong with it."""

    #: None when the text is no GraphQL.
    tree: DocumentNode | None
    errors: tuple[GraphQLError, ...] = ()
    operations: Mapping[str | None, OperationType] = field(default_factory=dict)
    costs: Mapping[str | None, Cost] = field(default_factory=dict)
    #: Whether it asks what the schema has.
    asks_schema: bool = False


class Documents:
    """What this process has read, the most recent texts first to stay."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._known: OrderedDict[str, Document] = OrderedDict()
        self._characters = 0

    def read(self, text: str) -> Document:
        """Give what the text says; the second time without any work."""
        document = self._known.get(text)
        if document is None:
            document = read_document(self._schema, text)
            self._remember(text, document)
        else:
            self._known.move_to_end(text)
        return document

    def _remember(self, text: str, document: Document) -> None:
        if len(text) > SOURCE_CHARACTERS_MAX:
            return  # Refusing it again costs nothing.
        self._known[text] = document
        self._characters += len(text)
        while len(self._known) > DOCUMENTS_MAX or self._characters > DOCUMENT_CACHE_CHARACTERS_MAX:
            forgotten, _ = self._known.popitem(last=False)
            self._characters -= len(forgotten)

    def __len__(self) -> int:
        return len(self._known)


def read_document(schema: GraphQLSchema, text: str) -> Document:
    """Parse, measure and validate, in the order of rising cost; stop where something is wrong."""
    try:
        tree = parse(text, **PARSE_LIMITS)
    except GraphQLError as error:
        return Document(None, _coded([error], _parse_code(error)))
    errors = list(oversizes(tree))
    if errors:
        return Document(tree, _coded(errors, ErrorCode.DOCUMENT_TOO_COMPLEX))
    errors = validate(schema, tree, RULES, VALIDATION_ERRORS_MAX)
    if errors:
        return Document(tree, _coded(errors, ErrorCode.GRAPHQL_VALIDATION_FAILED))
    return Document(tree, (), _operations(tree), costs_of(schema, tree), _asks_schema(tree))


def oversizes(tree: DocumentNode) -> Iterator[GraphQLError]:
    """Say which limits the document exceeds, by counting alone."""
    selections = fragments = directives = aliases = 0
    for node in _nodes(tree):
        selections += not isinstance(node, OperationDefinitionNode | FragmentDefinitionNode)
        fragments += isinstance(node, FragmentDefinitionNode)
        directives += len(node.directives or ())
        aliases += isinstance(node, FieldNode) and node.alias is not None
    for count, most, what in (
        (selections, SELECTIONS_MAX, "selections"),
        (fragments, FRAGMENTS_MAX, "fragments"),
        (directives, DIRECTIVES_MAX, "directives"),
        (aliases, ALIASES_MAX, "aliases"),
    ):
        if count > most:
            yield GraphQLError(
                f"The document has {count} {what}; {most} are allowed. Ask in several requests."
            )
    if selections <= SELECTIONS_MAX and _is_too_deep(tree):
        yield GraphQLError(f"The document nests fields more than {DEPTH_MAX} deep.")


_Selecting = (
    OperationDefinitionNode
    | FragmentDefinitionNode
    | FieldNode
    | InlineFragmentNode
    | FragmentSpreadNode
)


def _nodes(tree: DocumentNode) -> Iterator[_Selecting]:
    """Walk over everything that is or has selections, without recursion."""
    left: list[_Selecting] = [
        node
        for node in tree.definitions
        if isinstance(node, OperationDefinitionNode | FragmentDefinitionNode)
    ]
    while left:
        node = left.pop()
        yield node
        left.extend(_selections(node))


def _is_too_deep(tree: DocumentNode) -> bool:
    """Follow fragments too, each once per depth, so that cycles and repetitions end.

    Introspection is left out: its own nesting is limited by a rule of graphql-core.
    """
    fragments = {
        node.name.value: node
        for node in tree.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    left: list[tuple[_Selecting, int]] = [
        (node, 0) for node in tree.definitions if isinstance(node, OperationDefinitionNode)
    ]
    seen: set[tuple[str, int]] = set()
    while left:
        node, depth = left.pop()
        if isinstance(node, FieldNode):
            if node.name.value.startswith("__"):
                continue
            depth += 1
            if depth > DEPTH_MAX:
                return True
        if isinstance(node, FragmentSpreadNode):
            name = node.name.value
            if (name, depth) in seen or name not in fragments:
                continue
            seen.add((name, depth))
            left.append((fragments[name], depth))
        left.extend((inner, depth) for inner in _selections(node))
    return False


def _selections(
    node: _Selecting,
) -> Collection[FieldNode | InlineFragmentNode | FragmentSpreadNode]:
    inner: SelectionSetNode | None = getattr(node, "selection_set", None)
    return inner.selections if inner else ()  # type: ignore[return-value]


def _operations(tree: DocumentNode) -> dict[str | None, OperationType]:
    return {
        node.name.value if node.name else None: node.operation
        for node in tree.definitions
        if isinstance(node, OperationDefinitionNode)
    }


def _asks_schema(tree: DocumentNode) -> bool:
    """Tell whether there is introspection in it. `__typename` is none: it tells of an answer."""
    return any(
        isinstance(node, FieldNode) and node.name.value in {"__schema", "__type"}
        for node in _nodes(tree)
    )


def _parse_code(error: GraphQLError) -> ErrorCode:
    """Tell a text that is too much from one that is wrong; graphql-core does so only in words."""
    if error.message.endswith("Parsing aborted."):
        return ErrorCode.DOCUMENT_TOO_COMPLEX
    return ErrorCode.GRAPHQL_PARSE_FAILED


def _coded(errors: Iterable[GraphQLError], code: ErrorCode) -> tuple[GraphQLError, ...]:
    """Give the errors their code, and forget the stacks that they would keep alive in the cache."""
    coded = tuple(error.with_traceback(None) for error in errors)
    for error in coded:
        error.extensions = {"code": code}
    return coded
