"""A small house and what is on there, published as an organiser would."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from box_office.database import Database
from box_office.publishing import NewEvent, NewPrice, publish_event
from models import Event, Seat, SeatMap, Section, SectionKind, Venue

#: 6 numbered seats in 2 rows, then a floor for 4.
SEAT_COUNT = 10
STALLS_SEATS = 6


@dataclass(frozen=True)
class House:
    """A venue with one seat map of two sections."""

    venue: Venue
    seat_map: SeatMap
    stalls: Section
    floor: Section


@dataclass
class Programme:
    """Makes venues and events; every event costs 30 and 20 in the stalls, 10 on the floor."""

    database: Database
    houses: dict[str, House] = field(default_factory=dict)

    async def house(self, name: str = "Old Hall", city: str = "Leeds", **venue: Any) -> House:
        """Give a house of this name, building it when it is first named."""
        if name not in self.houses:
            self.houses[name] = await self._build(
                {"name": name, "city": city, "country_code": "GB", "time_zone": "Europe/London"}
                | venue
            )
        return self.houses[name]

    async def event(self, title: str = "Hamlet", house: House | None = None, **facts: Any) -> Event:
        """Publish an event; it starts in 30 days unless told otherwise."""
        house = house or await self.house()
        starts_at = facts.pop("starts_at", datetime.now(UTC) + timedelta(days=30))
        new = NewEvent(
            **{
                "seat_map_id": house.seat_map.id,
                "title": title,
                "type_name": "Theatre",
                "starts_at": starts_at,
                "ends_at": starts_at + timedelta(hours=3),
                "currency_code": "EUR",
                "prices": (
                    NewPrice(category="Best", amount="30.00", color="#0072B2"),
                    NewPrice(category="Good", amount="20.00"),
                    NewPrice(category="Standing", amount="10.00"),
                ),
            }
            | facts
        )
        async with self.database.session() as session:
            event = await publish_event(session, new)
            assert isinstance(event, Event), event
            await session.commit()
        return event

    async def execute(self, statement: str, *values: Any) -> None:
        """Age, hide or sell things behind everybody's back."""
        await self.database.pool.execute(statement, *values)

    async def set_states(self, event_id: UUID, states: Mapping[int, int]) -> None:
        """Bring seats into states, with ledger, version and log, as a commit would."""
        reservation = "CASE WHEN $3::smallint IN (1, 2) THEN gen_random_uuid() END"
        held_until = "CASE WHEN $3::smallint = 1 THEN now() + interval '1 hour' END"
        for index, state in states.items():
            await self.execute(
                f"UPDATE event_seats SET state = $3, reservation_id = {reservation},"
                f" held_until = {held_until} WHERE event_id = $1 AND seat_index = $2",
                event_id,
                index,
                state,
            )
        await self.execute(
            """UPDATE event_ledgers l SET version = version + 1, available = c.available,
                 held = c.held, sold = c.sold, blocked = c.blocked
               FROM (SELECT count(*) FILTER (WHERE state = 0) AS available,
                            count(*) FILTER (WHERE state = 1) AS held,
                            count(*) FILTER (WHERE state = 2) AS sold,
                            count(*) FILTER (WHERE state = 3) AS blocked
                       FROM event_seats WHERE event_id = $1) c
               WHERE l.event_id = $1""",
            event_id,
        )

    async def _build(self, facts: dict[str, Any]) -> House:
        venue = Venue(**facts)
        seat_map = SeatMap(
            venue_id=venue.id,
            version=1,
            name="As always",
            width=100,
            height=60,
            seat_count=SEAT_COUNT,
            layout=b'{"x":[]}',
            layout_hash="0123456789abcdef",
        )
        stalls = Section(
            seat_map_id=seat_map.id,
            position=0,
            name="Stalls",
            kind=SectionKind.RESERVED,
            capacity=STALLS_SEATS,
            first_seat_index=0,
            outline=[[0, 0], [100, 0], [100, 40]],
        )
        floor = Section(
            seat_map_id=seat_map.id,
            position=1,
            name="Floor",
            kind=SectionKind.GENERAL_ADMISSION,
            capacity=SEAT_COUNT - STALLS_SEATS,
            first_seat_index=STALLS_SEATS,
            category="Standing",
        )
        async with self.database.session() as session:
            for rows in ([venue], [seat_map], [stalls, floor], seats_of(stalls)):
                session.add_all(rows)
                await session.flush()
            await session.commit()
        return House(venue, seat_map, stalls, floor)


def seats_of(stalls: Section) -> list[Seat]:
    """Two rows of three; the first seat has room for a wheelchair."""
    return [
        Seat(
            seat_map_id=stalls.seat_map_id,
            seat_index=index,
            section_id=stalls.id,
            row="AB"[index // 3],
            number=str(index % 3 + 1),
            x=10.0 * (index % 3),
            y=20.0 * (index // 3),
            accessible=index == 0,
            category="Best" if index < 3 else "Good",
        )
        for index in range(STALLS_SEATS)
    ]
