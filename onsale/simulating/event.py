"""The event the crowd wants, as the public API describes it."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from onsale.settings import StartError
from onsale.simulating.api import Api

#: Two bits a seat, as `SeatStates` packs them: the states of the four seats of each byte.
UNPACKED = [bytes(byte >> shift & 3 for shift in (0, 2, 4, 6)) for byte in range(256)]
AVAILABLE, HELD, SOLD, BLOCKED = range(4)
STATES = {"AVAILABLE": AVAILABLE, "HELD": HELD, "SOLD": SOLD, "BLOCKED": BLOCKED}


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the house."""

    id: str
    is_standing: bool
    seats: range


@dataclass(frozen=True, slots=True)
class Event:
    """What does not change while the crowd is there."""

    id: str
    slug: str
    title: str
    seat_count: int
    seats_per_buyer_max: int
    reservation_seconds: int
    sections: tuple[Section, ...]
    #: Numbered seats, row by row.
    rows: tuple[range, ...]

    @property
    def standing(self) -> tuple[Section, ...]:
        """The sections without numbers."""
        return tuple(section for section in self.sections if section.is_standing)


@dataclass(frozen=True, slots=True)
class Availability:
    """All seats at one moment."""

    version: int
    states: bytes
    #: By state: available, held, sold, blocked.
    counts: tuple[int, int, int, int]


async def find_event(api: Api, slug: str | None) -> Event:
    """Look up an event on sale; without a slug, the first. Raises StartError."""
    on_sale = await _slugs_on_sale(api)
    if slug is None and not on_sale:
        raise StartError("No event is on sale with a free seat. `make run` brings some.")
    by = {"slug": slug or on_sale[0]}
    told = (await api.ask("event", by=by))["event"]
    if told is None:
        raise StartError(f"--event: there is no event {slug!r}. {_choice(on_sale)}")
    if told["status"] != "ON_SALE":
        raise StartError(f"--event: {slug!r} is {told['status']}. {_choice(on_sale)}")
    layout = await api.fetch(told["seatMap"]["layoutUrl"])
    return read_event(told, layout)


def read_event(told: dict[str, Any], layout: dict[str, Any]) -> Event:
    """Put an event together from the API's answer and the layout of its seat map."""
    sections = tuple(map(_read_section, told["seatMap"]["sections"]))
    return Event(
        id=told["id"],
        slug=told["slug"],
        title=told["title"],
        seat_count=told["seatMap"]["seatCount"],
        seats_per_buyer_max=told["seatsPerBuyerMax"],
        reservation_seconds=told["reservationSeconds"],
        sections=sections,
        rows=tuple(_rows(sections, layout["rows"]["firstSeatIndex"])),
    )


async def availability_of(api: Api, event: Event) -> Availability:
    """Ask which seats are free."""
    told = (await api.ask("availability", id=event.id))["event"]["availability"]
    counts = told["available"], told["held"], told["sold"], told["blocked"]
    return Availability(told["version"], unpack(told["states"], told["total"]), counts)


def unpack(states: str, seat_count: int) -> bytes:
    """Read `SeatStates`: one byte a seat."""
    return b"".join(UNPACKED[byte] for byte in base64.b64decode(states))[:seat_count]


async def _slugs_on_sale(api: Api) -> list[str]:
    slugs: list[str] = []
    after = None
    while True:
        page = (await api.ask("events on sale", after=after))["events"]
        slugs += [node["slug"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return slugs


def _choice(slugs: list[str]) -> str:
    return f"On sale: {', '.join(slugs)}" if slugs else "No event is on sale with a free seat."


def _read_section(told: dict[str, Any]) -> Section:
    first = told["firstSeatIndex"]
    seats = range(first, first + told["capacity"])
    return Section(told["id"], told["kind"] == "GENERAL_ADMISSION", seats)


def _rows(sections: tuple[Section, ...], firsts: list[int]) -> Iterator[range]:
    """Tell rows apart: each goes to the next one's first seat, or to the end of its section."""
    for section in sections:
        if not section.is_standing:
            starts = [first for first in firsts if first in section.seats]
            for start, stop in zip(starts, [*starts[1:], section.seats.stop], strict=True):
                yield range(start, stop)
