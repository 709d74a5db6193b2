"""The judge: an operation by graphql-core and by its plan, and all in which the two differ.

graphql-core is always right. Compared are the JSON text (so the order of keys, too), the errors
with all that a client or a log sees of them, what resolvers and loaders noted, whether the answer
had to be awaited, and what was left behind: tasks, warnings, complaints of the event loop.
"""

import asyncio
import gc
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields
from typing import Any

import orjson
from graphql import ExecutionResult, GraphQLError
from strawberry.execution import optimized_is_awaitable

from tests.compiled.engines import Ask, Engine, Surroundings

#: The last is what plans are written into.
MACHINERY = ("/graphql/execution/", "/compiled_documents/", "<compiled document>")
ANSWER_SECONDS_MAX = 10.0
#: Where something lives, and which task it is, says nothing about an answer.
_ADDRESS = re.compile(r"(?<= at )0x[0-9a-f]+|(?<=name=')task-\d+", re.IGNORECASE)
#: A plan calls some resolvers without Strawberry's wrapping, and then their coroutines are others.
_COROUTINE = re.compile(r"^coroutine '.*'(?= was never awaited)")
_BEGUN: ContextVar[list[asyncio.Future[Any]] | None] = ContextVar("_BEGUN", default=None)
#: How often the event loop turns before what still runs is said to be left behind.
TURNS_TO_SETTLE = 40


@dataclass(frozen=True)
class Told:
    """What one execution told."""

    data: str
    errors: tuple[str, ...]
    notes: tuple[str, ...]
    #: What `run` itself raised, which it never should.
    raised: str
    waits: bool
    #: What resolvers noted after the answer: siblings of a failure are cancelled, or not.
    afterthoughts: tuple[str, ...]
    tasks_left: int
    complaints: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(
            f"  {one.name}: {_shown(getattr(self, one.name))}"
            for one in fields(self)
            if getattr(self, one.name)
        )


@dataclass(frozen=True)
class Verdict:
    """Two executions of the same operation."""

    expected: Told
    got: Told

    @property
    def differences(self) -> list[str]:
        """Say in what the second differs from the first."""
        return [
            f"{one.name}:\n  expected {_shown(expected)}\n  got      {_shown(got)}"
            for one in fields(Told)
            if (expected := getattr(self.expected, one.name))
            != (got := getattr(self.got, one.name))
            # A plan may be done at once where graphql-core makes tasks of it.
            and not (one.name == "waits" and expected)
        ]


MakeAsk = Callable[[], Ask]


async def judge(
    make_context: Callable[[], Surroundings], ask: Ask | MakeAsk, expected: Engine, got: Engine
) -> Verdict:
    """Run an operation both ways, each in surroundings of its own."""
    make_ask = ask if callable(ask) else lambda: ask
    return Verdict(
        await told(make_context(), make_ask(), expected),
        await told(make_context(), make_ask(), got),
    )


async def told(context: Surroundings, ask: Ask, engine: Engine) -> Told:
    """Run an operation, and write down all that can be seen of it."""
    heard_of = context.notes
    with complaints() as heard, collecting(), own_tasks() as begun:
        result, waits, raised = await _run(context, ask, engine)
        at_the_end = len(heard_of)
        data, errors = json_text(result.data), tuple(map(seen_of, result.errors or ()))
        left = await _settled(begun)
        # Whatever has something to say about being forgotten shall say it now.
        del context, ask, result
    notes = [_ADDRESS.sub("…", note) for note in heard_of]
    return Told(
        data=data,
        errors=errors,
        notes=tuple(notes[:at_the_end]),
        raised=raised,
        waits=waits,
        afterthoughts=tuple(notes[at_the_end:]),
        tasks_left=left,
        complaints=tuple(heard),
    )


async def _run(
    context: Surroundings, ask: Ask, engine: Engine
) -> tuple[ExecutionResult, bool, str]:
    waits = False
    try:
        running: Any = engine(ask, context)
        waits = optimized_is_awaitable(running)
        if waits:
            running = await asyncio.wait_for(running, ANSWER_SECONDS_MAX)
    except Exception as problem:  # noqa: BLE001 - whatever it is, the other way must do the same.
        return ExecutionResult(None, None), waits, repr(problem)
    assert isinstance(running, ExecutionResult), type(running)
    return running, waits, ""


async def _settled(begun: list[asyncio.Future[Any]]) -> int:
    """Let what goes on in the background come to its end; count what does not."""
    for _ in range(TURNS_TO_SETTLE):
        if all(task.done() for task in begun):
            break
        await asyncio.sleep(0)
    return sum(not task.done() for task in begun)


@contextmanager
def own_tasks() -> Iterator[list[asyncio.Future[Any]]]:
    """List the tasks that are begun from here, and by them; not those of anybody else."""
    loop, begun = asyncio.get_running_loop(), list[asyncio.Future[Any]]()
    factory, before = loop.get_task_factory(), _BEGUN.set(begun)

    def make(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> Any:
        task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **options)
        if _BEGUN.get() is begun:
            begun.append(task)
        return task

    loop.set_task_factory(make)
    try:
        yield begun
    finally:
        loop.set_task_factory(factory)
        _BEGUN.reset(before)
        begun.clear()  # Their exceptions keep alive what they came from.


@contextmanager
def collecting() -> Iterator[None]:
    """Collect garbage at the end and not before: what it complains of belongs to this execution."""
    gc.disable()
    try:
        yield
    finally:
        gc.collect(0)
        gc.enable()


@contextmanager
def complaints() -> Iterator[list[str]]:
    """Write down warnings, and what the event loop has to say of lost exceptions."""
    heard: list[str] = []
    loop = asyncio.get_running_loop()
    handler = loop.get_exception_handler()
    loop.set_exception_handler(lambda _loop, context: heard.append(context["message"]))
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            yield heard
        finally:
            loop.set_exception_handler(handler)
            heard.extend(
                _ADDRESS.sub("…", _COROUTINE.sub("a coroutine", str(warning.message)))
                for warning in warned
                if not _is_machinery(warning.source)
            )
            # A warning holds the coroutine that it is about, which warns again when let go of.
            warnings.simplefilter("ignore")
            warned.clear()


def _is_machinery(source: Any) -> bool:
    """Tell a coroutine of graphql-core or of a plan: whose it is may differ, not what it ran."""
    code = getattr(source, "cr_code", None)
    return code is not None and any(folder in code.co_filename for folder in MACHINERY)


def json_text(data: Any) -> str:
    """Write data as a transport does; what cannot be written is compared by how it looks."""
    try:
        text = orjson.dumps(data).decode()
    except TypeError as problem:
        text = f"{problem}: {data!r}"
    return _ADDRESS.sub("…", text)


def seen_of(error: GraphQLError) -> str:
    """Put down what clients and logs see of an error, in the order in which it is written."""
    cause = error.original_error
    causes = [type(cause).__name__, str(cause)] if cause else []
    shown = [dict(error.formatted), causes, [node.kind for node in error.nodes or ()]]
    return json_text(shown)


def _shown(value: Any) -> str:
    return "\n    ".join(map(str, value)) if isinstance(value, tuple) else str(value)
