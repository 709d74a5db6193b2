"""What the clients of a race were told, and when: the other half of the evidence."""

from dataclasses import dataclass, field
from enum import StrEnum
from math import inf
from uuid import UUID


class Action(StrEnum):
    """What a client may do. All but the last three are requests to a server."""

    RESERVE = "reserve"
    RELEASE = "release"
    CANCEL = "cancel"
    PURCHASE = "purchase"
    CANCEL_ORDER = "cancel order"
    APPROVE = "approve at the bank"
    REFUSE = "refuse at the bank"
    #: Go away for a minute: the rows of the reservation and of its payment are aged.
    LET_LAPSE = "let lapse"


@dataclass(frozen=True, slots=True)
class Held:
    """A reservation as an answer showed it."""

    id: UUID
    status: str
    seats: tuple[int, ...]
    #: Seconds since 1970, by the database's clock.
    expires_at: float | None


@dataclass(frozen=True, slots=True)
class Sold:
    """An order as an answer showed it."""

    id: UUID
    status: str
    seats: tuple[int, ...]
    total_minor: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a door said: a reservation, an order, the codes of refusals, or nothing proper."""

    reservation: Held | None = None
    order: Sold | None = None
    refusals: tuple[str, ...] = ()
    #: What the bank's page wants to know of a buyer who has to act there.
    client_secret: str | None = None
    #: Why this is no answer at all: a 5xx, an error of ours, a lost connection, a timeout.
    fault: str | None = None

    @property
    def settles_it(self) -> bool:
        """Whether the client now knows what happened."""
        return self.fault is None and "OUTCOME_UNKNOWN" not in self.refusals


@dataclass(frozen=True, slots=True)
class Told:
    """One request and its answer."""

    action: Action
    buyer: UUID
    #: The reservation or the order it was about.
    about: UUID | None
    #: None where nothing is paid.
    token: str | None
    sent_at: float
    received_at: float
    answer: Answer
    #: When exactly this was asked before, and nobody could say what came of it.
    asked_since: float = inf
    #: The seats it named.
    seats: tuple[int, ...] = ()

    @property
    def may_have_taken_effect_at(self) -> float:
        """From when on the books may show it."""
        return min(self.sent_at, self.asked_since)


@dataclass(slots=True)
class Record:
    """All that was told, in the order in which the answers came."""

    told: list[Told] = field(default_factory=list)

    def of(self, *actions: Action) -> list[Told]:
        """Give what was told about these actions."""
        return [told for told in self.told if told.action in actions]

    def counts(self) -> dict[str, int]:
        """Count answers by action and outcome, for whoever reads the test's output."""
        counted: dict[str, int] = {}
        for told in self.told:
            outcome = told.answer.fault or ", ".join(told.answer.refusals) or "done"
            name = f"{told.action}: {outcome}"
            counted[name] = counted.get(name, 0) + 1
        return dict(sorted(counted.items()))
