"""Scalars and enums that do not always do as they are told."""

from enum import Enum
from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

#: Anything that is not `cursed`, both ways; told as a list around it.
Odd = NewType("Odd", object)
#: Told and read as it is.
Loose = NewType("Loose", object)

CURSED, CODED, VOID = "cursed", "coded", "void"


def _tell(value: Any) -> Any:
    if value == CURSED:
        raise ValueError("A cursed value cannot be told.")
    if value == CODED:
        raise GraphQLError("A coded value cannot be told.", extensions={"code": "CODED", "n": 1})
    return None if value == VOID else [value]


def _read(value: Any) -> Any:
    if value == CURSED:
        raise ValueError("A cursed value cannot be read.")
    if value == CODED:
        raise GraphQLError("A coded value cannot be read.", extensions={"code": "CODED", "n": 2})
    return {"odd": value}


#: For `StrawberryConfig(scalar_map=…)`.
SCALARS: dict[object, ScalarDefinition] = {
    Odd: strawberry.scalar(name="Odd", serialize=_tell, parse_value=_read),
    Loose: strawberry.scalar(name="Loose", serialize=lambda value: value),
}


@strawberry.enum
class Colour(Enum):
    RED = "red"
    GREEN = strawberry.enum_value("green", name="LEAF")
    BLUE = 3


@strawberry.enum
class Way(Enum):
    """How a value comes, or does not."""

    NOW = 0
    LATER = 1
    SLOWLY = 2
    AS_TASK = 3
    AS_FUTURE = 4
    AS_AWAITABLE = 5
    NOTHING = 10
    NOTHING_LATER = 11
    RAISES = 12
    RAISES_LATER = 13
    RAISES_SLOWLY = 14
    RAISES_GRAPHQL = 15
    RAISES_LOCATED = 16
    RAISES_WITH_EXTENSIONS = 17
    GIVES_EXCEPTION = 18
    GIVES_EXCEPTION_LATER = 19
    WRONG = 20
    WRONG_LATER = 21
    GIVES_AWAITABLE_LATER = 22
    UNDEFINED = 23
    STOPS_ITERATION = 24


@strawberry.enum
class Row(Enum):
    """What a list comes as, and what is in it."""

    LIST = 0
    TUPLE = 1
    GENERATOR = 2
    ASYNC_GENERATOR = 3
    SET = 4
    DICT_KEYS = 5
    EMPTY = 6
    LATER_ITEMS = 7
    SOME_LATER_ITEMS = 8
    NOTHING_INSIDE = 20
    RAISING_ITEM = 21
    SLOWLY_RAISING_ITEM = 22
    EXCEPTION_INSIDE = 23
    WRONG_ITEM = 24
    BREAKING_GENERATOR = 25
    BREAKING_ASYNC_GENERATOR = 26
    NO_LIST = 27
    TEXT = 28
    TWO_FAULTS = 29
    LATER_FAULT_AND_LATER_ITEMS = 30
    FAULT_BEFORE_LATER_ITEMS = 31


@strawberry.enum
class Flavour(Enum):
    """Which plain object is meant: one that is good, or one with a fault."""

    GOOD = 0
    NULLS = 1
    SUBCLASSES = 2
    LENIENT = 3
    LAZY_LISTS = 4
    COUNTING = 5
    NAMELESS = 20
    WRONG_NUMBER = 21
    WRONG_TEXT = 22
    WRONG_FLAG = 23
    HUGE_NUMBER = 24
    WRONG_COLOUR = 25
    COLOUR_BY_VALUE = 26
    COLOUR_BY_NAME = 27
    MISSING = 28
    RAISING = 29
    RAISING_GRAPHQL = 30
    AWAITABLE = 31
    AWAITABLE_RAISING = 32
    EXCEPTION = 33
    CURSED = 34
    CODED = 35
    VOID = 36
    HOLES = 37
    FULL_OF_FAULTS = 38
    AWAITABLE_ITEMS = 39
    NO_LISTS = 40
    WRONG_CHILD = 41
    NO_CHILD = 42
    SPOILT_CHILD = 43
    NO_NUMBERS = 44
    CALLABLE = 45
