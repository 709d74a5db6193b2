"""Fill an empty database with the demo's venues and events; one with events is left alone."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from box_office.database import Database
from box_office.publishing import NewEvent, NewPrice, analyze_seats, publish_event
from box_office.seat_maps import allow_bulk_work, find_or_make_venue, publish_seat_map
from box_office.seating_plan import PlanOptions, SeatingPlan, read_seating_plan
from demo.house_orders import sell_at_the_counter
from demo.programme import HOUSES, SHOWS, House, Show
from models import Event, SeatMap, Venue

PLANS = Path(__file__).parent / "plans"
#: "onsale demo" as a number: two servers that start at once seed one after the other.
_SEEDING_LOCK = 0x6F6E5F64656D6F


@dataclass(frozen=True, slots=True)
class Summary:
    """What seeding made: nothing in a database that has events."""

    venues: int = 0
    events: int = 0
    seats: int = 0


@dataclass(frozen=True, slots=True)
class _OpenHouse:
    """A house whose seat map is stored."""

    plan: SeatingPlan
    seat_map: SeatMap


def say_nothing(_text: str) -> None:
    """Report progress to nobody."""


async def seed(database: Database, on_progress: Callable[[str], None] = say_nothing) -> Summary:
    """Make the demo's venues and events, all in one transaction."""
    async with database.session() as session:
        if await _has_events(session):
            return Summary()
        now = await _now(session)
        houses: dict[str, _OpenHouse] = {}
        for house in HOUSES:
            on_progress(f"Building {house.venue.name}, {house.venue.city}")
            houses[house.venue.name] = await _open_house(session, house)
        seats = 0
        for show in SHOWS:
            on_progress(f"Announcing {show.title}")
            opened = houses[show.house.venue.name]
            await _announce(session, show, opened, now)
            seats += opened.seat_map.seat_count
        await session.commit()
    await analyze_seats(database)
    return Summary(venues=len(HOUSES), events=len(SHOWS), seats=seats)


async def _has_events(session: AsyncSession) -> bool:
    """Look for events, after anybody else who is seeding has finished."""
    await allow_bulk_work(session)
    connection = await session.connection()
    await connection.execute(
        sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _SEEDING_LOCK}
    )
    return (await session.exec(select(col(Event.id)).limit(1))).first() is not None


async def _now(session: AsyncSession) -> datetime:
    connection = await session.connection()
    now = (await connection.execute(sa.select(sa.func.now()))).scalar_one()
    assert isinstance(now, datetime)
    return now


async def _open_house(session: AsyncSession, house: House) -> _OpenHouse:
    venue = await find_or_make_venue(session, house.venue)
    assert isinstance(venue, Venue), venue
    file = PLANS / f"{house.plan}.json"
    plan = read_seating_plan(file.read_bytes(), PlanOptions(house.general_admission))
    assert isinstance(plan, SeatingPlan), plan
    plan = replace(plan, name=venue.name)  # Two houses share one plan.
    return _OpenHouse(plan, await publish_seat_map(session, venue, plan))


async def _announce(session: AsyncSession, show: Show, house: _OpenHouse, now: datetime) -> None:
    event = await publish_event(session, _new_event(show, house, now))
    assert isinstance(event, Event), event
    if show.sold_percent:
        sold_at = min(now, event.starts_at) - timedelta(days=2)
        await sell_at_the_counter(session, event, show.sold_percent, sold_at)


def _new_event(show: Show, house: _OpenHouse, now: datetime) -> NewEvent:
    starts_at = _local(now, show.days, show)
    opens_in = show.sales_open_in_days
    return NewEvent(
        seat_map_id=house.seat_map.id,
        title=show.title,
        type_name=show.type_name,
        description=show.description,
        performers=show.performers,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=show.hours),
        state=show.state,
        sales_open_at=None if opens_in is None else now + timedelta(days=opens_in),
        currency_code=show.house.currency_code,
        prices=_prices(show, house.plan),
        seats_per_buyer_max=show.seats_per_buyer_max,
        # The house keeps the last seats of the plan for itself.
        blocked_seat_indexes=tuple(
            range(house.seat_map.seat_count - show.blocked_seats, house.seat_map.seat_count)
        ),
    )


def _local(now: datetime, days: int, show: Show) -> datetime:
    """Say the hour of a show as the clock on the venue's wall will, summer time or not."""
    zone = ZoneInfo(show.house.venue.time_zone)
    day = now.astimezone(zone).date() + timedelta(days=days)
    return datetime.combine(day, show.at, tzinfo=zone).astimezone(UTC)


def _prices(show: Show, plan: SeatingPlan) -> tuple[NewPrice, ...]:
    amounts = show.prices or show.house.prices
    return tuple(
        NewPrice(category=category.name, amount=amounts[category.name], color=category.color)
        for category in plan.used_categories()
    )
