"""What the bench asks of onsale, in its GraphQL."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from bench.http_client import ask_once, data_of, graphql_request
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
SEATS = """
query Seats($eventId: ID!) {
  event(by: { id: $eventId }) { seats { id index row number x y status } }
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
class Event:
    """An event on sale."""

    id: str
    slug: str
    title: str
    seat_count: int
    #: Free seats with a number when it was found, section by section.
    sections: tuple[tuple[int, ...], ...]

    @property
    def seats(self) -> list[int]:
        """All of them."""
        return [seat for section in self.sections for seat in section]


async def find_events(port: int) -> list[Event]:
    """Find the events that are on sale or will be."""
    found: list[Event] = []
    after = None
    while True:
        data = data_of(await ask_once(port, graphql_request(FIND_EVENTS, {"after": after})))
        events = data["events"]
        found += [_event(node) for node in events["nodes"] if node["status"] == "ON_SALE"]
        if not events["pageInfo"]["hasNextPage"]:
            return found
        after = events["pageInfo"]["endCursor"]


async def find_event(port: int, title: str) -> Event:
    """Find an event on sale by its title. Raises BenchError."""
    for event in await find_events(port):
        if event.title == title:
            return event
    raise BenchError(f"'{title}' is not on sale.")


async def find_arena(port: int) -> Event:
    """Find an event on sale with as many seats as an arena has. Raises BenchError."""
    for event in await find_events(port):
        if event.seat_count == ARENA_SEATS:
            return event
    raise BenchError(f"No event with {ARENA_SEATS:,} seats is on sale.")


def _event(node: dict[str, Any]) -> Event:
    states = base64.b64decode(node["availability"]["states"])
    sections = tuple(
        tuple(
            seat
            for seat in range(
                section["firstSeatIndex"], section["firstSeatIndex"] + section["capacity"]
            )
            if not states[seat >> 2] >> 2 * (seat & 3) & 3
        )
        for section in node["seatMap"]["sections"]
        if section["kind"] == "RESERVED"
    )
    return Event(node["id"], node["slug"], node["title"], node["seatMap"]["seatCount"], sections)


def reserve(event: Event, token: str, seats: Sequence[int]) -> bytes:
    """Ask for seats."""
    asked = {"eventId": event.id, "seatIndexes": seats}
    return graphql_request(RESERVE, {"input": asked}, token)


def cancel(token: str, reservation_id: str) -> bytes:
    """Give the seats back."""
    return graphql_request(CANCEL, {"input": {"reservationId": reservation_id}}, token)


def reservation_of(body: bytes, mutation: str) -> dict[str, Any] | None:
    """Give the reservation that a mutation answered with; None when it was refused."""
    payload = data_of(body)[mutation]
    reservation: dict[str, Any] | None = payload["reservation"]
    return None if payload["errors"] else reservation


def seats_request(event: Event) -> bytes:
    """Ask for seven fields of each seat."""
    return graphql_request(SEATS, {"eventId": event.id})


def availability_request(event: Event) -> bytes:
    """Ask for two bits a seat."""
    return graphql_request(AVAILABILITY, {"eventId": event.id})


def subscription_to(event: Event) -> bytes:
    """Write what a subscriber sends as the payload of its operation."""
    return orjson.dumps({"query": WATCH, "variables": {"eventId": event.id}})


async def count_held(port: int, event: Event) -> int:
    """Ask how many seats are in somebody's reservation."""
    data = data_of(await ask_once(port, graphql_request(COUNT_HELD, {"eventId": event.id})))
    return int(data["event"]["availability"]["held"])
