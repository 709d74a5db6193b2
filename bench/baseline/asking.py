"""What the load programs ask of the baseline."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from bench.http_client import ask_once, data_of, graphql_request
from bench.postgres import Postgres

DATABASE = "bench_baseline"
EVENT_ID = 1

RESERVE = """
mutation Reserve($eventId: Int!, $seatIndexes: [Int!]!, $buyer: String!) {
  reserveSeats(eventId: $eventId, seatIndexes: $seatIndexes, buyer: $buyer) {
    reservation { id expiresAt } errors
  }
}
"""
COUNT_HELD = "query CountHeld($eventId: Int!) { held(eventId: $eventId) }"


@dataclass(frozen=True, slots=True)
class BaselineSeats:
    """The seats that the baseline sells."""

    postgres: Postgres
    count: int

    def reserve(self, seats: Sequence[int]) -> bytes:
        """Ask for seats, as a new buyer."""
        asked = {"eventId": EVENT_ID, "seatIndexes": seats, "buyer": str(uuid4())}
        return graphql_request(RESERVE, asked)

    def is_made(self, body: bytes) -> bool:
        """Tell whether there is a reservation, and no error."""
        payload = data_of(body)["reserveSeats"]
        return payload["reservation"] is not None and not payload["errors"]

    async def count_held(self, port: int) -> int:
        """Ask how many seats somebody holds."""
        body = await ask_once(port, graphql_request(COUNT_HELD, {"eventId": EVENT_ID}))
        return int(data_of(body)["held"])

    async def free(self) -> None:
        """Take back all seats, and leave the table as good as new."""
        async with self.postgres.connected(DATABASE) as connection:
            await connection.execute(
                "UPDATE baseline_seats SET hold_id = NULL, buyer = NULL, held_until = NULL"
            )
            await connection.execute("VACUUM FULL ANALYZE baseline_seats")
