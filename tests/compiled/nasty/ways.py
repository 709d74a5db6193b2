"""How a resolver gives its value: at once, later, as something odd, or not at all."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from typing import Any, TypeVar

from graphql import GraphQLError, Source, Undefined

from tests.compiled.nasty.scalars import Row, Way

Value = TypeVar("Value")

#: How often the event loop turns for what is slow: longer than any sibling.
SLOW_TURNS = 6


class Fault(Exception):  # noqa: N818 - it is told by its message.
    """A fault on purpose."""


class CodedFault(Exception):  # noqa: N818
    """A fault that brings extensions, as graphql-core takes them over."""

    extensions = {"code": "FAULT", "depth": [1, 2]}  # noqa: RUF012 - as others write it.


class Awaited:
    """Neither coroutine nor future, and awaitable all the same."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __await__(self) -> Generator[Any, None, Any]:
        yield
        return self._value


async def later(value: Value, turns: int = 1) -> Value:
    """Give the value after some turns of the event loop."""
    for _ in range(turns):
        await asyncio.sleep(0)
    return value


async def raising(problem: BaseException, turns: int = 1) -> Any:
    """Raise after some turns."""
    for _ in range(turns):
        await asyncio.sleep(0)
    raise problem


def _future(value: Any) -> Awaitable[Any]:
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_result, value)
    return future


def _raise(problem: BaseException) -> Any:
    raise problem


def _located() -> GraphQLError:
    """Make an error that says itself where it comes from."""
    return GraphQLError("elsewhere", source=Source("{ elsewhere }"), positions=[2], path=["other"])


Give = Callable[[Any, Any], Any]

WAYS: dict[Way, Give] = {
    Way.NOW: lambda good, _: good,
    Way.LATER: lambda good, _: later(good),
    Way.SLOWLY: lambda good, _: later(good, SLOW_TURNS),
    Way.AS_TASK: lambda good, _: asyncio.ensure_future(later(good)),
    Way.AS_FUTURE: lambda good, _: _future(good),
    Way.AS_AWAITABLE: lambda good, _: Awaited(good),
    Way.NOTHING: lambda _good, _: None,
    Way.NOTHING_LATER: lambda _good, _: later(None),
    Way.RAISES: lambda _good, _: _raise(Fault("raised")),
    Way.RAISES_LATER: lambda _good, _: raising(Fault("raised later")),
    Way.RAISES_SLOWLY: lambda _good, _: raising(Fault("raised slowly"), SLOW_TURNS),
    Way.RAISES_GRAPHQL: lambda _good, _: _raise(
        GraphQLError("refused", extensions={"code": "REFUSED"})
    ),
    Way.RAISES_LOCATED: lambda _good, _: _raise(_located()),
    Way.RAISES_WITH_EXTENSIONS: lambda _good, _: _raise(CodedFault("coded")),
    Way.GIVES_EXCEPTION: lambda _good, _: Fault("given"),
    Way.GIVES_EXCEPTION_LATER: lambda _good, _: later(Fault("given later")),
    Way.WRONG: lambda _good, wrong: wrong,
    Way.WRONG_LATER: lambda _good, wrong: later(wrong),
    Way.GIVES_AWAITABLE_LATER: lambda good, _: later(Awaited(good)),
    Way.UNDEFINED: lambda _good, _: Undefined,
    Way.STOPS_ITERATION: lambda _good, _: _raise(StopIteration("stopped")),
}


def given(way: Way, good: Value, wrong: Any = None) -> Value:
    """Give `good` in the way that is asked, or what is wrong with it: the type is a promise."""
    value: Value = WAYS[way](good, wrong)
    return value


async def waited_for(value: Value) -> Value:
    """Give what comes of it, when it is to be waited for."""
    waited: Value = (await value) if isinstance(value, Awaitable) else value
    return waited


async def _slowly(items: list[Any]) -> AsyncIterator[Any]:
    for item in items:
        await asyncio.sleep(0)
        yield item


async def _slowly_breaking(items: list[Any]) -> AsyncIterator[Any]:
    for item in items:
        yield item
        await asyncio.sleep(0)
    raise Fault("the asynchronous generator broke")


def _breaking(items: list[Any]) -> Iterator[Any]:
    yield from items
    raise Fault("the generator broke")


ROWS: dict[Row, Callable[[list[Any], Any], Any]] = {
    Row.LIST: lambda items, _: items,
    Row.TUPLE: lambda items, _: tuple(items),
    Row.GENERATOR: lambda items, _: (item for item in items),
    Row.ASYNC_GENERATOR: lambda items, _: _slowly(items),
    Row.SET: lambda items, _: set(items[:1]),
    Row.DICT_KEYS: lambda items, _: dict.fromkeys(items).keys(),
    Row.EMPTY: lambda _items, _: [],
    Row.LATER_ITEMS: lambda items, _: [later(item, n) for n, item in enumerate(items)],
    Row.SOME_LATER_ITEMS: lambda items, _: [*items, later(items[0]), items[0]],
    Row.NOTHING_INSIDE: lambda items, _: [items[0], None, *items],
    Row.RAISING_ITEM: lambda items, _: [*items, raising(Fault("an item")), later(items[0])],
    Row.SLOWLY_RAISING_ITEM: lambda items, _: [
        later(items[0], SLOW_TURNS),
        raising(Fault("a slow item"), SLOW_TURNS),
        *items,
    ],
    Row.EXCEPTION_INSIDE: lambda items, _: [items[0], Fault("inside"), *items],
    Row.WRONG_ITEM: lambda items, wrong: [*items, wrong, *items],
    Row.BREAKING_GENERATOR: lambda items, _: _breaking(items),
    Row.BREAKING_ASYNC_GENERATOR: lambda items, _: _slowly_breaking(items),
    Row.NO_LIST: lambda _items, _: 5,
    Row.TEXT: lambda _items, _: "text",
    Row.TWO_FAULTS: lambda items, wrong: [wrong, *items, Fault("the second"), None],
    Row.FAULT_BEFORE_LATER_ITEMS: lambda items, _: [
        later(items[0]),
        None,
        later(items[-1]),
        raising(Fault("after the first")),
    ],
    Row.LATER_FAULT_AND_LATER_ITEMS: lambda items, wrong: [
        later(items[0], 3),
        later(wrong, 2),
        raising(Fault("after the first"), 4),
        later(items[-1], SLOW_TURNS),
    ],
}


def row_of(row: Row, items: list[Value], wrong: Any = None) -> list[Any]:
    """Give the items as the kind of list that is asked: that it is one is a promise, too."""
    value: list[Value] = ROWS[row](items, wrong)
    return value
