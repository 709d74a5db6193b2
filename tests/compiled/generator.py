"""Writes documents for any schema, from a seed: valid most of the time, and nasty all of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLField,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    OperationType,
    get_named_type,
    is_composite_type,
    is_required_argument,
    parse,
    print_ast,
)

from tests.compiled.cases import Case, case_of, pruned
from tests.compiled.values import Palette, Values, Variable, literal

DEPTH_MAX = 5
SELECTIONS_MAX = 45
ALIASES_MAX = 12
TRIES_MAX = 60
#: Words that a compiler of Python source may trip over, and names of other fields.
ALIASES = [
    "a",
    "b",
    "x1",
    "_",
    "_1",
    "lambda",
    "None",
    "class",
    "def",
    "data",
    "errors",
    "result",
    "source",
    "info",
    "self",
    "name",
    "nick",
]
INTROSPECTION = (
    "__schema { queryType { name } }",
    "__schema { types { name kind } }",
    '__type(name: "Int") { name kind description }',
    '__type(name: "Missing") { name }',
)


@dataclass
class Generator:
    """Writes one document after the other."""

    schema: GraphQLSchema
    palette: Palette
    seed: int
    operations: tuple[OperationType, ...] = (OperationType.QUERY,)
    rejected: int = 0

    def __post_init__(self) -> None:
        # As a text, so that neighbouring seeds have nothing in common.
        self._random = Random(f"documents {self.seed}")

    def case(self) -> Case:
        """Write documents until one is valid."""
        return self.cases(1)[0]

    def cases(self, count: int) -> list[Case]:
        """Write documents until one is valid, and give it several sets of variables."""
        for _ in range(TRIES_MAX):
            writing = _Writing(self.schema, self.palette, self._random, self.operations)
            case = writing.case()
            if case is not None:
                return [replace(case, variables=writing.sent(case)) for _ in range(count)]
            self.rejected += 1
        raise AssertionError(f"seed {self.seed}: no valid document in {TRIES_MAX}")

    def some(self, choices: Sequence[Any], count: int) -> list[Any]:
        """Choose some of these, too."""
        return self._random.sample(choices, min(count, len(choices)))


@dataclass
class _Writing:
    """One document while it is written."""

    schema: GraphQLSchema
    palette: Palette
    random: Random
    operations: tuple[OperationType, ...]
    selections_left: int = SELECTIONS_MAX
    aliases_left: int = ALIASES_MAX
    #: What each response name stands for, all over the document, so that fields can merge.
    meanings: dict[str, tuple[Any, str]] = field(default_factory=dict)
    variables: dict[str, GraphQLInputType] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)
    fragments: dict[str, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.values = Values(self.random, self.palette)

    def case(self) -> Case | None:
        """Write it all; None when it does not become valid."""
        chance = self._chance
        count = 2 if chance(0.15) else 1
        bodies = [self._operation(self.random.choice(self.operations)) for _ in range(count)]
        names = [f"Operation{n}" for n in range(count)]
        if count == 1 and chance(0.5):
            names = [""]
        declared = self._declarations()
        # Some operations have more fragments than they know of: those are pruned again.
        text = "\n".join(
            [
                *(
                    f"{kind.value} {name}{declared} {selections}"
                    for name, (kind, selections) in zip(names, bodies, strict=True)
                ),
                *(
                    f"fragment {name} on {on} {selections}"
                    for name, (on, selections) in self.fragments.items()
                ),
            ]
        )
        try:
            text = print_ast(pruned(parse(text)))
        except GraphQLError:
            return None
        name = self.random.choice(names) or None
        if count == 1 and chance(0.5):
            name = None
        return case_of(self.schema, text, None, name)

    def _operation(self, kind: OperationType) -> tuple[OperationType, str]:
        root = self.schema.get_root_type(kind)
        assert root is not None, kind
        if kind is OperationType.SUBSCRIPTION:
            name, only = self.random.choice(list(root.fields.items()))
            return kind, "{ " + self._field(name, only, 0, directives=False) + " }"
        selections = self._selections(root, 0)
        if kind is OperationType.QUERY and self._chance(0.08):
            canned = self.random.choice(INTROSPECTION)
            selections = selections[:-1] + canned + " }"
        return kind, selections

    def _selections(self, on: GraphQLNamedType, depth: int) -> str:
        count = self.random.choice((1, 1, 2, 3, 3, 4, 6))
        chosen = [self._selection(on, depth) for _ in range(count)]
        if self._chance(0.06):
            chosen.append(self.random.choice(chosen))
        return "{ " + " ".join(chosen) + " }"

    def _selection(self, on: GraphQLNamedType, depth: int) -> str:
        self.selections_left -= 1
        dice = self.random.random()
        if dice < 0.06 or (isinstance(on, GraphQLUnionType) and dice < 0.25):
            return self._alias("__typename") + "__typename" + self._directives()
        if isinstance(on, GraphQLUnionType) or (dice < 0.22 and depth < DEPTH_MAX):
            return self._fragment(on, depth)
        assert isinstance(on, GraphQLObjectType | GraphQLInterfaceType)
        name, one = self._pick(on, depth)
        return self._field(name, one, depth)

    def _pick(
        self, on: GraphQLObjectType | GraphQLInterfaceType, depth: int
    ) -> tuple[str, GraphQLField]:
        """Choose a field; deep down or near the end one without selections, where there is one."""
        fields = list(on.fields.items())
        if depth >= DEPTH_MAX or self.selections_left < 0:
            leaves = [
                (name, one)
                for name, one in fields
                if not is_composite_type(get_named_type(one.type))
            ]
            fields = leaves or fields
        picked: tuple[str, GraphQLField] = self.random.choice(fields)
        return picked

    def _field(
        self,
        name: str,
        one: GraphQLField,
        depth: int,
        *,
        directives: bool = True,
    ) -> str:
        text = self._named(name, one)
        if directives:
            text += self._directives()
        inner = get_named_type(one.type)
        return f"{text} {self._selections(inner, depth + 1)}" if is_composite_type(inner) else text

    def _named(self, name: str, one: GraphQLField) -> str:
        """Write alias, name and arguments; the same response name always means the same."""
        meant = (name, str(one.type), tuple((n, str(a.type)) for n, a in one.args.items()))
        key = name
        if self.aliases_left > 0 and self._chance(0.25):
            key = self.random.choice([*ALIASES, f"{name}2", f"{name}3"])
        while key in self.meanings and self.meanings[key][0] != meant:
            key = f"{key}_{self.random.randint(1, 3)}"
        if key not in self.meanings:
            self.meanings[key] = (meant, self._arguments(one))
        if key != name:
            self.aliases_left -= 1
        return f"{f'{key}: ' if key != name else ''}{name}{self.meanings[key][1]}"

    def _alias(self, name: str) -> str:
        if self.aliases_left <= 0 or not self._chance(0.15):
            return ""
        key = self.random.choice(ALIASES)
        while key in self.meanings and self.meanings[key][0] != name:
            key = f"{key}_"
        self.meanings[key] = (name, "")
        self.aliases_left -= 1
        return f"{key}: "

    def _arguments(self, one: GraphQLField) -> str:
        written = [
            f"{name}: {literal(self._value(argument.type, name, argument))}"
            for name, argument in one.args.items()
            if is_required_argument(argument) or self._chance(0.4)
        ]
        self.random.shuffle(written)
        return f"({', '.join(written)})" if written else ""

    def _value(self, kind: GraphQLInputType, name: str, place: Any = None) -> Any:
        """Draw a value to be written, with a variable for it or within it now and then."""
        if self._chance(0.35):
            return self._variable(kind, has_default=place is not None and _has_default(place))
        return self._with_variables(self.values.draw(kind, name), kind)

    def _with_variables(self, value: Any, kind: Any) -> Any:
        """Put variables into the place of some values within lists and objects."""
        kind = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
        if isinstance(value, list) and hasattr(kind, "of_type"):
            return [
                self._variable(kind.of_type)
                if self._chance(0.15)
                else self._with_variables(item, kind.of_type)
                for item in value
            ]
        if isinstance(value, dict) and hasattr(kind, "fields"):
            return {
                name: self._variable(
                    GraphQLNonNull(kind.fields[name].type)
                    if kind.is_one_of
                    else kind.fields[name].type
                )
                if self._chance(0.2)
                else self._with_variables(item, kind.fields[name].type)
                for name, item in value.items()
            }
        return value

    def _variable(self, kind: Any, *, has_default: bool = False) -> Variable:
        """Use a variable of this type: a known one, or a new one."""
        if isinstance(kind, GraphQLNonNull) and has_default and self._chance(0.5):
            kind = kind.of_type
        known = [name for name, its in self.variables.items() if str(its) == str(kind)]
        if known and self._chance(0.4):
            return Variable(self.random.choice(known))
        name = f"v{len(self.variables)}"
        if not isinstance(kind, GraphQLNonNull) and self._chance(0.2):
            kind = GraphQLNonNull(kind)
        self.variables[name] = kind
        if self._chance(0.3):
            self.defaults[name] = literal(self.values.draw(kind))
        return Variable(name)

    def _directives(self) -> str:
        if not self._chance(0.13):
            return ""
        condition = self.random.choice(("true", "false", "", ""))
        if not condition:
            boolean: Any = GraphQLNonNull(self.schema.type_map["Boolean"])
            condition = literal(self._variable(boolean, has_default=False))
        other = "skip" if self._chance(0.15) else ""
        first = self.random.choice(("skip", "include"))
        text = f" @{first}(if: {condition})"
        return text + (f" @{other}(if: false)" if other and other != first else "")

    def _fragment(self, on: GraphQLNamedType, depth: int) -> str:
        condition = self.random.choice(self._conditions(on))
        if self._chance(0.5):
            written = f" on {condition}" if condition is not on or self._chance(0.5) else ""
            return f"...{written}{self._directives()} {self._selections(condition, depth + 1)}"
        known = [name for name, (its, _) in self.fragments.items() if its == condition.name]
        if known and self._chance(0.6):
            return f"...{self.random.choice(known)}{self._directives()}"
        selections = self._selections(condition, depth + 1)
        name = f"Part{len(self.fragments)}"
        self.fragments[name] = (condition.name, selections)
        return f"...{name}{self._directives()}"

    def _conditions(self, on: GraphQLNamedType) -> list[Any]:
        """List the types that a fragment may ask for here."""
        if isinstance(on, GraphQLObjectType):
            unions = [
                kind
                for kind in self.schema.type_map.values()
                if isinstance(kind, GraphQLUnionType) and on in kind.types
            ]
            return [on, on, *on.interfaces, *unions]
        assert isinstance(on, GraphQLInterfaceType | GraphQLUnionType)
        possible = list(self.schema.get_possible_types(on))
        wider = [kind for one in possible for kind in one.interfaces]
        return [on, *possible, *possible, *wider]

    def _declarations(self) -> str:
        declared = [
            f"${name}: {kind}" + (f" = {self.defaults[name]}" if name in self.defaults else "")
            for name, kind in self.variables.items()
        ]
        return f"({', '.join(declared)})" if declared else ""

    def sent(self, case: Case) -> dict[str, Any] | None:
        """Draw the variables' values: most are right, some null, absent or wrong, some unknown."""
        sent: dict[str, Any] = {}
        for definition in case.operation.variable_definitions or ():
            name = definition.variable.name.value
            kind = self.variables[name]
            dice = self.random.random()
            if dice < 0.04:
                sent[name] = self.values.wrong(kind)
            elif dice < (0.06 if isinstance(kind, GraphQLNonNull) else 0.25):
                continue
            else:
                sent[name] = self.values.draw(kind)
        if self._chance(0.06):
            sent["unknown"] = {"of": ["nobody"]}
        if self._chance(0.5):
            sent = dict(reversed(sent.items()))
        return sent or (None if self._chance(0.5) else {})

    def _chance(self, share: float) -> bool:
        return self.random.random() < share


def _has_default(argument: Any) -> bool:
    return not is_required_argument(argument) and isinstance(argument.type, GraphQLNonNull)
