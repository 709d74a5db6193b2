"""What the load programs ask of onsale, in its GraphQL."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bench.http_load import ask_once, data_of, graphql_request, load
from bench.processes import BenchError

ARENA_SEATS = 20_000

FIND_EVENTS = """
query FindEvents($after: String) {
  events(first: 50, after: $after) {
    nodes {
      id slug title status
      seatMap { seatCount sections { kind firstSeatIndex capacity } }
      availability { states }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""
START_GUEST_SESSION = "mutation StartGuestSession { startGuestSession { token } }"
AVAILABILITY = """
query Availability($eventId: ID!) {
  event(by: { id: $eventId }) { availability { version available states } }
}
"""
COUNT_HELD = """
query CountHeld($eventId: ID!) { event(by: { id: $eventId }) { availability { held } } }
"""
RESERVE = """
mutation Reserve($input: ReserveSeatsInput!) {
  reserveSeats(input: $input) { reservation { id expiresAt } errors { __typename } }
}
"""
CANCEL = """
mutation Cancel($input: CancelReservationInput!) {
  cancelReservation(input: $input) { reservation { id status } errors { __typename } }
}
"""
WATCH = """
subscription Watch($eventId: ID!) {
  seatAvailability(eventId: $eventId) {
    __typename
    ... on AvailabilitySnapshot { availability { version available states } }
    ... on AvailabilityDelta { fromVersion version available changes { index status } }
    ... on AvailabilityStale { version }
  }
}
"""


@dataclass(frozen=True, slots=True)
class Arena:
    """The event that everybody wants to go to."""

    id: str
    slug: str
    title: str
    seat_count: int
    #: Free seats with a number, when the arena was found.
    seats: tuple[int, ...]


async def find_arena(port: int) -> Arena:
    """Find an event on sale with as many seats as an arena has. Raises BenchError."""
    after = None
    while True:
        data = await ask_once(port, graphql_request(FIND_EVENTS, {"after": after}))
        for event in data["events"]["nodes"]:
            if event["status"] == "ON_SALE" and event["seatMap"]["seatCount"] >= ARENA_SEATS:
                return _arena(event)
        if not data["events"]["pageInfo"]["hasNextPage"]:
            raise BenchError(f"No event with {ARENA_SEATS:,} seats is on sale.")
        after = data["events"]["pageInfo"]["endCursor"]


def _arena(event: dict[str, Any]) -> Arena:
    states = base64.b64decode(event["availability"]["states"])
    numbered = (
        seat
        for section in event["seatMap"]["sections"]
        if section["kind"] == "RESERVED"
        for seat in range(
            section["firstSeatIndex"], section["firstSeatIndex"] + section["capacity"]
        )
    )
    free = tuple(seat for seat in numbered if not states[seat >> 2] >> 2 * (seat & 3) & 3)
    return Arena(event["id"], event["slug"], event["title"], event["seatMap"]["seatCount"], free)


async def start_guests(port: int, count: int, connections: int) -> list[str]:
    """Let so many guests in; give their tokens."""
    tokens: list[str] = []

    def keep(_guest: int, body: bytes) -> bool:
        tokens.append(data_of(body)["startGuestSession"]["token"])
        return True

    request = graphql_request(START_GUEST_SESSION)
    await load(port, ((guest, request) for guest in range(count)), keep, connections=connections)
    return tokens


def reserve(arena: Arena, token: str, seats: Sequence[int]) -> bytes:
    """Ask for seats."""
    asked = {"eventId": arena.id, "seatIndexes": seats}
    return graphql_request(RESERVE, {"input": asked}, token)


def cancel(token: str, reservation_id: str) -> bytes:
    """Give the seats back."""
    return graphql_request(CANCEL, {"input": {"reservationId": reservation_id}}, token)


def payload_of(body: bytes, mutation: str) -> dict[str, Any] | None:
    """Give the reservation a mutation answered with; None when it was refused."""
    payload = data_of(body)[mutation]
    reservation: dict[str, Any] | None = payload["reservation"]
    return None if payload["errors"] else reservation


async def count_held(port: int, arena: Arena) -> int:
    """Ask how many seats are in somebody's reservation."""
    data = await ask_once(port, graphql_request(COUNT_HELD, {"eventId": arena.id}))
    return int(data["event"]["availability"]["held"])


def cancellations(reservations: Sequence[tuple[str, str]]) -> Iterator[tuple[None, bytes]]:
    """Write the requests that give everything back."""
    return ((None, cancel(token, reservation_id)) for token, reservation_id in reservations)
