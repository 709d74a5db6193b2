"""Documents are read once: parsed, measured and validated, and then remembered by their text.

Reading a small document costs about a millisecond of CPU, finding it again a few microseconds.
"""

from collections import Counter, OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    ArgumentNode,
    ASTValidationRule,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    ListValueNode,
    Node,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    Token,
    TokenKind,
    ValueNode,
    parse,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule

from compiled_documents import Plan, Plans
from onsale.graphql.costs import Cost, costs_of
from onsale.graphql.one_of import OneOfVariablesRule
from schema.errors import ErrorCode

SOURCE_CHARACTERS_MAX = 20_000
TOKENS_MAX = 2_000
COMMENTS_MAX = 50
PARSE_LIMITS: Any = {
    "max_lexical_tokens": TOKENS_MAX,
    "max_comments": COMMENTS_MAX,
    "max_source_length": SOURCE_CHARACTERS_MAX,
}
SELECTIONS_MAX = 200
FRAGMENTS_MAX = 30
DIRECTIVES_MAX = 20
ALIASES_MAX = 15
OPERATIONS, FRAGMENTS, INLINE_FRAGMENTS = "operations", "fragments", "inline fragments"
SELECTIONS, DIRECTIVES, ALIASES = "selections", "directives", "aliases"
ASKING_FIELDS, EQUAL_FIELDS = "fields with arguments", "equal fields side by side"
VALUES = "values that are written into it"
#: Counted before validation: one of its rules compares each selection with each other, and the
#: arguments of equal ones by writing them down again; many look at every value.
LIMITS = {
    OPERATIONS: 30,
    FRAGMENTS: FRAGMENTS_MAX,
    INLINE_FRAGMENTS: 40,
    SELECTIONS: SELECTIONS_MAX,
    DIRECTIVES: DIRECTIVES_MAX,
    ALIASES: ALIASES_MAX,
    ASKING_FIELDS: 50,
    EQUAL_FIELDS: 20,
    VALUES: 300,
}
KINDS: dict[type, str] = {
    OperationDefinitionNode: OPERATIONS,
    FragmentDefinitionNode: FRAGMENTS,
    InlineFragmentNode: INLINE_FRAGMENTS,
}
DEPTH_MAX = 10
VALIDATION_ERRORS_MAX = 5

#: What costs so much is compiled before it runs: a seat map of 20,000 takes graphql-core a second
#: and more, and to compile it a few milliseconds.
COMPILED_AT_ONCE_COST = 200

#: How many documents are remembered, and how much source text: a syntax tree takes some 100 times
#: the memory of its text.
DOCUMENTS_MAX = 1_000
DOCUMENT_CACHE_CHARACTERS_MAX = 1_000_000

_NO_TOKEN = Token(TokenKind.SOF, 0, 0, 0, 0)

#: The specification's rules, one of Strawberry's and one of our own. At module level and never made
#: anew: a rule class per request is what keeps Strawberry's own cache from ever being hit.
RULES: tuple[type[ASTValidationRule], ...] = (
    *specified_rules,
    MaybeNullValidationRule,
    OneOfVariablesRule,
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
    _plans: dict[tuple[Plans, str | None], Plan] = field(default_factory=dict, compare=False)

    def plan(self, name: str | None, plans: Plans, cost: int = 0) -> Plan:
        """Give the plan of an operation of a valid document; it stays with the document."""
        plan = self._plans.get((plans, name))
        if plan is None:
            assert self.tree is not None, "a valid document was parsed"
            plan = self._plans[plans, name] = plans.plan(
                self.tree, name, at_once=cost >= COMPILED_AT_ONCE_COST
            )
        return plan


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
    errors = validate(schema, tree, RULES, VALIDATION_ERRORS_MAX, hide_suggestions=True)
    if errors:
        return Document(tree, _coded(errors, ErrorCode.GRAPHQL_VALIDATION_FAILED))
    forget_tokens(tree)
    return Document(tree, (), _operations(tree), costs_of(schema, tree), _asks_schema(tree))


def forget_tokens(tree: DocumentNode) -> None:
    """Keep of all places in the text where they are, and not the words that were read there.

    The words are chained in a circle, and take a quarter of the memory; errors need but places.
    """
    left: list[Any] = [tree]
    while left:
        node = left.pop()
        if isinstance(node, Node):
            if node.loc is not None:
                node.loc.start_token = node.loc.end_token = _NO_TOKEN
            left.extend(getattr(node, key) for key in node.keys)
        elif isinstance(node, list | tuple):
            left.extend(node)


def oversizes(tree: DocumentNode) -> Iterator[GraphQLError]:
    """Say which limits the document exceeds, by counting alone."""
    sizes = _sizes(tree)
    for what, most in LIMITS.items():
        if sizes[what] > most:
            advice = "Send them as variables" if what == VALUES else "Ask in several requests"
            yield GraphQLError(
                f"The document has {sizes[what]} {what}; {most} are allowed. {advice}."
            )
    if sizes[SELECTIONS] <= SELECTIONS_MAX and _is_too_deep(tree):
        yield GraphQLError(f"The document nests fields more than {DEPTH_MAX} deep.")


def _sizes(tree: DocumentNode) -> Counter[str]:
    """Count all that there is a limit of."""
    sizes: Counter[str] = Counter()
    for node in _nodes(tree):
        sizes[KINDS.get(type(node), SELECTIONS)] += 1
        sizes[DIRECTIVES] += len(node.directives or ())
        sizes[VALUES] += _written_values(node)
        sizes[EQUAL_FIELDS] = max(sizes[EQUAL_FIELDS], _equal_fields(node))
        if isinstance(node, FieldNode):
            sizes[ALIASES] += node.alias is not None
            sizes[ASKING_FIELDS] += bool(node.arguments)
    sizes[SELECTIONS] += sizes[INLINE_FRAGMENTS]
    return sizes


_Selecting = (
    OperationDefinitionNode
    | FragmentDefinitionNode
    | FieldNode
    | InlineFragmentNode
    | FragmentSpreadNode
)


def _equal_fields(node: _Selecting) -> int:
    """Count the field that is selected most often within one, with fields of its own."""
    names = Counter(
        (field.alias or field.name).value
        for field in _selections(node)
        if isinstance(field, FieldNode) and field.selection_set
    )
    return max(names.values(), default=0)


def _written_values(node: _Selecting) -> int:
    """Count what is written into arguments and defaults: numbers, names, lists, objects."""
    left: list[ValueNode] = [argument.value for argument in _arguments(node)]
    if isinstance(node, OperationDefinitionNode):
        left += [
            definition.default_value
            for definition in node.variable_definitions or ()
            if definition.default_value is not None
        ]
    count = 0
    while left:
        value = left.pop()
        count += 1
        if isinstance(value, ObjectValueNode):
            left.extend(field.value for field in value.fields)
        elif isinstance(value, ListValueNode):
            left.extend(value.values)
    return count


def _arguments(node: _Selecting) -> Iterator[ArgumentNode]:
    """Give the node's own arguments, and those of its directives."""
    if isinstance(node, FieldNode):
        yield from node.arguments or ()
    for directive in node.directives or ():
        yield from directive.arguments or ()


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
