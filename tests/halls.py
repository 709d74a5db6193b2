"""A small hall with an event on sale, and buyers: what the tests of the rules play with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from box_office.boards import BoardView, SeatBoards
from box_office.box_office import BoxOffice
from box_office.changes import SeatChanges
from box_office.database import Database
from box_office.news import NoNews, SeatNews
from box_office.providers import (
    ActionRequired,
    Authorisation,
    Authorised,
    Charge,
    ChargeState,
    Declined,
    Hint,
    PaymentProvider,
    Standing,
)
from box_office.refusals import Refusal
from box_office.reservations import ReservationRow
from box_office.reserving import GeneralAdmission, SeatWish, reserve_seats
from models import new_id

PRICE_MINOR = 4_200
VIP_PRICE_MINOR = 9_900


CARD_DECLINED = Declined("card_declined", "The card was declined.", retryable=True)


class NoBoards:
    """For tests of the rules alone, which nobody watches."""

    def seen(self, event_id: UUID) -> BoardView | None:  # noqa: ARG002
        """Show nothing."""
        return None

    async def view(self, event_id: UUID) -> BoardView | None:  # noqa: ARG002
        """Show nothing."""
        return None

    def apply(self, changes: SeatChanges) -> None:
        """Forget it."""

    def free_seats(self, event_id: UUID, first: int, last: int, most: int) -> list[int]:  # noqa: ARG002
        """Propose nothing: the statement looks for itself."""
        return []


class PretendProvider:
    """Takes any money but that of `pretend_declined`, and remembers what it was asked to do."""

    name = "pretend"

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.charges: dict[UUID, Standing] = {}

    async def authorise(self, charge: Charge) -> Authorisation:
        self.asked.append(("authorise", str(charge.payment_id)))
        known = self.charges.get(charge.payment_id)
        if known is None:
            known = self.decide(charge)
            self.charges[charge.payment_id] = known
        if known.state is ChargeState.ACTION_REQUIRED:
            return ActionRequired(known.reference or "", "secret")
        if known.state in {ChargeState.DECLINED, ChargeState.VOIDED}:
            return known.declined or CARD_DECLINED
        return Authorised(reference=known.reference or "")

    def decide(self, charge: Charge) -> Standing:
        """Say what becomes of a new charge."""
        reference = f"pretend-{charge.payment_id}"
        if charge.token == "pretend_declined":
            return Standing(ChargeState.DECLINED, reference, CARD_DECLINED)
        if charge.token == "pretend_action_required":
            return Standing(ChargeState.ACTION_REQUIRED, reference)
        return Standing(ChargeState.AUTHORISED, reference)

    async def look_up(self, payment_id: UUID) -> Standing:
        self.asked.append(("look up", str(payment_id)))
        return self.charges.get(payment_id, Standing(ChargeState.NONE))

    async def capture(self, reference: str) -> Declined | None:
        self.asked.append(("capture", reference))
        self.step(reference, ChargeState.AUTHORISED, ChargeState.CAPTURED)
        return None

    async def void(self, payment_id: UUID) -> Standing:
        self.asked.append(("void", str(payment_id)))
        known = self.charges.get(payment_id, Standing(ChargeState.NONE))
        if known.state in {ChargeState.NONE, ChargeState.AUTHORISED, ChargeState.ACTION_REQUIRED}:
            self.charges[payment_id] = replace(known, state=ChargeState.VOIDED)
        return self.charges[payment_id]

    async def refund(self, reference: str) -> None:
        self.asked.append(("refund", reference))
        self.step(reference, ChargeState.CAPTURED, ChargeState.REFUNDED)

    async def changed_since(self, moment: datetime) -> list[UUID]:  # noqa: ARG002
        """List all: it keeps no time."""
        return list(self.charges)

    def read_hint(self, headers: Mapping[str, str], body: bytes) -> Hint | None:  # noqa: ARG002
        """Nobody sends it any."""
        return None

    def step(self, reference: str, before: ChargeState, after: ChargeState) -> None:
        """Take a charge its next step; one that is done is no fault, any other is."""
        states = [known.state for known in self.charges.values() if known.reference == reference]
        if states not in ([before], [after]):
            raise RuntimeError(f"{reference} is {states} and cannot become {after}")
        self.move(reference, after)

    def move(self, reference: str, state: ChargeState) -> None:
        """Take the charge of this reference on, if there is one."""
        for payment_id, known in self.charges.items():
            if known.reference == reference:
                self.charges[payment_id] = replace(known, state=state)
                return


@dataclass(frozen=True, slots=True)
class Hall:
    """An event with numbered seats first and standing places behind them."""

    box_office: BoxOffice
    event_id: UUID
    stalls_id: UUID
    floor_id: UUID | None
    numbered: int
    standing: int

    async def reserve(
        self, *seats: int, buyer: UUID | None = None, standing: int = 0
    ) -> ReservationRow | list[Refusal]:
        """Ask for seats as a buyer does."""
        return await reserve_seats(
            self.box_office, buyer or uuid4(), self.wish(*seats, standing=standing)
        )

    def wish(self, *seats: int, standing: int = 0) -> SeatWish:
        """Say what a buyer wants."""
        floor = GeneralAdmission("floor", self.floor_id, standing)
        return SeatWish(self.event_id, seats, general_admission=(floor,) if standing else ())

    async def held(
        self, *seats: int, buyer: UUID | None = None, standing: int = 0
    ) -> ReservationRow:
        """Reserve where nothing stands in the way."""
        answer = await self.reserve(*seats, buyer=buyer, standing=standing)
        assert isinstance(answer, ReservationRow), answer
        return answer

    async def lapse(self, reservation_id: UUID) -> None:
        """Let a reservation's time run out: age its rows, for nobody sets the database's clock."""
        await self.execute(
            "UPDATE reservations SET expires_at = now() - interval '1 second' WHERE id = $1",
            reservation_id,
        )
        await self.execute(
            "UPDATE event_seats SET held_until = now() - interval '1 second'"
            " WHERE reservation_id = $1 AND state = 1",
            reservation_id,
        )

    async def seats(self) -> list[asyncpg.Record]:
        """Every seat as the database has it."""
        return await self.fetch(
            "SELECT * FROM event_seats WHERE event_id = $1 ORDER BY seat_index", self.event_id
        )

    async def states(self) -> list[int]:
        """Every seat's state."""
        return [row["state"] for row in await self.seats()]

    async def ledger(self) -> asyncpg.Record:
        """The counters and the version."""
        (row,) = await self.fetch("SELECT * FROM event_ledgers WHERE event_id = $1", self.event_id)
        return row

    async def allowance(self, buyer: UUID) -> int:
        """How many seats count against a buyer's limit."""
        rows = await self.fetch(
            "SELECT seats FROM allowances WHERE event_id = $1 AND buyer_id = $2",
            self.event_id,
            buyer,
        )
        return rows[0]["seats"] if rows else 0

    async def execute(self, statement: str, *values: Any) -> None:
        """Do something to the database that no rule of ours would."""
        async with self.box_office.database.pool.acquire() as connection:
            await connection.execute(statement, *values)

    async def fetch(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        """Look into the database."""
        async with self.box_office.database.pool.acquire() as connection:
            return list(await connection.fetch(statement, *values))


@asynccontextmanager
async def open_hall(
    database: Database,
    *,
    numbered: int = 12,
    standing: int = 0,
    boards: SeatBoards | None = None,
    news: SeatNews | None = None,
    provider: PaymentProvider | None = None,
    **event: Any,
) -> AsyncIterator[Hall]:
    """Build a hall, put an event on sale in it, and open a box office for it."""
    event_id, stalls_id, floor_id = await build_hall(database, numbered, standing, event)
    box_office = BoxOffice.open(
        database, boards or NoBoards(), news or NoNews(), provider or PretendProvider()
    )
    yield Hall(box_office, event_id, stalls_id, floor_id, numbered, standing)
    await box_office.close()


#: What an event of a hall is unless a test says otherwise.
USUAL = {
    "state": "PUBLISHED",
    "starts_in": "7 days",
    "reservation_seconds": 600,
    "seats_per_buyer_max": 10,
    "currency_code": "GBP",
    "price": PRICE_MINOR,
    "vip_price": VIP_PRICE_MINOR,
}


async def build_hall(
    database: Database, numbered: int, standing: int, event: dict[str, Any]
) -> tuple[UUID, UUID, UUID | None]:
    """Write the rows of a hall and its event, quicker than publishing a plan."""
    seat_map, event_id, stalls = new_id(), new_id(), new_id()
    floor = new_id() if standing else None
    async with database.pool.acquire() as db, db.transaction():
        venue = await insert_seat_map(db, seat_map, numbered + standing)
        await insert_sections(db, seat_map, [(stalls, numbered), (floor, standing)])
        await db.execute(
            "INSERT INTO seats SELECT $1, i, $2, 'A', (i + 1)::text, i, 0, false, 'General'"
            " FROM generate_series(0, $3::int - 1) i",
            seat_map,
            stalls,
            numbered,
        )
        await insert_event(db, event_id, venue, seat_map, USUAL | event)
        await insert_event_seats(db, event_id, numbered + standing)
    return event_id, stalls, floor


async def insert_seat_map(db: Any, seat_map: UUID, seats: int) -> UUID:
    """Write a seat map and its venue, and give the venue."""
    venue = new_id()
    await db.execute(
        "INSERT INTO venues (id, name, city, country_code, time_zone)"
        " VALUES ($1, $2, 'London', 'GB', 'Europe/London')",
        venue,
        f"Hall {venue}",
    )
    await db.execute(
        "INSERT INTO seat_maps (id, venue_id, version, name, width, height, seat_count, layout,"
        " layout_hash) VALUES ($1, $2, 1, 'Hall', 100, 100, $3, '{}', 'hash')",
        seat_map,
        venue,
        seats,
    )
    return venue


async def insert_event(
    db: Any, event_id: UUID, venue: UUID, seat_map: UUID, event: dict[str, Any]
) -> None:
    """Write an event and its two price levels."""
    await db.execute(
        "INSERT INTO event_types (key, name) VALUES ('concert', 'Concert') ON CONFLICT DO NOTHING"
    )
    await db.execute(
        "INSERT INTO events (id, slug, title, type_key, venue_id, seat_map_id, starts_at,"
        " ends_at, state, currency_code, reservation_seconds, seats_per_buyer_max, search_text)"
        " VALUES ($1, $2, 'A concert', 'concert', $3, $4, now() + $5::text::interval,"
        " now() + $5::text::interval + interval '2 hours', $6, $7, $8, $9, 'a concert')",
        event_id,
        f"concert-{event_id}",
        venue,
        seat_map,
        event["starts_in"],
        event["state"],
        event["currency_code"],
        event["reservation_seconds"],
        event["seats_per_buyer_max"],
    )
    await db.executemany(
        "INSERT INTO price_levels (id, event_id, position, name, price_minor)"
        " VALUES ($1, $2, $3, $4, $5)",
        [
            (new_id(), event_id, 0, "General", event["price"]),
            (new_id(), event_id, 1, "VIP", event["vip_price"]),
        ],
    )


async def insert_event_seats(db: Any, event_id: UUID, seats: int) -> None:
    """Write an event's seats, the first of them VIP, and its ledger."""
    await db.execute(
        "INSERT INTO event_seats (event_id, seat_index, state, price_level)"
        " SELECT $1, i, 0, CASE WHEN i = 0 THEN 1 ELSE 0 END"
        " FROM generate_series(0, $2::int - 1) i",
        event_id,
        seats,
    )
    await db.execute(
        "INSERT INTO event_ledgers (event_id, version, seat_count, available, held, sold,"
        " blocked) VALUES ($1, 0, $2, $2, 0, 0, 0)",
        event_id,
        seats,
    )


async def insert_sections(
    db: Any, seat_map: UUID, sections: Sequence[tuple[UUID | None, int]]
) -> None:
    """Write a seat map's sections: the stalls, and the floor where there is one."""
    first = 0
    for position, (section_id, capacity) in enumerate(sections):
        if section_id is None or capacity == 0:
            continue
        await db.execute(
            "INSERT INTO sections (id, seat_map_id, position, name, kind, capacity,"
            " first_seat_index) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            section_id,
            seat_map,
            position,
            ("Stalls", "Floor")[position],
            ("RESERVED", "GENERAL_ADMISSION")[position],
            capacity,
            first,
        )
        first += capacity
