"""Values for arguments and variables: good ones, borderline ones, and wrong ones."""

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    is_required_input_field,
)

NESTING_MAX = 3


class Name(str):
    """A word without quotation marks: an enum's value."""

    __slots__ = ()


class Variable(str):
    """A variable in the place of a value."""

    __slots__ = ()


@dataclass(frozen=True)
class Palette:
    """Which values a schema's inputs are given, by the name of the type or of the argument."""

    by_type: dict[str, list[Any]] = field(default_factory=dict)
    #: By argument or input field, before the type is asked.
    by_name: dict[str, list[Any]] = field(default_factory=dict)
    #: Values of an enum that most often are wanted: others spoil a whole answer.
    likely: dict[str, list[str]] = field(default_factory=dict)


BUILT_IN: dict[str, list[Any]] = {
    "Int": [0, 1, -1, 2, 3, 7, 2**31 - 1, -(2**31)],
    "Float": [0.5, 1, -2.25, 1e30, 0],
    "String": ["", "a", "ü\n\"'\\{}", "LEAF", "1"],
    "Boolean": [True, False],
    "ID": ["1", "x", 5, ""],
}
WRONG: list[Any] = [
    2**31,
    1.5,
    "wrong",
    True,
    [],
    ["deep", ["er"]],
    {},
    {"unknown": 1},
    None,
    [None],
]
LIKELY_SHARE = 0.8


@dataclass
class Values:
    """Draws values for input types."""

    random: Random
    palette: Palette

    def draw(self, kind: GraphQLInputType, name: str = "", depth: int = 0) -> Any:
        """Draw a value that fits the type."""
        if isinstance(kind, GraphQLNonNull):
            return self._draw_sure(kind.of_type, name, depth)
        if self.random.random() < 0.12:
            return None
        return self._draw_sure(kind, name, depth)

    def wrong(self, kind: GraphQLInputType) -> Any:
        """Draw a value that most likely does not fit."""
        if self.random.random() < 0.3:
            return [self.draw(kind), self.random.choice(WRONG)]
        return self.random.choice(WRONG)

    def _draw_sure(self, kind: Any, name: str, depth: int) -> Any:
        if name in self.palette.by_name:
            return self.random.choice(self.palette.by_name[name])
        if isinstance(kind, GraphQLList):
            if self.random.random() < 0.1:
                return self._draw_sure(_sure(kind.of_type), name, depth)
            count = self.random.choice((0, 1, 1, 2, 3))
            return [self.draw(kind.of_type, name, depth) for _ in range(count)]
        if isinstance(kind, GraphQLInputObjectType):
            return self._object(kind, depth)
        if isinstance(kind, GraphQLEnumType):
            return Name(self._enum(kind))
        known = self.palette.by_type.get(kind.name) or BUILT_IN.get(kind.name)
        assert known, f"the palette has no values for {kind.name}"
        return self.random.choice(known)

    def _enum(self, kind: GraphQLEnumType) -> str:
        likely = self.palette.likely.get(kind.name)
        if not likely or self.random.random() > LIKELY_SHARE:
            likely = list(kind.values)
        value: str = self.random.choice(likely)
        return value

    def _object(self, kind: GraphQLInputObjectType, depth: int) -> dict[str, Any]:
        fields = list(kind.fields.items())
        if kind.is_one_of:
            name, only = self.random.choice(fields)
            return {name: self._draw_sure(_sure(only.type), name, depth + 1)}
        share = 0.5 if depth < NESTING_MAX else 0.0
        chosen = [
            (name, one)
            for name, one in fields
            if is_required_input_field(one) or self.random.random() < share
        ]
        self.random.shuffle(chosen)
        return {name: self.draw(one.type, name, depth + 1) for name, one in chosen}


def _sure(kind: Any) -> Any:
    return kind.of_type if isinstance(kind, GraphQLNonNull) else kind


def literal(value: Any) -> str:
    """Write a value as it stands in a document."""
    if isinstance(value, Variable):
        return f"${value}"
    if isinstance(value, Name):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {literal(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
