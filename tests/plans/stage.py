"""A small schema with one of each kind of field, and what is seen of it from outside."""

import asyncio
import enum
from collections.abc import AsyncGenerator, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import strawberry
from graphql import ExecutionResult, parse, validate
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from compiled_documents import Plan, Plans


@strawberry.enum
class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@strawberry.type
class Row:
    name: str


@strawberry.type
class Chair:
    number: int
    height: float | None
    colour: Colour
    row: Row


@dataclass
class Chairs(Sequence[Chair]):
    """Chairs by column, in blocks; it is seen which columns and objects are asked for."""

    chairs: list[Chair]
    versions: list[int]
    by_column: bool = True
    block: int = 2
    asked: list[str] = field(default_factory=list)
    made: int = 0

    def __len__(self) -> int:
        return len(self.chairs)

    def __getitem__(self, index: Any) -> Any:
        return self.chairs[index]

    def __iter__(self) -> Iterator[Chair]:
        self.made += len(self.chairs)
        return iter(self.chairs)

    def column(self, attribute: str) -> list[Any] | None:
        self.asked.append(attribute)
        return [getattr(chair, attribute) for chair in self.chairs] if self.by_column else None

    def blocks(self) -> Iterator[tuple[Hashable, int, int]]:
        for block, version in enumerate(self.versions):
            start = self.block * block
            yield (block, version), start, min(start + self.block, len(self.chairs))


@dataclass
class Scene:
    """The context of an operation."""

    chairs: Chairs | None = None
    infos: list[Any] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)


Info = strawberry.Info[Scene, None]


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "world") -> str:
        return f"hello {name}"

    @strawberry.field
    async def soon(self) -> str:
        await asyncio.sleep(0)
        return "now"

    @strawberry.field
    def told(self, info: Info, what: list[int] | None = None) -> str | None:
        info.context.infos.append(info)
        return None if what is None else str(what)

    @strawberry.field
    def fails(self) -> str | None:
        raise ValueError("no")

    @strawberry.field
    def chairs(self, info: Info) -> list[Chair]:
        return info.context.chairs  # type: ignore[return-value]

    @strawberry.field
    async def chairs_soon(self, info: Info) -> list[Chair]:
        return info.context.chairs  # type: ignore[return-value]

    @strawberry.field
    def inner(self) -> "Query":
        return Query()


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def do(self, info: Info, what: str) -> str:
        info.context.calls.append(f"begin {what}")
        await asyncio.sleep(0)
        info.context.calls.append(f"end {what}")
        return what


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def rows(self) -> AsyncGenerator[Row]:
        yield Row(name="A")


schema = strawberry.Schema(Query, Mutation, Subscription)._schema
Executor = StrawberryGraphQLCoreExecutionContext


class Counted(Executor):
    """Counts the fields that graphql-core executes."""

    executed = 0

    def execute_field(self, *args: Any) -> Any:
        type(self).executed += 1
        return super().execute_field(*args)


def plans(**options: Any) -> Plans:
    return Plans(schema, Counted, **options)


def plan(text: str, made_by: Plans | None = None) -> Plan:
    document = parse(text)
    assert not validate(schema, document)
    return (made_by or plans()).plan(document, None)


async def run(plan: Plan, context: Any = None, **variables: Any) -> ExecutionResult:
    result = plan.run(variables, context or Scene())
    return result if isinstance(result, ExecutionResult) else await result


async def is_compiled(plan: Plan, context: Any = None, **variables: Any) -> bool:
    """Run an operation, and tell whether graphql-core had nothing to do."""
    Counted.executed = 0
    await run(plan, context, **variables)
    return Counted.executed == 0


def plain(result: ExecutionResult) -> Any:
    assert result.errors is None
    return orjson.loads(orjson.dumps(result.data))
