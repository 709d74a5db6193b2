"""Objects that are read by attribute: one that is good, and those that have a fault."""

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import IntEnum
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import strawberry
from graphql import GraphQLError

from tests.compiled.nasty.scalars import CODED, CURSED, VOID, Colour, Flavour, Loose, Odd
from tests.compiled.nasty.ways import CodedFault, Fault, later, raising

if TYPE_CHECKING:
    from tests.compiled.nasty.worked import Thing

Item = TypeVar("Item")


@strawberry.interface
class Named:
    """What has a name."""

    name: str
    nick: str | None
    number: int


@strawberry.type
class Page(Generic[Item]):
    """Generic: each specialisation is a type of its own."""

    items: list[Item]
    first: Item | None
    total: int


@strawberry.type
class Plain(Named):
    """No resolver anywhere: everything is an attribute."""

    key: strawberry.ID
    ratio: float | None
    flag: bool
    colour: Colour
    colours: list[Colour | None]
    odd: Odd | None
    sure_odd: Odd
    loose: Loose | None
    moment: datetime
    day: date | None
    clock: time | None
    price: Decimal
    uuid: uuid.UUID
    tags: list[str]
    maybe_tags: list[str | None] | None
    grid: list[list[int | None]]
    cube: list[list[list[int]] | None] | None
    child: "Plain | None"
    sure: "Plain"
    others: list["Plain | None"] | None
    sure_others: list["Plain"]
    rows: list[list["Plain"] | None]
    relative: Named | None
    relatives: list[Named]
    thing: Annotated["Thing", strawberry.lazy("tests.compiled.nasty.worked")] | None
    things: list[Annotated["Thing", strawberry.lazy("tests.compiled.nasty.worked")] | None]
    page: Page["Plain"]
    numbers: Page[int]
    long_python_name: str
    renamed: str = strawberry.field(name="lambda")
    none: int | None = strawberry.field(name="None")
    underscored: str = strawberry.field(name="_")
    result: int = 5
    source: str | None = "source"


class Score(IntEnum):
    HIGH = 9


class Text(str):
    """A text that is not exactly a string."""

    __slots__ = ()


class Number(int):
    """A number that is not exactly an integer."""


class Counting(list[Any]):
    """A list of a class of its own."""

    def __iter__(self) -> Iterator[Any]:
        yield from super().__iter__()
        yield from super().__iter__()


def good(name: str = "good", depth: int = 2) -> Plain:
    """Make an object without a fault; below `depth` it is its own child."""
    new: Any = Plain.__new__(Plain)
    child = good(f"{name}'s child", depth - 1) if depth else new
    vars(new).update(_facts(name, child, other(depth - 1) if depth else new))
    return new  # type: ignore[no-any-return]


def other(depth: int) -> Any:
    """Make an object of another type."""
    return good("other", max(depth, 0))


def _facts(name: str, child: Plain, relative: Any) -> dict[str, Any]:
    return {
        "name": name,
        "nick": None,
        "number": len(name),
        "key": strawberry.ID("key 1"),
        "ratio": 0.25,
        "flag": True,
        "colour": Colour.RED,
        "colours": [Colour.GREEN, None, Colour.BLUE],
        "odd": "even",
        "sure_odd": 1,
        "loose": {"a": [1, None, {"b": 2.5}]},
        "moment": datetime(2026, 11, 20, 19, 30, tzinfo=UTC),
        "day": date(2026, 11, 20),
        "clock": time(19, 30),
        "price": Decimal("12.50"),
        "uuid": uuid.UUID(int=7),
        "tags": ["a", "ü\n\"'\\", ""],
        "maybe_tags": ["b", None],
        "grid": [[1, None], [], [3]],
        "cube": [[[1], [2, 3]], None, []],
        "child": child,
        "sure": child,
        "others": [child, None, child],
        "sure_others": [child, child],
        "rows": [[child], None, [], [child, child]],
        "relative": relative,
        "relatives": [child, relative],
        "thing": relative,
        "things": [child, None, relative],
        "page": Page(items=[child, child], first=None, total=2),
        "numbers": Page(items=[1, 2], first=0, total=2),
        "long_python_name": "long",
        "renamed": "lambda",
        "none": 0,
        "underscored": "_",
        "result": 5,
        "source": "source",
    }


class Raising(Plain):
    """Properties instead of attributes, and they raise."""

    @property
    def number(self) -> int:  # type: ignore[override]
        raise Fault("no number")

    @property
    def nick(self) -> str | None:  # type: ignore[override]
        raise CodedFault("no nick")

    @property
    def child(self) -> Plain | None:  # type: ignore[override]
        raise AttributeError("no child")


class RaisingGraphQL(Plain):
    """Errors of GraphQL, made once and raised again and again."""

    PROBLEM = GraphQLError("never", extensions={"code": "NEVER"})

    @property
    def name(self) -> str:  # type: ignore[override]
        raise GraphQLError("no name", extensions={"code": "NAMELESS"})

    @property
    def ratio(self) -> float | None:  # type: ignore[override]
        raise GraphQLError("no ratio")


def _like(kind: type[Plain]) -> Plain:
    """Make a good object of a class whose properties say otherwise."""
    new: Any = kind.__new__(kind)
    hidden = {name for name in dir(kind) if isinstance(getattr(kind, name), property)}
    facts = vars(good()).items()
    vars(new).update({name: value for name, value in facts if name not in hidden})
    return new  # type: ignore[no-any-return]


def _with(**faults: Any) -> Plain:
    """Change a good object."""
    new = good()
    vars(new).update(faults)
    return new


def _without(*names: str) -> Plain:
    new = good()
    for name in names:
        del vars(new)[name]
    return new


NULLABLE = [
    "nick",
    "ratio",
    "odd",
    "loose",
    "day",
    "clock",
    "maybe_tags",
    "cube",
    "child",
    "others",
    "relative",
    "thing",
    "none",
    "source",
]

#: Made anew for each, because some can be read only once.
FLAVOURS: dict[Flavour, Callable[[], Plain]] = {
    Flavour.GOOD: good,
    Flavour.NULLS: lambda: _with(**dict.fromkeys(NULLABLE)),
    Flavour.SUBCLASSES: lambda: _with(
        name=Text("text"), number=Number(4), result=Score.HIGH, ratio=Number(2), nick=Text("")
    ),
    Flavour.LENIENT: lambda: _with(
        name=5, number=3.0, ratio=True, flag=1, key=7, nick=True, result="12", none=False
    ),
    Flavour.LAZY_LISTS: lambda: _with(
        tags=(tag for tag in "ab"),
        grid=({1: None}, (2,), iter([3])),
        others=(good("lazy", 0),),
        sure_others={"a": good("mapped", 0)}.values(),
    ),
    Flavour.COUNTING: lambda: _with(tags=Counting("ab"), sure_others=Counting([good("c", 0)])),
    Flavour.NAMELESS: lambda: _with(name=None),
    Flavour.WRONG_NUMBER: lambda: _with(number="many", none=1.5, result=[]),
    Flavour.WRONG_TEXT: lambda: _with(nick=["no", "text"], long_python_name={}),
    Flavour.WRONG_FLAG: lambda: _with(flag="yes", ratio="half"),
    Flavour.HUGE_NUMBER: lambda: _with(number=2**31, none=-(2**31) - 1, ratio=float("inf")),
    Flavour.WRONG_COLOUR: lambda: _with(colour="purple", colours=[Colour.RED, 17]),
    Flavour.COLOUR_BY_VALUE: lambda: _with(colour="green", colours=["red", 3]),
    Flavour.COLOUR_BY_NAME: lambda: _with(colour="LEAF", colours=["GREEN", "RED"]),
    Flavour.MISSING: lambda: _without("number", "nick", "child"),
    Flavour.RAISING: lambda: _like(Raising),
    Flavour.RAISING_GRAPHQL: lambda: _like(RaisingGraphQL),
    Flavour.AWAITABLE: lambda: _with(
        name=later("awaited"), nick=later(None), child=later(good("later", 0), 2)
    ),
    Flavour.AWAITABLE_RAISING: lambda: _with(
        nick=raising(Fault("nick")), number=raising(Fault("number"), 2), sure=later(None)
    ),
    Flavour.EXCEPTION: lambda: _with(nick=Fault("as a nick"), child=Fault("as a child")),
    Flavour.CURSED: lambda: _with(odd=CURSED, sure_odd=CURSED, moment="no moment"),
    Flavour.CODED: lambda: _with(odd=CODED, sure_odd=CODED, price="no price"),
    Flavour.VOID: lambda: _with(odd=VOID, sure_odd=VOID, loose={1, 2}),
    Flavour.HOLES: lambda: _with(
        tags=["a", None], grid=[[1], None], cube=[[[1], None]], sure_others=[good(), None]
    ),
    Flavour.FULL_OF_FAULTS: lambda: _with(
        name=[], number="x", nick={}, ratio="y", child=5, others=[1, good(), "z"], colour=None
    ),
    Flavour.AWAITABLE_ITEMS: lambda: _with(
        tags=["a", later("b")],
        others=[later(None), good("now", 0), later(good("later", 0))],
        grid=[later([1, later(2)]), [3]],
        colours=[later(Colour.RED), raising(Fault("colour"))],
    ),
    Flavour.NO_LISTS: lambda: _with(tags="abc", others=5, grid=[7], maybe_tags={"a": 1}, cube=""),
    Flavour.WRONG_CHILD: lambda: _with(
        child={"name": "no Plain"}, relative=object(), thing="thing", sure=5, relatives=[5]
    ),
    Flavour.NO_CHILD: lambda: _with(sure=None, page=None, relatives=None),
    Flavour.SPOILT_CHILD: lambda: _with(
        child=_with(name=None),
        sure=_with(number=None, nick="of the spoilt"),
        others=[_with(name=None), good("beside", 0), _with(number="x")],
        sure_others=[good("first", 0), _with(flag=None), _with(name=None)],
        rows=[[good("row", 0)], [_with(name=None)]],
        page=Page(items=[_with(name=None)], first=_with(sure_odd=CURSED), total=1),
    ),
    Flavour.NO_NUMBERS: lambda: _with(
        numbers=Page(items=["a"], first="b", total=None),  # type: ignore[arg-type]
        number=None,
    ),
    Flavour.CALLABLE: lambda: _with(nick=lambda: "called", name=str, child=good),
}


def flavoured(flavour: Flavour) -> Plain:
    """Make the object that is asked."""
    return FLAVOURS[flavour]()
