"""The history of every seat is one chain of owners.

A seat is a register that buyers write to: reserving it is one write, giving it back another. Nobody
sees a write happen. What a client knows is that it happened between sending a request and getting
its answer. So an owner's time is judged by what is certain: it began at the latest when the answer
came, and lasted at least until whatever may have ended it was sent, or until the moment that was
promised. A history is one chain if the writes could have happened in some order in which nobody
takes a seat from its owner. Two questions decide that:

* The certain times of two owners of a seat never overlap.
* Who was certainly the owner for no time at all was so for an instant between asking and being
  told; that whole span does not lie within another owner's certain time.

The database's log has the very times of the writes, without the names. It has to tell the same:
each seat that somebody was told to have got was taken, once, between the question and the answer;
and within a certain time nobody took the seat or gave it back.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import inf
from typing import Any
from uuid import UUID

from box_office.database import Database
from models import SeatStatus
from onsale.payments.pretend.tokens import Behaviour
from tests.races.cards import behaviour_of
from tests.races.record import Action, Record, Told

#: What a time loses when it is written as a float, and on its way through a clock or two.
CLOCK_SECONDS = 0.002
#: A purchase does so where the bank takes back its promise: the seats were sold, and are free.
MAY_END = {
    Action.RELEASE,
    Action.CANCEL,
    Action.PURCHASE,
    Action.CANCEL_ORDER,
    Action.LET_LAPSE,
}


@dataclass(frozen=True, slots=True)
class Claim:
    """A seat was a reservation's from some moment between `asked_at` and `since`, till `until`."""

    reservation: UUID
    asked_at: float
    since: float
    #: Before `since` where it may have been given back before anybody was told of having it.
    until: float

    @property
    def is_momentary(self) -> bool:
        """Whether no time is certain."""
        return self.until <= self.since


@dataclass(slots=True)
class Story:
    """All that was told of one reservation, and of its order."""

    id: UUID
    told: list[Told] = field(default_factory=list)
    ends: list[Told] = field(default_factory=list)
    #: Sold without ever having been let go of: whoever sells owned the seats until then.
    was_kept_until_sold: bool = False

    def claims(self) -> Iterator[tuple[int, Claim]]:
        """Give what each answer proves of each seat that it shows."""
        for told in self.told:
            held, sold = told.answer.reservation, told.answer.order
            if told.action is Action.PURCHASE and sold is not None:
                seats, promised, ends = sold.seats, inf, {Action.CANCEL_ORDER}
            elif held is not None and held.status == "OPEN" and held.expires_at is not None:
                seats, promised, ends = held.seats, held.expires_at, MAY_END
            else:
                continue
            if self.was_kept_until_sold:
                promised = inf
            for seat in seats:
                until = min(promised, self._may_have_ended(seat, told, ends))
                yield seat, Claim(self.id, told.may_have_taken_effect_at, told.received_at, until)

    def _may_have_ended(self, seat: int, since: Told, ends: AbstractSet[Action]) -> float:
        """Say when somebody first asked for what may end it, and not long before."""
        return min(
            (
                told.may_have_taken_effect_at
                for told in self.ends
                if told.action in ends
                and told.received_at > since.sent_at
                and (told.action is not Action.RELEASE or seat in told.seats)
            ),
            default=inf,
        )


def stories(record: Record) -> dict[UUID, Story]:
    """Sort what was told by the reservation it is about."""
    found: dict[UUID, Story] = {}
    reservation_of: dict[UUID | None, UUID] = {}
    for told in record.told:
        held, sold = told.answer.reservation, told.answer.order
        about = reservation_of.get(told.about) or told.about or (held.id if held else None)
        if about is None:
            continue
        story = found.setdefault(about, Story(about))
        story.told.append(told)
        if sold is not None and told.action is Action.PURCHASE:
            reservation_of[sold.id] = about
        if may_end(told):
            story.ends.append(told)
    for story in found.values():
        story.was_kept_until_sold = was_kept_until_sold(story)
    return found


def may_end(told: Told) -> bool:
    """Whether a request may have ended somebody's having a seat."""
    if told.action is Action.PURCHASE:
        return behaviour_of(told.token) is Behaviour.CAPTURE_REFUSED
    return told.action in MAY_END


def was_kept_until_sold(story: Story) -> bool:
    """Whether the seats were sold, and by no money that came after they had been let go of."""
    purchases = [told for told in story.told if told.action is Action.PURCHASE]
    return (
        any(told.answer.order is not None for told in purchases)
        and all(behaviour_of(told.token) is not Behaviour.LATE_MONEY for told in purchases)
        and all(told.action is not Action.LET_LAPSE for told in story.ends)
    )


def claims_by_seat(record: Record) -> dict[int, list[Claim]]:
    """Read from the record whose each seat was, and when."""
    claimed: dict[int, list[Claim]] = defaultdict(list)
    for story in stories(record).values():
        for seat, claim in story.claims():
            claimed[seat].append(claim)
    return claimed


def certain_times(claims: Iterable[Claim]) -> list[Claim]:
    """Give the certain times of a seat's owners, in order; those of one owner that meet as one."""
    by_owner: dict[UUID, list[Claim]] = defaultdict(list)
    for claim in sorted(claims, key=lambda claim: claim.since):
        if claim.is_momentary:
            continue
        mine = by_owner[claim.reservation]
        if mine and claim.since <= mine[-1].until:
            last = mine.pop()
            until = max(last.until, claim.until)
            mine.append(Claim(claim.reservation, last.asked_at, last.since, until))
        else:
            mine.append(claim)
    return sorted(
        (claim for mine in by_owner.values() for claim in mine), key=lambda claim: claim.since
    )


def every_seat_has_one_chain_of_owners(record: Record) -> list[Any]:
    """No order of what happened explains both of these claims to a seat."""
    return [
        (seat, one, other)
        for seat, claims in claims_by_seat(record).items()
        for one, other in [*overlaps(certain_times(claims)), *impossible_moments(claims)]
    ]


def overlaps(certain: list[Claim]) -> Iterator[tuple[Claim, Claim]]:
    """Find certain times of two owners that have a moment in common."""
    running: list[Claim] = []
    for claim in certain:
        running = [earlier for earlier in running if earlier.until > claim.since]
        yield from ((one, claim) for one in running if one.reservation != claim.reservation)
        running.append(claim)


def impossible_moments(claims: list[Claim]) -> Iterator[tuple[Claim, Claim]]:
    """Find who was told to have a seat while somebody else had it, from the question on."""
    certain = certain_times(claims)
    begins = [claim.since for claim in certain]
    for claim in claims:
        if not claim.is_momentary:
            continue
        before = bisect_left(begins, claim.asked_at)
        if before and certain[before - 1].until > claim.since:
            owner = certain[before - 1]
            if owner.reservation != claim.reservation:
                yield owner, claim


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one seat, as the database's log has it."""

    at: float
    state: int


LOG = """
    SELECT seat_indexes, states, extract(epoch FROM committed_at)::float8 AS at
    FROM seat_changes ORDER BY version
"""


async def logged_changes(database: Database) -> dict[int, list[Change]]:
    """Read the log of the only event there is, seat by seat."""
    async with database.pool.acquire() as connection:
        rows = await connection.fetch(LOG)
    changes: dict[int, list[Change]] = defaultdict(list)
    for row in rows:
        for seat, state in zip(row["seat_indexes"], row["states"], strict=True):
            changes[seat].append(Change(row["at"], state))
    return changes


async def the_log_tells_the_same_chain(database: Database, record: Record) -> list[Any]:
    """What clients were told of a seat, and its log, which knows the moments but not the names."""
    return differences(record, await logged_changes(database))


def differences(record: Record, log: dict[int, list[Change]]) -> list[Any]:
    """Find where the two tell different stories."""
    return [*takings_without_a_change(record, log), *changes_behind_the_owner(record, log)]


def takings_without_a_change(record: Record, log: dict[int, list[Change]]) -> list[Any]:
    """Find who was told to have got a seat, while the log knows of no taking that was theirs.

    Each taking is one buyer's: of those who may have made it, the one with the least time left
    gets it, which finds a taking for everybody if there is a way to.
    """
    waiting: dict[int, list[tuple[float, float, UUID]]] = defaultdict(list)
    for told, seat in takings(record):
        span = (told.may_have_taken_effect_at - CLOCK_SECONDS, told.received_at + CLOCK_SECONDS)
        waiting[seat].append((*span, told.buyer))
    missing: list[Any] = []
    for seat, spans in waiting.items():
        spans.sort()
        able: list[tuple[float, float, UUID]] = []
        for change in log.get(seat, []):
            while spans and spans[0][0] <= change.at:
                asked, told_at, buyer = spans.pop(0)
                heappush(able, (told_at, asked, buyer))
            if change.state == SeatStatus.HELD and able:
                while able and able[0][0] < change.at:
                    missing.append((seat, "was never taken", heappop(able)))
                if able:
                    heappop(able)
        missing += [(seat, "was never taken", left) for left in (*able, *spans)]
    return missing


def takings(record: Record) -> Iterator[tuple[Told, int]]:
    """Give the seats that an answer added to a reservation."""
    for story in stories(record).values():
        shown: set[int] = set()
        for told in story.told:
            held = told.answer.reservation
            if held is None or held.status != "OPEN":
                continue
            if told.action is Action.RESERVE:
                for seat in set(held.seats) - shown:
                    yield told, seat
            shown = set(held.seats)


def changes_behind_the_owner(record: Record, log: dict[int, list[Change]]) -> list[Any]:
    """Find seats that were taken or given back while they were certainly somebody's."""
    found: list[Any] = []
    for seat, claims in claims_by_seat(record).items():
        changes = log.get(seat, [])
        times = [change.at for change in changes]
        for claim in certain_times(claims):
            first = bisect_left(times, claim.since + CLOCK_SECONDS)
            last = bisect_left(times, claim.until - CLOCK_SECONDS)
            if first == 0 or changes[first - 1].state == SeatStatus.AVAILABLE:
                found.append((seat, "was free", claim))
            found += [
                (seat, change, claim)
                for change in changes[first:last]
                if change.state != SeatStatus.SOLD
            ]
    return found
