"""All events of a subscription share one context, so a DataLoader in it tells old news.

The loader remembers what it loaded for the first event, and answers the hundredth from memory.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import strawberry
from strawberry.dataloader import DataLoader

STATES = ["free", "held", "sold"]
world = {"moment": 0}


async def load(keys: list[int]) -> list[str]:
    return [STATES[world["moment"]] for _ in keys]


@strawberry.type
class Seat:
    @strawberry.field
    async def state(self, info: strawberry.Info[Any, None]) -> str:
        state: str = await info.context["seats"].load(1)
        return state


@strawberry.type
class Query:
    @strawberry.field
    def hello(self) -> str:
        return "world"


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def seat(self) -> AsyncGenerator[Seat]:
        for moment in range(3):
            world["moment"] = moment
            yield Seat()


async def follow() -> list[str]:
    schema = strawberry.Schema(Query, subscription=Subscription)
    context = {"seats": DataLoader(load_fn=load)}
    stream = await schema.subscribe("subscription { seat { state } }", context_value=context)
    return [result.data["seat"]["state"] async for result in stream]  # type: ignore[union-attr]


happens = asyncio.run(follow())

print("expected:", STATES)
print("happens: ", happens)
assert happens == ["free"] * 3, "mended"
