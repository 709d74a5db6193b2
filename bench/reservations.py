"""Reservations end to end: onsale and the baseline sell two random seats at a time, over HTTP.

Each round shuffles the seats and deals them out in pairs, one pair to a buyer, so that nobody asks
for what somebody else has. A reservation counts when the answer has one and no errors, and after
each round the server must say that as many seats are held as were counted.
"""

import random
from collections.abc import Iterator, Sequence
from typing import Protocol

from bench import onsale_api
from bench.baseline_api import BaselineSeats
from bench.figures import Figures
from bench.http_load import load
from bench.onsale_api import Arena
from bench.postgres import Postgres
from bench.processes import BenchError, Server
from bench.web_socket import Subscriber

SEATS_A_RESERVATION = 2


class Seller(Protocol):
    """Whoever sells seats."""

    async def sell(self, connections: int, seconds: float) -> Figures:
        """Sell for so long to so many at once."""


class OnsaleSeller:
    """Sells on onsale: guests known by their tokens, limits, a live map that somebody watches."""

    def __init__(
        self, server: Server, postgres: Postgres, arena: Arena, tokens: Sequence[str]
    ) -> None:
        self._server = server
        self._postgres = postgres
        self._arena = arena
        self._tokens = tokens
        self._made: list[tuple[str, str]] = []

    async def sell(self, connections: int, seconds: float) -> Figures:
        """Sell for so long, or until every buyer has a reservation; then give it all back."""
        watcher = await Subscriber.open(
            self._server.port, onsale_api.WATCH, {"eventId": self._arena.id}
        )
        try:
            figures = await self._measure(connections, seconds)
        finally:
            watcher.close()
        await self._check()
        await self._give_back(connections)
        return figures

    async def _measure(self, connections: int, seconds: float) -> Figures:
        server_cpu, postgres_cpu = self._server.cpu_seconds(), self._postgres.cpu_seconds()
        sold = await load(
            self._server.port,
            self._calls(),
            self._is_made,
            connections=connections,
            seconds_max=seconds,
        )
        server_cpu = self._server.cpu_seconds() - server_cpu
        return Figures.of(sold, server_cpu, self._postgres.cpu_seconds() - postgres_cpu)

    def _calls(self) -> Iterator[tuple[str, bytes]]:
        pairs = deal(self._arena.seats)
        for token, pair in zip(self._tokens, pairs, strict=False):
            yield token, onsale_api.reserve(self._arena, token, pair)

    def _is_made(self, token: str, body: bytes) -> bool:
        reservation = onsale_api.payload_of(body, "reserveSeats")
        if reservation is not None:
            self._made.append((token, reservation["id"]))
        return reservation is not None

    async def _check(self) -> None:
        held = await onsale_api.count_held(self._server.port, self._arena)
        if held != len(self._made) * SEATS_A_RESERVATION:
            raise BenchError(f"{len(self._made)} reservations were counted but {held} seats held.")

    async def _give_back(self, connections: int) -> None:
        given_back = await load(
            self._server.port,
            onsale_api.cancellations(self._made),
            lambda _, body: onsale_api.payload_of(body, "cancelReservation") is not None,
            connections=connections,
        )
        if given_back.good != len(self._made):
            raise BenchError(f"Of {len(self._made)} reservations {given_back.good} were cancelled.")
        self._made.clear()


class BaselineSeller:
    """Sells on the baseline."""

    def __init__(self, server: Server, postgres: Postgres, seats: BaselineSeats) -> None:
        self._server = server
        self._postgres = postgres
        self._seats = seats

    async def sell(self, connections: int, seconds: float) -> Figures:
        """Sell for so long, on seats that are all free."""
        await self._seats.free()
        server_cpu, postgres_cpu = self._server.cpu_seconds(), self._postgres.cpu_seconds()
        sold = await load(
            self._server.port,
            ((None, self._seats.reserve(pair)) for pair in deal(range(self._seats.count))),
            lambda _, body: self._seats.is_made(body),
            connections=connections,
            seconds_max=seconds,
        )
        server_cpu = self._server.cpu_seconds() - server_cpu
        figures = Figures.of(sold, server_cpu, self._postgres.cpu_seconds() - postgres_cpu)
        held = await self._seats.count_held(self._server.port)
        if held != sold.good * SEATS_A_RESERVATION:
            raise BenchError(f"The baseline counted {sold.good} but holds {held} seats.")
        return figures


def deal(seats: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Shuffle the seats and deal them out in pairs."""
    shuffled = random.sample(seats, len(seats))
    return zip(shuffled[::2], shuffled[1::2], strict=False)
