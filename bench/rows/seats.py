"""20,000 seats as ordinary objects of seven fields, beside others who answer the same."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

import orjson

from bench import onsale_api
from bench.figures import Measured, Round
from bench.http_client import ask_once, data_of
from bench.load.http import HttpLoad
from bench.onsale_api import Event
from bench.processes import BenchError, Server
from bench.reading import Reader
from bench.row import Bound, Column, Goal, Medians, Row
from bench.selling import Made, cancel_all, reserve_all
from bench.stage import Stage

CONNECTIONS = 2
CHANGED_SHARE = 0.05
SEATS_A_BUYER = 4
#: Until changes have reached the board, a tick has told of them, and the sockets are closed.
CHANGED_SECONDS = 0.3

WARM, COLD = "onsale, nothing changed", "onsale, first answer of a new server"
SOME, ALL = "onsale, 5 % of the seats changed", "onsale, a seat of every section changed"
MERCURIUS, YOGA, BARE = "Mercurius with JIT", "GraphQL Yoga", "prepared bytes, bare Starlette"

#: A buyer's token, and the seats that are reserved and given back.
Wish = tuple[str, Sequence[int]]
Read = Callable[[], Awaitable[Round]]


class ChangingReader:
    """Lets seats be reserved and given back in turn, and asks for the map after each change."""

    def __init__(
        self, server: Server, arena: Event, load: HttpLoad, wishes: Sequence[Wish]
    ) -> None:
        self._server = server
        self._arena = arena
        self._load = load
        self._wishes = wishes
        self._made: list[Made] = []

    async def read(self, times: int) -> Round:
        """Change the seats an even number of times, and ask after each."""
        held = await onsale_api.count_held(self._server.port, self._arena)
        answers = []
        for _ in range(times):
            await self._change()
            await self._check(held)
            answers.append(await answer_once(self._server, self._load, self._arena))
        return {name: sum(one[name] for one in answers) / times for name in answers[0]}

    async def _change(self) -> None:
        if self._made:
            await cancel_all(self._load, self._made)
            self._made = []
        else:
            self._made = await reserve_all(self._load, self._arena, self._wishes)
        await asyncio.sleep(CHANGED_SECONDS)

    async def _check(self, held_before: int) -> None:
        """See that the server shows the change. Raises BenchError."""
        changed = sum(len(seats) for _, seats in self._wishes) if self._made else 0
        held = await onsale_api.count_held(self._server.port, self._arena) - held_before
        if held != changed:
            raise BenchError(f"{changed} seats were changed, but {held} are held.")


async def answer_once(server: Server, load: HttpLoad, arena: Event) -> Round:
    """Ask for the map once, and count what that took."""
    cpu = server.cpu_seconds()
    outcome = await load.run([onsale_api.seats_request(arena)])
    cpu = server.cpu_seconds() - cpu
    (_, body), *_ = outcome.bodies()
    data_of(body)
    milliseconds = outcome.latencies[0] * 1e3
    return {"p50_ms": milliseconds, "server_cpu_ms": cpu * 1e3, "bytes": len(body)}


async def measure(stage: Stage) -> Measured:
    """Let everybody answer in turn."""
    measured: Measured = {}
    async with AsyncExitStack() as open_until_then:
        readers = await _readers(stage, open_until_then)
        for _ in range(stage.plan.rounds):
            for name, read in readers.items():
                await stage.settle()
                stage.record(measured, name, await read())
    return measured


async def _readers(stage: Stage, open_until_then: AsyncExitStack) -> dict[str, Read]:
    """Start the peers with what onsale answers, and see that they answer the same."""
    arena = await onsale_api.find_arena(stage.server.port)
    request = onsale_api.seats_request(arena)
    answer = await ask_once(stage.server.port, request)
    event = data_of(answer)["event"]
    seats = stage.folder / "seats.json"
    seats.write_bytes(orjson.dumps(event))
    enter = open_until_then.enter_context
    servers = {
        WARM: stage.server,
        BARE: enter(stage.bare("bare-seats", answer)),
        MERCURIUS: enter(stage.node("mercurius", "mercurius.mjs", seats)),
    }
    if stage.plan.is_whole:
        servers[YOGA] = enter(stage.node("yoga", "yoga.mjs", seats))
    readers: dict[str, Read] = {}
    for name, server in servers.items():
        load = await open_until_then.enter_async_context(stage.http_load(server.port, CONNECTIONS))
        theirs = await ask_once(server.port, request)
        if data_of(theirs)["event"] != event:
            raise BenchError(f"{name} does not answer with the same seats.")
        reader = Reader(server, request, theirs, load)
        readers[name] = _reading(reader, stage.plan.reading_seconds)
    load = await open_until_then.enter_async_context(stage.http_load(stage.server.port, 1))
    for name, wishes in (
        (SOME, await _neighbours(stage, arena)),
        (ALL, await _one_of_each(stage, arena)),
    ):
        changing = ChangingReader(stage.server, arena, load, wishes)
        readers[name] = _changing(changing, stage.plan.changed_maps)
    if stage.plan.is_whole:
        readers[COLD] = lambda: _first_answer(stage, arena)
    return readers


def _reading(reader: Reader, seconds: float) -> Read:
    async def read() -> Round:
        found = await reader.read(seconds)
        return found | {"server_cpu_ms": found["server_cpu_us"] / 1e3}

    return read


def _changing(reader: ChangingReader, times: int) -> Read:
    return lambda: reader.read(times)


async def _first_answer(stage: Stage, arena: Event) -> Round:
    """Ask a new server process, which has answered the same question about a smaller event."""
    small = min(await onsale_api.find_events(stage.server.port), key=lambda one: one.seat_count)
    with stage.another_onsale("onsale-cold") as server:
        async with stage.http_load(server.port, 1) as load:
            await answer_once(server, load, small)
            await stage.settle()
            return await answer_once(server, load, arena)


async def _neighbours(stage: Stage, arena: Event) -> list[Wish]:
    """Choose so many seats as lie beside each other, section after section."""
    seats = arena.seats[: int(arena.seat_count * CHANGED_SHARE)]
    parts = [seats[first : first + SEATS_A_BUYER] for first in range(0, len(seats), SEATS_A_BUYER)]
    return list(zip(await stage.guests(len(parts)), parts, strict=True))


async def _one_of_each(stage: Stage, arena: Event) -> list[Wish]:
    """Choose the last free seat of each section: all of the map is to be encoded anew."""
    seats = [section[-1] for section in arena.sections if section]
    tokens = await stage.guests(len(seats))
    return [(token, [seat]) for token, seat in zip(tokens, seats, strict=True)]


def _cpu(name: str, other: str) -> Callable[[Medians], float]:
    return lambda medians: medians[name]["server_cpu_ms"] / medians[other]["server_cpu_ms"]


SEATS = Row(
    name="seats",
    title="20,000 seats as objects of 7 fields",
    columns=(
        Column("server_cpu_ms", "server CPU ms", ",.2f"),
        Column("p50_ms", "p50 ms", ",.1f"),
        Column("rate", "a second"),
        Column("bytes", "bytes"),
    ),
    goals=(
        Goal(
            "the CPU of Mercurius with JIT, 5 % of the seats changed",
            Bound.AT_MOST,
            0.5,
            None,
            " times",
            _cpu(SOME, MERCURIUS),
        ),
        Goal(
            "the CPU of Mercurius with JIT, every section changed",
            Bound.AT_MOST,
            0.5,
            None,
            " times",
            _cpu(ALL, MERCURIUS),
        ),
        Goal(
            "of CPU, every section changed",
            Bound.AT_MOST,
            8,
            None,
            " ms",
            lambda medians: medians[ALL]["server_cpu_ms"],
        ),
        Goal(
            "the CPU of prepared bytes, nothing changed (the goal after that)",
            Bound.AT_MOST,
            2,
            None,
            " times",
            _cpu(WARM, BARE),
        ),
    ),
    measure=measure,
    note=(
        "The same seats in every answer, compared field by field; JavaScript writes 432 where"
        " Python writes 432.0. The map that changed and the first answer are asked for once each"
        " time, so they have no rate. The first answer of a new server includes what it reads from"
        " the database; it has no goal."
    ),
)
