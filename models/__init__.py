"""What is stored: one subject a module, its constraints, and no behaviour beyond reading a row."""

from sqlmodel import SQLModel

from models.audits import Audit
from models.availability import EventLedger, EventSeat, SeatChange, SeatStatus
from models.base import Table, new_id
from models.events import (
    Event,
    EventPerformer,
    EventState,
    EventStatus,
    EventType,
    Performer,
    PriceLevel,
)
from models.orders import Order, OrderStatus, Ticket, TicketStatus
from models.payments import IdempotencyKey, Payment, PaymentHint, PaymentState, RequestKind
from models.reservations import Allowance, Reservation, ReservationStatus
from models.restores import Restore
from models.seat_maps import Seat, SeatMap, Section, SectionKind
from models.venues import Venue

metadata = SQLModel.metadata

__all__ = [
    "Allowance",
    "Audit",
    "Event",
    "EventLedger",
    "EventPerformer",
    "EventSeat",
    "EventState",
    "EventStatus",
    "EventType",
    "IdempotencyKey",
    "Order",
    "OrderStatus",
    "Payment",
    "PaymentHint",
    "PaymentState",
    "Performer",
    "PriceLevel",
    "RequestKind",
    "Reservation",
    "ReservationStatus",
    "Restore",
    "Seat",
    "SeatChange",
    "SeatMap",
    "SeatStatus",
    "Section",
    "SectionKind",
    "Table",
    "Ticket",
    "TicketStatus",
    "Venue",
    "metadata",
    "new_id",
]
