"""The words of the box office that clients see, each described here and nowhere else.

Import them from here: an enum that Strawberry meets before it is described stays without words.
"""

from box_office.events import EventSortKey
from models import (
    EventStatus,
    OrderStatus,
    ReservationStatus,
    SeatStatus,
    SectionKind,
    TicketStatus,
)
from schema.describing import describe_enum

__all__ = [
    "EventSortKey",
    "EventStatus",
    "OrderStatus",
    "ReservationStatus",
    "SeatStatus",
    "SectionKind",
    "TicketStatus",
]

describe_enum(
    EventSortKey,
    "What events are sorted by. Ties are sorted by id, so that the order is always the same.",
    STARTS_AT="When they start.",
    TITLE="Their titles, capitals or not.",
    CITY="The cities of their venues, capitals or not.",
)
describe_enum(
    EventStatus,
    "Where an event stands now: the organiser's decision and the clock together.",
    DRAFT="Not published yet: nobody but its organiser sees it.",
    SCHEDULED="Published; the sale opens at `salesOpenAt`.",
    ON_SALE="Seats can be reserved and bought.",
    PAUSED="The organiser has stopped the sale for a while. Reservations already made can be paid.",
    CLOSED="The sale is over, the event is not.",
    ENDED="The event is over.",
    CANCELLED="The organiser has called it off.",
)
describe_enum(
    OrderStatus,
    "Where an order stands.",
    COMMITTED="The seats are sold to you; the money is being taken.",
    PAID="Paid. The tickets are good.",
    CANCELLED="Cancelled: the tickets are void and the seats free. Money taken comes back.",
    REFUNDED="Cancelled, and the money has been given back.",
)
describe_enum(
    ReservationStatus,
    "Where a reservation stands.",
    OPEN="The seats are held for you until `expiresAt`; add, release, cancel or purchase.",
    PAYING="A payment is under way; until it is decided nothing else can be done.",
    PURCHASED="Paid for: see `order`.",
    CANCELLED="Given up before it was paid; the seats are free again.",
    EXPIRED="Not paid in time; the seats are free again.",
)
describe_enum(
    SeatStatus,
    "The state of a seat. In `SeatStates` it is the number in brackets.",
    AVAILABLE="Free to be reserved (0).",
    HELD="In somebody's reservation, perhaps yours; it may come back (1).",
    SOLD="Bought; it comes back only when an order is cancelled (2).",
    BLOCKED="Kept from sale by the organiser (3).",
)
describe_enum(
    SectionKind,
    "How the seats of a section are sold.",
    RESERVED="Each seat by its number: reserve it by its id or index.",
    GENERAL_ADMISSION="As many as fit, without numbers: reserve a quantity.",
)
describe_enum(
    TicketStatus,
    "Whether a ticket lets its bearer in.",
    VALID="It does.",
    VOID="It does not any more: its order was cancelled.",
)
