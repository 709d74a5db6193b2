"""What buyers were told, and what the API shows of it: plain facts for the audit to compare."""

from dataclasses import dataclass, field, replace
from typing import Any

#: `expiresInSeconds` is a whole number.
ROUNDING_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Span:
    """From when something was asked to when it was answered, by this process's clock."""

    asked: float
    answered: float


@dataclass(frozen=True, slots=True)
class Reservation:
    """A reservation, as an answer showed it."""

    id: str
    status: str
    seats: tuple[int, ...]
    #: When that was.
    told: Span
    order_id: str | None = None
    #: How long it was still held then; None: it was over.
    seconds_left: float | None = None

    def may_have_lapsed(self, by: float) -> bool:
        """Whether its time may have been over at a moment: answers travel for a while."""
        if self.seconds_left is None:
            return False
        return by > self.told.asked + self.seconds_left - ROUNDING_SECONDS

    def must_have_lapsed(self, by: float) -> bool:
        """Whether its time was over at a moment for sure."""
        if self.seconds_left is None:
            return False
        return by > self.told.answered + self.seconds_left + ROUNDING_SECONDS


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket, as an answer showed it."""

    code: str
    seat: int
    status: str


@dataclass(frozen=True, slots=True)
class Order:
    """An order, as an answer showed it."""

    id: str
    status: str
    tickets: tuple[Ticket, ...]

    @property
    def seats(self) -> tuple[int, ...]:
        """The seats it has tickets for."""
        return tuple(ticket.seat for ticket in self.tickets)


@dataclass(slots=True)
class Record:
    """What one buyer was told: the newest word about each reservation and order."""

    buyer: int
    token: str = ""
    reservations: dict[str, Reservation] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    #: A call was never answered, so nobody can say what became of it.
    doubtful: bool = False


@dataclass(slots=True)
class Shown:
    """What the API shows one buyer when all is over."""

    reservations: dict[str, Reservation] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)


def read_reservation(
    shown: dict[str, Any], told: Span, known: Reservation | None = None
) -> Reservation:
    """Read a reservation out of an answer; what that leaves out is as it was known."""
    status, seconds_left = shown["status"], shown["expiresInSeconds"]
    if "seats" not in shown and known is not None:
        return replace(known, status=status, told=told, seconds_left=seconds_left)
    return Reservation(
        id=shown["id"],
        status=status,
        seats=tuple(seat["index"] for seat in shown["seats"]),
        told=told,
        order_id=shown["order"] and shown["order"]["id"],
        seconds_left=seconds_left,
    )


def read_order(shown: dict[str, Any]) -> Order:
    """Read an order out of an answer."""
    tickets = tuple(
        Ticket(ticket["code"], ticket["seat"]["index"], ticket["status"])
        for ticket in shown["tickets"]
    )
    return Order(shown["id"], shown["status"], tickets)
