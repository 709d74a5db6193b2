"""What a request names, read for the box office. An id that we never wrote names nothing."""

from collections.abc import Sequence
from uuid import UUID

from box_office.reserving import GeneralAdmission, NamedSeat, SeatWish
from schema.ids import NodeKind, decode_id, key_of
from schema.reservations import ReserveSeatsInput

#: The key of nothing: whoever looks for it finds what is found for a deleted row.
NOTHING = UUID(int=0)


def key_or_nothing(text: str, kind: NodeKind) -> UUID:
    """Read an id of this kind."""
    return key_of(text, kind) or NOTHING


def named_seats(seat_ids: Sequence[str] | None) -> tuple[NamedSeat, ...]:
    """Read ids of seats, and keep what was written for the answer."""
    return tuple(_named_seat(text) for text in seat_ids or ())


def seat_wish(asked: ReserveSeatsInput) -> SeatWish:
    """Read what a buyer would like to reserve."""
    return SeatWish(
        event_id=key_or_nothing(asked.event_id, NodeKind.EVENT),
        seat_indexes=tuple(asked.seat_indexes or ()),
        named_seats=named_seats(asked.seat_ids),
        general_admission=tuple(
            GeneralAdmission(
                section_text=area.section_id,
                section_id=key_of(area.section_id, NodeKind.SECTION),
                quantity=area.quantity,
            )
            for area in asked.general_admission or ()
        ),
    )


def _named_seat(text: str) -> NamedSeat:
    found = decode_id(text)
    if found is None or found.seat_index is None:
        return NamedSeat(text, None, 0)
    return NamedSeat(text, found.key, found.seat_index)
