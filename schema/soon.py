"""Things that are mostly at hand, and sometimes have to be fetched first.

What is hot is kept in memory. A resolver that waits for it all the same costs a task and a turn of
the event loop, several times what its answer costs. So such a resolver is no coroutine: it answers
at once, or with something to wait for; GraphQL takes either.
"""

from collections.abc import Awaitable, Callable, Coroutine
from types import CoroutineType
from typing import Any, TypeAlias, TypeVar

import strawberry
from typing_extensions import TypeIs

T = TypeVar("T")
R = TypeVar("R")

#: A thing, or what will give it.
Soon: TypeAlias = T | Coroutine[Any, Any, T]


def then(thing: Soon[T], use: Callable[[T], Soon[R]]) -> Soon[R]:
    """Use a thing: at once when it is here, else when it has come."""
    return _when_here(thing, use) if _is_coming(thing) else use(thing)


async def here(thing: Soon[T]) -> T:
    """Wait for a thing, if it has to be waited for."""
    return await thing if _is_coming(thing) else thing


def _is_coming(thing: Soon[T]) -> TypeIs[Coroutine[Any, Any, T]]:
    return isinstance(thing, CoroutineType)


async def _when_here(thing: Awaitable[T], use: Callable[[T], Soon[R]]) -> R:
    return await here(use(await thing))


def soon_field(graphql_type: Any) -> Callable[[Callable[..., Any]], Any]:
    """Make a resolver that gives `Soon` of a type the field of that type: in place of `field`."""

    def decorate(resolver: Callable[..., Any]) -> Any:
        return strawberry.field(resolver, graphql_type=graphql_type)

    return decorate
