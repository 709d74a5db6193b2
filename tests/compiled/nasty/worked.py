"""Objects with resolvers of every kind."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission, PermissionExtension
from strawberry.types.nodes import Selection

from tests.compiled.nasty.inputs import Choice, Filter, Patch
from tests.compiled.nasty.plain import Named, Page, Plain, flavoured, good
from tests.compiled.nasty.scalars import Colour, Flavour, Loose, Odd, Row, Way
from tests.compiled.nasty.surroundings import Noting
from tests.compiled.nasty.ways import given, later, row_of, waited_for

Info = strawberry.Info[Noting, Any]


class Allowed(BasePermission):
    """Asks the arguments, at once."""

    message = "This is not allowed."
    error_extensions = {"code": "FORBIDDEN"}  # noqa: RUF012 - as Strawberry documents it.

    def has_permission(self, source: Any, info: Info, **kwargs: Any) -> bool:
        info.context.note("permission", type(source).__name__, kwargs)
        return bool(kwargs.get("allowed", True))


class AllowedLater(BasePermission):
    """Asks the arguments, and takes its time."""

    message = "This is not allowed later either."

    async def has_permission(self, source: Any, info: Info, **kwargs: Any) -> bool:
        info.context.note("later permission", type(source).__name__, kwargs)
        return bool(await later(kwargs.get("allowed", True)))


class Shouting(FieldExtension):
    """Changes what goes in and what comes out."""

    def resolve(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        info.context.note("shouting", info.field_name, kwargs)
        value = next_(source, info, **kwargs)
        return value.upper() if isinstance(value, str) else value


class ShoutingLater(FieldExtension):
    """The same for resolvers that wait."""

    async def resolve_async(
        self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info, **kwargs: Any
    ) -> Any:
        info.context.note("shouting later", info.field_name, kwargs)
        return str(await next_(source, info, **kwargs)).upper()


def everything_about(info: Info) -> dict[str, Any]:
    """Put down all that `info` says."""
    return {
        "path": info.path.as_list(),
        "types": [info.path.typename, info.path.prev.typename if info.path.prev else None],
        "field": [info.field_name, info.python_name, str(info.return_type)],
        "variables": repr(info.variable_values),
        "operation": [info.operation.operation.value, str(info.operation.name)],
        "selected": [_selected(selection) for selection in info.selected_fields],
        "root": type(info.root_value).__name__,
        "parent": str(info._raw_info.parent_type),
        "fragments": sorted(info._raw_info.fragments),
    }


def _selected(selection: Selection) -> Any:
    facts = {name: value for name, value in vars(selection).items() if name != "selections"}
    return [type(selection).__name__, repr(facts), *map(_selected, selection.selections)]


def double(root: strawberry.Parent["Worked"]) -> int:
    """Resolve from outside of the type."""
    return root.number * 2


@strawberry.type
class Worked(Named):
    """A resolver for everything but its name."""

    name: str
    nick: str | None
    number: int
    doubled: int = strawberry.field(resolver=double)

    @strawberry.field
    def text(self, info: Info, way: Way = Way.NOW) -> str | None:
        info.context.note("text", self.name, way)
        return given(way, f"text of {self.name}", [])

    @strawberry.field
    def must(self, info: Info, way: Way = Way.NOW) -> str:
        info.context.note("must", self.name, way)
        return given(way, "must", {})

    @strawberry.field
    async def waited(self, info: Info, way: Way = Way.LATER, number: int | None = None) -> int:
        info.context.note("waited", way, number)
        return await waited_for(given(way, self.number if number is None else number, "no number"))

    @strawberry.field
    def object(self, info: Info, way: Way = Way.NOW) -> "Worked | None":
        info.context.note("object", self.name, way)
        return given(way, worked(f"{self.name}.object"), 5)

    @strawberry.field
    def sure(self, info: Info, way: Way = Way.NOW) -> "Worked":
        info.context.note("sure", self.name, way)
        return given(way, worked(f"{self.name}.sure"), good())

    @strawberry.field
    async def waited_object(self, way: Way = Way.NOW) -> "Worked | None":
        return await waited_for(given(way, worked("waited"), "wrong"))

    @strawberry.field
    def plain(self, info: Info, flavour: Flavour = Flavour.GOOD, way: Way = Way.NOW) -> Plain:
        info.context.note("plain", flavour, way)
        return given(way, flavoured(flavour), worked("wrong"))

    @strawberry.field
    async def plains(
        self, flavours: list[Flavour] = [Flavour.GOOD, Flavour.NULLS], row: Row = Row.LIST
    ) -> list[Plain | None] | None:
        return row_of(row, [flavoured(flavour) for flavour in flavours] or [good()], 7)

    @strawberry.field
    def listed(self, info: Info, row: Row = Row.LIST, way: Way = Way.NOW) -> list["Worked | None"]:
        info.context.note("listed", row)
        items = [worked(f"{self.name}.{n}") for n in range(2)]
        return given(way, row_of(row, items, "no object"), {"no": "list"})

    @strawberry.field
    def sure_list(self, info: Info, row: Row = Row.LIST) -> list["Worked"] | None:
        info.context.note("sure_list", row)
        return row_of(row, [worked("a"), worked("b")], good())

    @strawberry.field
    def numbers(self, row: Row = Row.LIST, way: Way = Way.NOW) -> list[int | None] | None:
        return given(way, row_of(row, [1, 2], "three"), 4)

    @strawberry.field
    def sure_numbers(self, row: Row = Row.LIST) -> list[int]:
        return row_of(row, [1, 2], "three")

    @strawberry.field
    def matrix(self, row: Row = Row.LIST, inner: Row = Row.LIST) -> list[list[int] | None]:
        return row_of(row, [row_of(inner, [1], None), (2, 3)], 4)

    @strawberry.field
    def colour(self, way: Way = Way.NOW) -> Colour:
        return given(way, Colour.GREEN, "mauve")

    @strawberry.field
    def odd(self, way: Way = Way.NOW, value: Odd | None = None) -> Odd | None:
        return given(way, value or Odd("odd"), "cursed")

    @strawberry.field
    def thing(self, way: Way = Way.NOW, which: int = 0) -> "Thing | None":
        thing: Thing = given(way, some_thing(which), "no thing")
        return thing

    @strawberry.field
    def things(self, row: Row = Row.LIST) -> list["Thing"]:
        return row_of(row, [worked("thing"), good("thing", 1)], object())

    @strawberry.field
    async def relative(self, way: Way = Way.LATER) -> Named | None:
        return await waited_for(given(way, good("relative", 1), {"name": "nobody"}))

    @strawberry.field
    def kin(self, row: Row = Row.LIST) -> list[Named | None]:
        return row_of(row, [self, good("kin", 1)], 5)

    @strawberry.field
    def beast(self, which: int = 0, way: Way = Way.NOW) -> "Beast | None":
        one: Beast = given(way, beast(which), [])
        return one

    @strawberry.field
    def beasts(self, row: Row = Row.LIST) -> list["Beast"]:
        return row_of(row, [beast(0), beast(1), beast(1)], beast(2))

    @strawberry.field
    async def half(self, info: Info, of: int = 4) -> int | None:
        return await info.context.halves.load(of)

    @strawberry.field
    def half_at_once(self, info: Info, of: int = 8) -> int:
        return info.context.halves.load(of)  # type: ignore[return-value] # a future.

    @strawberry.field
    async def halves(self, info: Info, of: list[int] = [2, 4, 5]) -> list[int | None]:
        return [info.context.halves.load(number) for number in of]  # type: ignore[misc]

    @strawberry.field
    def about(self, info: Info, _hint: str | None = None) -> Loose:
        return Loose(everything_about(info))

    @strawberry.field
    def about_object(self, info: Info, way: Way = Way.NOW) -> "Worked | None":
        info.context.note("about", everything_about(info))
        return given(way, self)

    @strawberry.field
    def echo(  # noqa: PLR0913, PLR0917 - one of each kind.
        self,
        info: Info,
        number: int = 3,
        text: str | None = None,
        ratio: float | None = strawberry.UNSET,
        flag: bool = False,
        id: strawberry.ID | None = None,  # noqa: A002
        colour: Colour = Colour.RED,
        filter: Filter | None = None,  # noqa: A002
        choice: Choice | None = None,
        patch: Patch | None = None,
        numbers: list[int] | None = None,
        grid: list[list[int | None] | None] | None = None,
        filters: list[Filter | None] | None = None,
        odd: Odd | None = strawberry.UNSET,
        maybe: strawberry.Maybe[int | None] = None,
        from_: Annotated[str | None, strawberry.argument(name="from")] = None,
        required: int = 0,
    ) -> str:
        arguments = {name: value for name, value in locals().items() if name != "info"}
        del arguments["self"]
        info.context.note("echo", arguments)
        return repr(arguments)

    @strawberry.field(permission_classes=[Allowed])
    def guarded(self, info: Info, allowed: bool = True) -> str | None:
        info.context.note("guarded", allowed)
        return "treasure"

    @strawberry.field(permission_classes=[Allowed, AllowedLater])
    async def guarded_later(self, info: Info, allowed: bool = True) -> str:
        info.context.note("guarded later", allowed)
        return "treasure"

    @strawberry.field(extensions=[PermissionExtension([Allowed()], fail_silently=True)])
    def hidden(self, allowed: bool = True) -> list[str]:
        return ["hidden", str(allowed)]

    @strawberry.field(extensions=[Shouting()])
    def shouted(self, way: Way = Way.NOW) -> str | None:
        return given(way, "shouted")

    @strawberry.field(extensions=[ShoutingLater()])
    async def shouted_later(self, text: str = "later") -> str:
        return await later(text)

    #: Attributes with a guard: neither plain data nor a resolver.
    guarded_number: int = strawberry.field(default=3, permission_classes=[Allowed])


@strawberry.type
class Horned:
    """Known by asking it, for its values are dictionaries."""

    horns: int

    @classmethod
    def is_type_of(cls, value: Any, info: Any) -> bool:
        info.context.note("is it Horned?")
        return isinstance(value, dict) and "horns" in value

    @strawberry.field
    def count(root: Any) -> int:  # noqa: N805
        horns: int = root["horns"]
        return horns


@strawberry.interface
class Beast:
    """Its type is told by its own function."""

    legs: int

    @classmethod
    def resolve_type(cls, value: Any, info: Any, _type: Any) -> Any:
        info.context.note("which Beast?", type(value).__name__)
        name = {0: "Cat", 1: "Bird", 2: "Dragon", 3: "Worked", 4: None}[value.which]
        return later(name) if value.which == 1 else name


@strawberry.type
class Cat(Beast):
    purrs: bool = True

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> Any:
        return later(value.which == 0)


@strawberry.type
class Bird(Beast):
    flies: bool = True
    friend: Beast | None = None

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return bool(value.legs == 2)


class Body:
    """Any beast; 2, 3 and 4 are none of the known."""

    def __init__(self, which: int) -> None:
        self.which = which
        self.legs = 4 if which == 0 else 2
        self.purrs = self.flies = True
        self.friend = Body(0) if which == 1 else None


def beast(which: int) -> Any:
    """Make a beast."""
    return Body(which % 5)


Thing = Annotated[Plain | Worked | Horned | Page[Plain], strawberry.union("Thing")]


def worked(name: str) -> Worked:
    """Make an object with resolvers."""
    return Worked(name=name, nick=None, number=len(name))


def some_thing(which: int) -> Any:
    """Make something of each type of the union, and of none."""
    things: tuple[Any, ...] = (
        worked("thing"),
        good("thing", 1),
        {"horns": 2},
        Page(items=[good("on a page", 1)], first=None, total=1),
        object(),
        {"tail": 1},
    )
    return things[which % len(things)]
