"""Boards without a database: rows and changes made by hand."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from box_office.availability import BoardRow, BoardSection
from box_office.changes import SeatChanges

EVENT = UUID("0197a000-0000-7000-8000-000000000001")
STALLS = UUID("0197a000-0000-7000-8000-00000000000a")
BALCONY = UUID("0197a000-0000-7000-8000-00000000000b")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def a_row(
    states: bytes, *, version: int = 0, price_levels: bytes = b"", prices: tuple[int, ...] = (1000,)
) -> BoardRow:
    """The first half of the seats are the stalls, the rest the balcony."""
    half = len(states) // 2
    return BoardRow(
        event_id=EVENT,
        version=version,
        as_of=NOON,
        states=states,
        price_levels=price_levels or bytes(len(states)),
        level_prices=prices,
        sections=(
            BoardSection(STALLS, 0, half),
            BoardSection(BALCONY, half, len(states) - half),
        ),
    )


def a_change(version: int, seats: Mapping[int, int]) -> SeatChanges:
    as_of = NOON + timedelta(seconds=version)
    return SeatChanges(EVENT, version, as_of, tuple(seats), bytes(seats.values()))
