"""`availability` of an arena, beside a bare Starlette route that answers the same bytes."""

import asyncio
from dataclasses import dataclass
from itertools import repeat

from bench import onsale_api
from bench.figures import Figures
from bench.http_load import Connection, data_of, graphql_request, load
from bench.onsale_api import Arena
from bench.postgres import Postgres
from bench.processes import Server

CONNECTIONS = 16
SETTLE_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class AvailabilityReader:
    """Reads the availability from onsale or, with the same request, from the bare route."""

    server: Server
    postgres: Postgres
    request: bytes
    #: What every answer has to be.
    answer: bytes

    async def read(self, seconds: float) -> Figures:
        """Read for so long."""
        await asyncio.sleep(SETTLE_SECONDS)
        server_cpu, postgres_cpu = self.server.cpu_seconds(), self.postgres.cpu_seconds()
        done = await load(
            self.server.port,
            repeat((None, self.request)),
            lambda _, body: body == self.answer,
            connections=CONNECTIONS,
            seconds_max=seconds,
        )
        server_cpu = self.server.cpu_seconds() - server_cpu
        return Figures.of(done, server_cpu, self.postgres.cpu_seconds() - postgres_cpu)


def availability_request(arena: Arena) -> bytes:
    """Write the request."""
    return graphql_request(onsale_api.AVAILABILITY, {"eventId": arena.id})


async def availability_answer(port: int, arena: Arena) -> bytes:
    """Ask once, to know what the answer is while nobody reserves."""
    connection = await Connection.open(port)
    try:
        body = await connection.ask(availability_request(arena))
        data_of(body)
        return body
    finally:
        connection.close()
