"""A plain HTTP/1.1 client for what is asked beside the load: one keep-alive connection.

A protocol of our own on a bare socket: changes are timed with it, and it has to be quick.
"""

import asyncio
from typing import Any, cast

import orjson

from bench.processes import BenchError

ANSWER_SECONDS_MAX = 30.0
SUCCESS = 200


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

    async def ask(self, request: bytes) -> bytes:
        """Send a request; give the body of the answer. Raises BenchError when it has none."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                return await self._answer
        except (TimeoutError, OSError) as fault:
            raise BenchError(f"A server does not answer: {fault!r}") from None

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
        if answer is None or answer.done():
            return  # Whoever asked has stopped waiting.
        if status == SUCCESS:
            answer.set_result(body)
        else:
            answer.set_exception(BenchError(f"answered {status}: {body[:300]!r}"))


async def ask_once(port: int, request: bytes) -> bytes:
    """Ask on a connection of its own."""
    connection = await Connection.open(port)
    try:
        return await connection.ask(request)
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
    return post("/graphql", body, f"accept: application/json\r\n{authorization}")


def post(path: str, body: bytes, headers: str = "") -> bytes:
    """Write a POST of JSON."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"{headers}content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
