"""Broken box offices: a function of box_office/sql/ with its guard removed."""

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
        """Give the function as it is reinstalled. Fails where the line is no longer there."""
        source = (FOLDER / f"{self.function}.sql").read_text(encoding="utf-8")
        assert self.line in source, (
            f"{self.function}.sql has changed: mend the mutant {self.breach}"
        )
        create = f"CREATE FUNCTION {self.function}("
        assert create in source
        return source.replace(self.line, self.instead).replace(
            create, f"CREATE OR REPLACE FUNCTION {self.function}("
        )


SOLD_WITHOUT_OWNERSHIP = Mutant(
    "seats are sold to whoever pays, whoever holds them",
    "sell_seats",
    "WHERE s.reservation_id = m.id AND s.seat_index = ANY (m.seat_indexes))",
    "WHERE s.seat_index = ANY (m.seat_indexes))",
    frozenset(
        {
            "no_seat_is_sold_to_somebody_who_does_not_hold_it",
            "what_is_sold_has_a_live_ticket_and_nothing_else_has",
        }
    ),
    payment_seconds=0.5,
)

MUTANTS = (
    Mutant(
        "a held seat is as good as a free one",
        "reserve_seats",
        "s.state = 0 OR (s.state = 1 AND s.held_until <= now()), false)",
        "s.state IN (0, 1), false)",
        frozenset({"no_seat_belonged_to_two_at_once"}),
    ),
    Mutant(
        "a held standing place is as good as a free one",
        "lock_free_places",
        "AND (s.state = 0 OR (s.state = 1 AND s.held_until <= now()))",
        "AND s.state IN (0, 1)",
        frozenset({"no_seat_belonged_to_two_at_once"}),
    ),
    Mutant(
        "a seat is given back, whoever has it by now",
        "give_back_seats",
        "AND e.reservation_id = ANY (p_reservations)",
        "",
        frozenset(
            {
                "a_reservation_has_all_its_seats_until_its_time_is_over",
                "no_seat_belonged_to_two_at_once",
                "what_is_sold_has_a_live_ticket_and_nothing_else_has",
            }
        ),
    ),
    Mutant(
        "the sweeper does not look at the clock",
        "expire_reservations",
        "WHERE r.status = 'OPEN' AND r.expires_at <= now() AND r.event_id = p_event",
        "WHERE r.status = 'OPEN' AND r.event_id = p_event",
        frozenset({"no_seat_belonged_to_two_at_once", "nobody_lost_a_reservation_before_its_time"}),
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
    Mutant(
        "the tickets of a cancelled order still open the door",
        "void_orders",
        "UPDATE tickets t SET status = 'VOID'",
        "UPDATE tickets t SET status = 'VALID'",
        frozenset({"tickets_live_as_long_as_their_order"}),
    ),
)
