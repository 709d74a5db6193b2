"""Broken box offices: a function of box_office/sql/ with its guard removed."""

from collections.abc import Mapping
from dataclasses import dataclass

from box_office.functions import FOLDER


@dataclass(frozen=True, slots=True)
class Mutant:
    """Lines of a function's source, and what stands there instead."""

    breach: str
    function: str
    line: str
    instead: str
    #: The checkers of which at least one must notice; which of them is a matter of luck.
    noticed_by: frozenset[str]
    #: How long a payment takes at most, so that the breach matters.
    payment_seconds: float = 0.2

    def source(self) -> str:
        """Give the function as it is reinstalled."""
        return mutated(self.function, {self.line: self.instead})


def mutated(function: str, edits: Mapping[str, str]) -> str:
    """Give a function's source with other lines. Fails where one of them is no longer there."""
    source = (FOLDER / f"{function}.sql").read_text(encoding="utf-8")
    create = f"CREATE FUNCTION {function}("
    for line, instead in {**edits, create: f"CREATE OR REPLACE FUNCTION {function}("}.items():
        assert line in source, f"{function}.sql has changed: mend its mutant {edits}"
        source = source.replace(line, instead)
    return source


MUTANTS = (
    Mutant(
        "a held seat is as good as a free one",
        "reserve_seats",
        "s.state = 0 OR (s.state = 1 AND s.held_until <= now()), false)",
        "s.state IN (0, 1), false)",
        frozenset({"every_seat_has_one_chain_of_owners"}),
    ),
    Mutant(
        "a held standing place is as good as a free one",
        "lock_free_places",
        "AND (s.state = 0 OR (s.state = 1 AND s.held_until <= now()))",
        "AND s.state IN (0, 1)",
        frozenset({"every_seat_has_one_chain_of_owners"}),
    ),
    Mutant(
        "a seat is given back, whoever has it by now",
        "give_back_seats",
        "AND e.reservation_id = ANY (p_reservations)",
        "",
        frozenset(
            {
                "a_reservation_has_all_its_seats_until_its_time_is_over",
                "every_seat_has_one_chain_of_owners",
                "what_is_sold_has_a_live_ticket_and_nothing_else_has",
            }
        ),
    ),
    Mutant(
        "the sweeper does not look at the clock",
        "expire_reservations",
        "WHERE r.status = 'OPEN' AND r.expires_at <= now() AND r.event_id = p_event",
        "WHERE r.status = 'OPEN' AND r.event_id = p_event",
        frozenset(
            {"every_seat_has_one_chain_of_owners", "nobody_lost_a_reservation_before_its_time"}
        ),
    ),
    Mutant(
        "what is being paid is held no longer than it was",
        "begin_purchases",
        "UPDATE event_seats s SET held_until = now() + p_deadline",
        "UPDATE event_seats s SET held_until = s.held_until",
        frozenset(
            {
                "a_reservation_has_all_its_seats_until_its_time_is_over",
                "whoever_was_let_pay_kept_the_seats",
            }
        ),
        payment_seconds=2.0,
    ),
    Mutant(
        "seats that are added count once too often",
        "reserve_seats",
        "DO UPDATE SET seats = a.seats + excluded.seats",
        "DO UPDATE SET seats = a.seats + excluded.seats + 1",
        frozenset({"an_allowance_counts_the_seats_that_its_buyer_has"}),
    ),
)
