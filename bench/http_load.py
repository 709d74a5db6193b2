"""HTTP/1.1 load from a few keep-alive connections, each with one request under way at most.

A protocol of our own on bare sockets: a client library would use more CPU than the server does.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import orjson

from bench.processes import BenchError

ANSWER_SECONDS_MAX = 30.0
#: From here on the load program itself decides how fast it goes.
BOTTLENECK_CPU_SHARE = 0.85

Key = TypeVar("Key")


class Connection(asyncio.Protocol):
    """One connection to 127.0.0.1; an answer must say its length, as answers of ASGI servers do."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._ends_at: int | None = None
        self._body_at = 0
        self._answer: asyncio.Future[bytes] | None = None

    @classmethod
    async def open(cls, port: int) -> "Connection":
        """Connect."""
        _, connection = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return connection

    def ask(self, request: bytes) -> "asyncio.Future[bytes]":
        """Send a request; the future gives the body of the answer."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by shape alone.

    def data_received(self, data: bytes) -> None:
        """Collect an answer."""
        self._received += data
        if self._ends_at is None:
            self._read_head()
        if self._ends_at is not None and len(self._received) >= self._ends_at:
            self._conclude(bytes(self._received[self._body_at : self._ends_at]))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("the server hung up"))

    def _read_head(self) -> None:
        head_ends_at = self._received.find(b"\r\n\r\n")
        if head_ends_at < 0:
            return
        head = bytes(self._received[:head_ends_at]).lower()
        _, named, rest = head.partition(b"\r\ncontent-length:")
        assert named, "the answer does not say its length"
        self._body_at = head_ends_at + 4
        self._ends_at = self._body_at + int(rest.partition(b"\r\n")[0])

    def _conclude(self, body: bytes) -> None:
        status = int(self._received[9:12])
        self._received.clear()
        self._ends_at = None
        answer, self._answer = self._answer, None
        assert answer is not None, "an answer that nobody asked for"
        if status == 200:  # noqa: PLR2004 - the one status a GraphQL answer has here.
            answer.set_result(body)
        else:
            answer.set_exception(BenchError(f"answered {status}: {body[:300]!r}"))


@dataclass(frozen=True, slots=True)
class Load:
    """What came of a load."""

    requests: int
    #: Those whose answer was the one hoped for.
    good: int
    seconds: float
    #: Of every request, in seconds, ascending.
    latencies: Sequence[float]
    #: CPU of the load program by wall clock: near 1 it was the bottleneck.
    own_cpu_share: float


async def load(
    port: int,
    calls: Iterator[tuple[Key, bytes]],
    is_good: Callable[[Key, bytes], bool],
    *,
    connections: int,
    seconds_max: float = float("inf"),
) -> Load:
    """Send the calls, each when a connection is free, until they or the seconds are used up."""
    opened = [await Connection.open(port) for _ in range(connections)]
    latencies: list[float] = []
    good = 0
    cpu_before, began = time.process_time(), time.perf_counter()

    async def work(connection: Connection) -> None:
        nonlocal good
        while time.perf_counter() - began < seconds_max:
            call = next(calls, None)
            if call is None:
                return
            key, request = call
            asked = time.perf_counter()
            body = await connection.ask(request)
            latencies.append(time.perf_counter() - asked)
            good += is_good(key, body)

    try:
        await asyncio.gather(*map(work, opened))
        seconds = time.perf_counter() - began
    finally:
        for connection in opened:
            connection.close()
    share = (time.process_time() - cpu_before) / seconds
    return Load(len(latencies), good, seconds, sorted(latencies), share)


async def ask_once(port: int, request: bytes) -> dict[str, Any]:
    """Ask one GraphQL operation and give its data. Raises BenchError when it has errors."""
    connection = await Connection.open(port)
    try:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            return data_of(await connection.ask(request))
    finally:
        connection.close()


def data_of(body: bytes) -> dict[str, Any]:
    """Take the data out of an answer. Raises BenchError when the answer has errors."""
    answer = orjson.loads(body)
    if "errors" in answer:
        raise BenchError(f"GraphQL answered with errors: {orjson.dumps(answer['errors']).decode()}")
    data: dict[str, Any] = answer["data"]
    return data


def graphql_request(
    query: str, variables: dict[str, Any] | None = None, token: str | None = None
) -> bytes:
    """Write a GraphQL request as it goes over the wire."""
    body = orjson.dumps({"query": query, "variables": variables or {}})
    authorization = f"authorization: Bearer {token}\r\n" if token else ""
    head = (
        "POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"accept: application/json\r\n{authorization}content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
