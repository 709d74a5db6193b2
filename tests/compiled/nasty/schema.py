"""The nasty schema: everything that a resolver may do, and much that it should not."""

import asyncio
from collections.abc import AsyncGenerator

import strawberry
from graphql import GraphQLSchema
from strawberry.schema.config import StrawberryConfig

from onsale.graphql.served_schema import ServedSchema
from tests.compiled.nasty.plain import Page, Plain, flavoured
from tests.compiled.nasty.scalars import SCALARS, Flavour, Way
from tests.compiled.nasty.ways import Fault, given, later, waited_for
from tests.compiled.nasty.worked import (
    Allowed,
    Bird,
    Cat,
    Info,
    Thing,
    Worked,
    everything_about,
    some_thing,
    worked,
)


@strawberry.type
class NastyQuery:
    @strawberry.field
    def worked(self, info: Info, way: Way = Way.NOW) -> Worked | None:
        info.context.note("worked", self is None, way)
        return given(way, worked("worked"))

    @strawberry.field
    def sure(self, way: Way = Way.NOW) -> Worked:
        return given(way, worked("sure"))

    @strawberry.field
    async def waited(self, way: Way = Way.LATER) -> Worked | None:
        return await waited_for(given(way, worked("waited")))

    @strawberry.field
    def plain(self, flavour: Flavour = Flavour.GOOD) -> Plain | None:
        return flavoured(flavour)

    @strawberry.field
    def sure_plain(self, flavour: Flavour = Flavour.GOOD) -> Plain:
        return flavoured(flavour)

    @strawberry.field
    def plains(self, flavours: list[Flavour] = [Flavour.GOOD]) -> list[Plain | None]:
        return [flavoured(flavour) for flavour in flavours]

    @strawberry.field
    def page(self, flavours: list[Flavour] = [Flavour.GOOD]) -> Page[Plain] | None:
        items = [flavoured(flavour) for flavour in flavours]
        return Page(items=items, first=items[0] if items else None, total=len(items))

    @strawberry.field
    def thing(self, which: int = 0) -> Thing | None:
        thing: Thing = some_thing(which)
        return thing

    @strawberry.field
    def must(self, way: Way = Way.NOW) -> str:
        return given(way, "must")

    @strawberry.field
    def text(self, way: Way = Way.NOW) -> str | None:
        return given(way, "text")


@strawberry.type
class NastyMutation:
    @strawberry.mutation
    async def add(self, info: Info, number: int = 1, way: Way = Way.LATER) -> int | None:
        before = info.context.total
        info.context.note("add", number, before)
        await asyncio.sleep(0)
        info.context.total = before + number
        return await waited_for(given(way, info.context.total, "no number"))

    @strawberry.mutation
    def must_add(self, info: Info, number: int = 1, way: Way = Way.NOW) -> int:
        info.context.note("must add", number, info.context.total)
        info.context.total += number
        return given(way, info.context.total)

    @strawberry.mutation
    async def work(self, info: Info, name: str = "made") -> Worked:
        info.context.note("work", name)
        return await later(worked(name), 2)

    @strawberry.mutation(permission_classes=[Allowed])
    def guarded(self, info: Info, allowed: bool = True) -> Plain | None:
        info.context.note("guarded mutation", allowed)
        return flavoured(Flavour.GOOD)


@strawberry.type
class NastySubscription:
    @strawberry.subscription
    async def flavours(
        self, flavours: list[Flavour] = [Flavour.GOOD, Flavour.NAMELESS]
    ) -> AsyncGenerator[Plain | None]:
        for flavour in flavours:
            await asyncio.sleep(0)
            yield flavoured(flavour)

    @strawberry.subscription
    async def things(self, count: int = 6) -> AsyncGenerator[Thing]:
        for which in range(min(count, 6)):
            yield some_thing(which)

    @strawberry.subscription
    async def workers(self, info: Info, count: int = 2) -> AsyncGenerator[Worked]:
        info.context.note("subscribed", everything_about(info))
        for number in range(min(count, 3)):
            yield worked(f"event {number}")

    @strawberry.subscription
    async def numbers(self, faulty: bool = False) -> AsyncGenerator[int]:
        yield 1
        yield None if faulty else 2  # type: ignore[misc]
        if faulty:
            raise Fault("the source broke")


def make_schema() -> GraphQLSchema:
    """Make the schema."""
    return ServedSchema(
        NastyQuery,
        mutation=NastyMutation,
        subscription=NastySubscription,
        types=[Cat, Bird],
        config=StrawberryConfig(scalar_map=SCALARS),
    )._schema
