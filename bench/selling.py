"""Reservations end to end: everybody who sells two random seats at a time, and gives them back.

Each round shuffles the seats and deals them out in pairs, one pair to a buyer, so that nobody asks
for what somebody else has. A reservation counts when the answer has one and no errors, and after
each round the server must say that as many seats are held as were counted.
"""

import asyncio
import random
import time
from collections.abc import Iterator, Sequence

from bench import onsale_api
from bench.baseline.asking import BaselineSeats
from bench.figures import Round, figures_of
from bench.load.http import HttpLoad, Outcome
from bench.onsale_api import Event
from bench.postgres import Postgres
from bench.processes import BenchError, Server

SEATS_A_RESERVATION = 2
#: Every screen shows the truth within a second, on a machine that is ours.
BEHIND_SECONDS_MAX = 5.0

#: A buyer's token and the id of the reservation.
Made = tuple[str, str]


class OnsaleSeller:
    """Sells on onsale: guests known by their tokens, with limits, to as many as connect."""

    def __init__(
        self,
        server: Server,
        postgres: Postgres,
        event: Event,
        tokens: Sequence[str],
        load: HttpLoad,
    ) -> None:
        self._server = server
        self._postgres = postgres
        self._event = event
        self._tokens = tokens
        self._load = load
        self._made: list[Made] = []

    async def sell(self, seconds: float) -> Round:
        """Sell for so long, or until every buyer has a reservation; then give it all back."""
        held = await onsale_api.count_held(self._server.port, self._event)
        server_cpu, postgres_cpu = self._server.cpu_seconds(), self._postgres.cpu_seconds()
        outcome = await self._load.run(self._requests(), seconds)
        server_cpu = self._server.cpu_seconds() - server_cpu
        postgres_cpu = self._postgres.cpu_seconds() - postgres_cpu
        self._made = list(self._reservations(outcome))
        await self._check(held)
        await cancel_all(self._load, self._made)
        return figures_of(outcome, len(self._made), server_cpu, postgres_cpu)

    def _requests(self) -> Iterator[bytes]:
        for token, pair in zip(self._tokens, deal(self._event.seats), strict=False):
            yield onsale_api.reserve(self._event, token, pair)

    def _reservations(self, outcome: Outcome) -> Iterator[Made]:
        for request, body in outcome.bodies():
            reservation = onsale_api.reservation_of(body, "reserveSeats")
            if reservation is not None:
                yield self._tokens[request], reservation["id"]

    async def _check(self, held_before: int) -> None:
        """See that the server holds what was counted; another worker's screen may be behind."""
        counted, until = (
            len(self._made) * SEATS_A_RESERVATION,
            time.monotonic() + BEHIND_SECONDS_MAX,
        )
        while True:
            held = await onsale_api.count_held(self._server.port, self._event) - held_before
            if held == counted:
                return
            if time.monotonic() > until:
                raise BenchError(f"{counted} seats were counted as reserved, but {held} are held.")
            await asyncio.sleep(0.1)


class BaselineSeller:
    """Sells on the baseline."""

    def __init__(
        self, server: Server, postgres: Postgres, seats: BaselineSeats, load: HttpLoad
    ) -> None:
        self._server = server
        self._postgres = postgres
        self._seats = seats
        self._load = load

    async def sell(self, seconds: float) -> Round:
        """Sell for so long, on seats that are all free."""
        await self._seats.free()
        requests = [self._seats.reserve(pair) for pair in deal(range(self._seats.count))]
        server_cpu, postgres_cpu = self._server.cpu_seconds(), self._postgres.cpu_seconds()
        outcome = await self._load.run(requests, seconds)
        server_cpu = self._server.cpu_seconds() - server_cpu
        postgres_cpu = self._postgres.cpu_seconds() - postgres_cpu
        good = sum(self._seats.is_made(body) for _, body in outcome.bodies())
        held = await self._seats.count_held(self._server.port)
        if held != good * SEATS_A_RESERVATION:
            raise BenchError(f"The baseline counted {good} but holds {held} seats.")
        return figures_of(outcome, good, server_cpu, postgres_cpu)


def deal(seats: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Shuffle the seats and deal them out in pairs."""
    shuffled = random.sample(seats, len(seats))
    return zip(shuffled[::2], shuffled[1::2], strict=False)


async def reserve_all(
    load: HttpLoad, event: Event, asked: Sequence[tuple[str, Sequence[int]]]
) -> list[Made]:
    """Let buyers take just these seats. Raises BenchError when one of them is refused."""
    requests = [onsale_api.reserve(event, token, seats) for token, seats in asked]
    outcome = await load.run(requests)
    made = []
    for request, body in outcome.bodies():
        reservation = onsale_api.reservation_of(body, "reserveSeats")
        if reservation is None:
            raise BenchError(f"A reservation was refused: {body.decode()}")
        made.append((asked[request][0], str(reservation["id"])))
    return made


async def cancel_all(load: HttpLoad, made: Sequence[Made]) -> None:
    """Give everything back. Raises BenchError when a cancellation is refused."""
    requests = (onsale_api.cancel(token, reservation) for token, reservation in made)
    outcome = await load.run(requests)
    for _, body in outcome.bodies():
        if onsale_api.reservation_of(body, "cancelReservation") is None:
            raise BenchError(f"A cancellation was refused: {body.decode()}")
